package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// Sale is one order of a dataset version, paid for good. Its price is shared as
// royalties when the epoch closes that was open when it was saved.
type Sale struct {
	ID      string // of the order; 1 to 128 bytes
	Dataset string
	Version int
	Price   ledger.TokenUnits // what was paid, base units of the router's token
	At      time.Time
}

// SaveSale books a sale once: the same ID again changes nothing, ErrContradicts
// if it says something else. ErrInvalid if it is out of bounds, or the open
// epoch has ledger.MaxSales versions sold already.
func (s *Store) SaveSale(ctx context.Context, sale Sale) error {
	if sale.ID == "" || len(sale.ID) > maxNodeText || sale.Dataset == "" || !ledger.IsText(sale.Dataset) || sale.Version < 1 || sale.Price < 0 || sale.Price > ledger.MaxPrice {
		return fmt.Errorf("save sale: %w: order %.40q of %.40q version %d for %d", ErrInvalid, sale.ID, sale.Dataset, sale.Version, sale.Price)
	}
	return s.write(ctx, "save sale", func(tx *sql.Tx) error {
		var had Sale
		err := tx.QueryRowContext(ctx, `SELECT dataset, version, price FROM sales WHERE id = $1`, sale.ID).Scan(&had.Dataset, &had.Version, &had.Price)
		switch {
		case err == nil && had.Dataset == sale.Dataset && had.Version == sale.Version && had.Price == sale.Price:
			return nil
		case err == nil:
			return fmt.Errorf("%w: order %s was %s version %d for %d", ErrContradicts, sale.ID, had.Dataset, had.Version, had.Price)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		open, err := epoch(ctx, tx, 0)
		if err != nil {
			return err
		}
		var kinds, sum int64
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(price), 0) AS BIGINT) FROM (
			SELECT dataset, version, SUM(price) AS price FROM sales WHERE epoch = $1 AND NOT (dataset = $2 AND version = $3) GROUP BY dataset, version) t`,
			int64(open.Number), sale.Dataset, sale.Version).Scan(&kinds, &sum)
		if err != nil {
			return err
		}
		if kinds >= ledger.MaxSales || ledger.TokenUnits(sum) > ledger.MaxSalesSum-sale.Price {
			return fmt.Errorf("%w: epoch %d has as many sales as it can take", ErrInvalid, open.Number)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sales (id, epoch, dataset, version, price, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			sale.ID, int64(open.Number), sale.Dataset, sale.Version, int64(sale.Price), toMillis(sale.At))
		return err
	})
}

// SaveVersionRecords stores how many records of a version came through each
// node, and of how many no node is known. It replaces what was stored for the
// version, so publishing twice after a crash is harmless.
func (s *Store) SaveVersionRecords(ctx context.Context, dataset string, version int, records map[wire.Key]int64, unknown int64) error {
	return s.write(ctx, "save records of version", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM version_records WHERE dataset = $1 AND version = $2`, dataset, version); err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO version_records (dataset, version, node, records) VALUES ($1, $2, $3, $4)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		put := func(node string, n int64) error {
			if n <= 0 {
				return nil
			}
			_, err := insert.ExecContext(ctx, dataset, version, node, n)
			return err
		}
		for node, n := range records {
			if err := put(node.String(), n); err != nil {
				return err
			}
		}
		return put(noNode, unknown)
	})
}

// noNode stands in the place of a node that is not known.
const noNode = ""

// VersionRecords is what SaveVersionRecords stored; nothing if it never was
// called for the version.
func (s *Store) VersionRecords(ctx context.Context, dataset string, version int) (records map[wire.Key]int64, unknown int64, err error) {
	records = make(map[wire.Key]int64)
	err = s.read(ctx, "read records of version", func(tx *sql.Tx) error {
		unknown, err = eachHolder(ctx, tx, dataset, version, func(node wire.Key, n int64) { records[node] = n })
		return err
	})
	return records, unknown, err
}

// eachHolder yields the records of each node, by node, and returns those of no
// known node.
func eachHolder(ctx context.Context, tx *sql.Tx, dataset string, version int, yield func(wire.Key, int64)) (unknown int64, err error) {
	err = each(ctx, tx, func(rows *sql.Rows) error {
		var text string
		var n int64
		if err := rows.Scan(&text, &n); err != nil {
			return err
		}
		if text == noNode {
			unknown = n
			return nil
		}
		node, err := wire.ParseKey(text)
		if err != nil {
			return err
		}
		yield(node, n)
		return nil
	}, `SELECT node, records FROM version_records WHERE dataset = $1 AND version = $2 ORDER BY node`, dataset, version)
	return unknown, err
}

// royalties adds what was sold in the epoch, and the nodes' shares in it.
func (g *gathering) royalties() error {
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var sale ledger.Sale
		err := rows.Scan(&sale.Dataset, &sale.Version, &sale.Orders, &sale.Price)
		g.in.Sales = append(g.in.Sales, sale)
		return err
	}, `SELECT dataset, version, COUNT(*), CAST(SUM(price) AS BIGINT) FROM sales WHERE epoch = $1 GROUP BY dataset, version`, int64(g.epoch.Number))
	if err != nil {
		return err
	}
	slices.SortFunc(g.in.Sales, func(a, b ledger.Sale) int {
		return cmp.Or(cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Version, b.Version))
	})
	for i, sale := range g.in.Sales {
		var nodes []wire.Key
		var records []int64
		unknown, err := eachHolder(g.ctx, g.tx, sale.Dataset, sale.Version, func(node wire.Key, n int64) {
			nodes, records = append(nodes, node), append(records, n)
		})
		if err != nil {
			return err
		}
		g.in.Sales[i].Unknown = uint64(unknown)
		g.ensure(slices.Clone(nodes))
		for k, node := range nodes {
			st := g.of(node)
			st.Shares = append(st.Shares, ledger.Share{Sale: i, Records: uint64(records[k])})
		}
	}
	return nil
}
