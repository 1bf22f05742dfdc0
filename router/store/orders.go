package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle"
)

var _ market.DB = (*Store)(nil)

const orderColumns = `id, buyer, dataset, version, price, reference, created, expires, sold, refunded,
	(SELECT CAST(COALESCE(SUM(p.units), 0) AS BIGINT) FROM order_payments p WHERE p.order_id = orders.id)`

// CreateOrder implements market.DB.
func (s *Store) CreateOrder(ctx context.Context, o market.Order) error {
	return s.write(ctx, "store order", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO orders (id, buyer, dataset, version, price, reference, created, expires, sold, refunded)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)`,
			o.ID, o.Buyer, o.Dataset, o.Version, int64(o.Price), o.Reference.String(), toMillis(o.Created), toMillis(o.Expires))
		return err
	})
}

// Order implements market.DB.
func (s *Store) Order(ctx context.Context, id string) (o market.Order, err error) {
	err = s.read(ctx, "read order", func(tx *sql.Tx) error {
		var err error
		o, err = scanOrder(tx.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE id = $1`, id))
		return err
	})
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("order %.60q: %w", id, market.ErrNoOrder)
	}
	return o, err
}

// Orders implements market.DB.
func (s *Store) Orders(ctx context.Context, after string, limit int) ([]market.Order, error) {
	return s.orders(ctx, `WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2`, after, upTo(limit, market.MaxList))
}

// Watched implements market.DB.
func (s *Store) Watched(ctx context.Context, since time.Time) ([]market.Order, error) {
	return s.orders(ctx, `WHERE expires > $1 ORDER BY id`, toMillis(since))
}

func (s *Store) orders(ctx context.Context, where string, args ...any) ([]market.Order, error) {
	var list []market.Order
	err := s.read(ctx, "list orders", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			o, err := scanOrder(rows)
			list = append(list, o)
			return err
		}, `SELECT `+orderColumns+` FROM orders `+where, args...)
	})
	return list, err
}

// SavePayments implements market.DB.
func (s *Store) SavePayments(ctx context.Context, order string, payments []market.Payment) error {
	return s.write(ctx, "store payments of an order", func(tx *sql.Tx) error {
		for _, p := range payments {
			_, err := tx.ExecContext(ctx, `INSERT INTO order_payments (signature, order_id, units, payer, at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (signature) DO NOTHING`, p.Signature, order, int64(p.Units), keyText(p.From), toMillis(p.At))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// OrderPayments implements market.DB.
func (s *Store) OrderPayments(ctx context.Context, order string) ([]market.Payment, error) {
	var list []market.Payment
	err := s.read(ctx, "list payments of an order", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var p market.Payment
			var at int64
			err := rows.Scan(&p.Signature, &p.Units, optionalKey{&p.From}, &at)
			p.At = fromMillis(at)
			list = append(list, p)
			return err
		}, `SELECT signature, units, payer, at FROM order_payments WHERE order_id = $1 ORDER BY at, signature`, order)
	})
	return list, err
}

// SetSold implements market.DB.
func (s *Store) SetSold(ctx context.Context, order string, at time.Time) error {
	return s.write(ctx, "store sale of an order", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE orders SET sold = CASE WHEN sold = 0 THEN $1 ELSE sold END WHERE id = $2`, toMillis(at), order))
	})
}

// SetRefunded implements market.DB.
func (s *Store) SetRefunded(ctx context.Context, order string, total market.Units) error {
	return s.write(ctx, "store refund of an order", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE orders SET refunded = CASE WHEN refunded < $1 THEN $1 ELSE refunded END WHERE id = $2`, int64(total), order))
	})
}

func scanOrder(r row) (market.Order, error) {
	var o market.Order
	var created, expires, sold int64
	err := r.Scan(&o.ID, &o.Buyer, &o.Dataset, &o.Version, &o.Price, textKey{&o.Reference}, &created, &expires, &sold, &o.Refunded, &o.Received)
	o.Created, o.Expires, o.Sold = fromMillis(created), fromMillis(expires), fromMillis(sold)
	return o, found(err)
}

// SaveRefund implements settle.DB.
func (s *Store) SaveRefund(ctx context.Context, b settle.Batch) (settle.Batch, error) {
	err := s.write(ctx, "store refund", func(tx *sql.Tx) error {
		if err := dropPlanned(ctx, tx); err != nil {
			return err
		}
		b.State = settle.BatchPlanned
		if err := putBatch(ctx, tx, b, "", time.Time{}); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT MAX(number) FROM settle_batches WHERE epoch = $1`, int64(b.Epoch)).Scan(&b.Number)
	})
	return b, err
}

// Refunded implements settle.DB.
func (s *Store) Refunded(ctx context.Context, order string) (total settle.Units, err error) {
	err = s.read(ctx, "sum up refunds", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(p.units), 0) AS BIGINT) FROM settle_payouts p
			JOIN settle_batches b ON b.epoch = p.epoch AND b.number = p.batch
			WHERE b.state = 'final' AND b.kind = 'refund' AND p.tag = $1`, order).Scan(&total)
	})
	return total, err
}
