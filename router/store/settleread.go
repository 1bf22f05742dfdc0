package store

import (
	"context"
	"database/sql"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

const (
	batchColumns  = `epoch, number, seq, kind, state, rate_units, rate_points, found, signature`
	payoutColumns = `node, address, account, tag, units, royalty, opens`
)

// Batches implements settle.DB.
func (s *Store) Batches(ctx context.Context, epoch uint64) ([]settle.Batch, error) {
	var list []settle.Batch
	err := s.read(ctx, "list batches", func(tx *sql.Tx) error {
		at := make(map[int]int)
		err := each(ctx, tx, func(rows *sql.Rows) error {
			b, err := scanBatch(rows)
			at[b.Number] = len(list)
			list = append(list, b)
			return err
		}, `SELECT `+batchColumns+` FROM settle_batches WHERE epoch = $1 ORDER BY number`, int64(epoch))
		if err != nil {
			return err
		}
		return each(ctx, tx, func(rows *sql.Rows) error {
			var batch int
			var p settle.Payout
			err := scanPayout(rows, &p, &batch)
			if i, ok := at[batch]; ok {
				list[i].Payouts = append(list[i].Payouts, p)
			}
			return err
		}, `SELECT batch, `+payoutColumns+` FROM settle_payouts WHERE epoch = $1 ORDER BY batch, place`, int64(epoch))
	})
	return list, err
}

// Live implements settle.DB.
func (s *Store) Live(ctx context.Context) (b settle.Batch, attempts []settle.Attempt, exists bool, err error) {
	err = s.read(ctx, "read the batch under way", func(tx *sql.Tx) error {
		err := each(ctx, tx, func(rows *sql.Rows) (err error) {
			b, err = scanBatch(rows)
			exists = err == nil
			return err
		}, `SELECT `+batchColumns+` FROM settle_batches WHERE state = 'live'`)
		if err != nil || !exists {
			return err
		}
		if err := putPayouts(ctx, tx, &b); err != nil {
			return err
		}
		return each(ctx, tx, func(rows *sql.Rows) error {
			var a settle.Attempt
			var created, updated int64
			err := rows.Scan(&a.Number, &a.State, &a.Signed.Signature, &a.Signed.Wire, &a.Signed.LastValid, &created, &updated, &a.Note)
			a.Created, a.Updated = fromMillis(created), fromMillis(updated)
			attempts = append(attempts, a)
			return err
		}, `SELECT attempt, state, signature, wire, last_valid, created, updated, note FROM settle_attempts
			WHERE epoch = $1 AND batch = $2 ORDER BY attempt`, int64(b.Epoch), b.Number)
	})
	return b, attempts, exists, err
}

// LastSeq implements settle.DB.
func (s *Store) LastSeq(ctx context.Context) (last uint64, err error) {
	err = s.read(ctx, "read the last payment's number", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM settle_batches WHERE state = 'final'`).Scan(&last)
	})
	return last, err
}

// Paid implements settle.DB.
func (s *Store) Paid(ctx context.Context) (map[wire.Key]settle.Paid, error) {
	paid := make(map[wire.Key]settle.Paid)
	err := s.read(ctx, "sum up what was paid", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var node wire.Key
			var w settle.Worth
			var royalty settle.Units
			err := rows.Scan(textKey{&node}, &w.Rate.Units, &w.Rate.Points, &w.Units, &royalty)
			p := paid[node]
			p.Royalty += royalty
			p.Points = append(p.Points, w)
			paid[node] = p
			return err
		}, `SELECT p.node, b.rate_units, b.rate_points, CAST(SUM(p.units - p.royalty) AS BIGINT), CAST(SUM(p.royalty) AS BIGINT)
			FROM settle_payouts p JOIN settle_batches b ON b.epoch = p.epoch AND b.number = p.batch
			WHERE b.state = 'final' AND p.node <> '' GROUP BY p.node, b.rate_units, b.rate_points`)
	})
	return paid, err
}

// Unresolved implements settle.DB.
func (s *Store) Unresolved(ctx context.Context) ([]settle.Loose, error) {
	var list []settle.Loose
	err := s.read(ctx, "list payments of nobody known", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var l settle.Loose
			err := scanPayout(rows, &l.Payout, &l.Epoch, &l.Batch, &l.Place, &l.Rate.Units, &l.Rate.Points)
			list = append(list, l)
			return err
		}, `SELECT p.epoch, p.batch, p.place, b.rate_units, b.rate_points, `+payoutColumns+` FROM settle_payouts p
			JOIN settle_batches b ON b.epoch = p.epoch AND b.number = p.batch
			WHERE b.state = 'final' AND b.kind = 'pay' AND p.node = '' ORDER BY b.seq, p.place`)
	})
	return list, err
}

// Finals implements settle.DB.
func (s *Store) Finals(ctx context.Context, from uint64, limit int) ([]settle.FinalBatch, error) {
	var list []settle.FinalBatch
	err := s.read(ctx, "list final batches", func(tx *sql.Tx) error {
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var b settle.FinalBatch
			var finished int64
			batch, err := scanBatch(rows, &finished)
			b.Batch, b.At = batch, fromMillis(finished)
			list = append(list, b)
			return err
		}, `SELECT `+batchColumns+`, finished FROM settle_batches WHERE state = 'final' AND seq >= $1 ORDER BY seq LIMIT $2`, int64(from), limit)
		for i := range list {
			if err == nil {
				err = putPayouts(ctx, tx, &list[i].Batch)
			}
		}
		return err
	})
	return list, err
}

// Held implements settle.DB.
func (s *Store) Held(ctx context.Context, epoch uint64) ([]settle.Held, error) {
	var list []settle.Held
	err := s.read(ctx, "list what is held back", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var h settle.Held
			err := rows.Scan(optionalKey{&h.Node}, optionalKey{&h.Address}, &h.Units, &h.Reason, &h.Detail)
			list = append(list, h)
			return err
		}, `SELECT node, address, units, reason, detail FROM settle_held WHERE epoch = $1 ORDER BY node`, int64(epoch))
	})
	return list, err
}

// NodePayout is a final payout to a node.
type NodePayout struct {
	settle.Payout
	Epoch     uint64
	Signature string
	At        int64 // milliseconds since 1970
}

// NodePayouts are the final payouts to one node, newest first, at most limit;
// 0 or more than MaxEpochList means MaxEpochList.
func (s *Store) NodePayouts(ctx context.Context, node wire.Key, limit int) ([]NodePayout, error) {
	limit = upTo(limit, MaxEpochList)
	var list []NodePayout
	err := s.read(ctx, "list payouts of a node", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var p NodePayout
			err := scanPayout(rows, &p.Payout, &p.Epoch, &p.Signature, &p.At)
			list = append(list, p)
			return err
		}, `SELECT p.epoch, b.signature, b.finished, `+payoutColumns+` FROM settle_payouts p
			JOIN settle_batches b ON b.epoch = p.epoch AND b.number = p.batch
			WHERE b.state = 'final' AND p.node = $1 ORDER BY b.seq DESC LIMIT $2`, node.String(), limit)
	})
	return list, err
}

func putPayouts(ctx context.Context, tx *sql.Tx, b *settle.Batch) error {
	return each(ctx, tx, func(rows *sql.Rows) error {
		var p settle.Payout
		err := scanPayout(rows, &p)
		b.Payouts = append(b.Payouts, p)
		return err
	}, `SELECT `+payoutColumns+` FROM settle_payouts WHERE epoch = $1 AND batch = $2 ORDER BY place`, int64(b.Epoch), b.Number)
}

// scanBatch scans batchColumns, and other columns behind them.
func scanBatch(r row, more ...any) (settle.Batch, error) {
	var b settle.Batch
	var foundFlag int64
	err := r.Scan(append([]any{&b.Epoch, &b.Number, &b.Seq, &b.Kind, &b.State, &b.Rate.Units, &b.Rate.Points, &foundFlag, &b.Signature}, more...)...)
	b.Found = foundFlag != 0
	return b, err
}

// scanPayout scans payoutColumns behind other columns.
func scanPayout(r row, p *settle.Payout, before ...any) error {
	var opens int64
	err := r.Scan(append(before, optionalKey{&p.Node}, optionalKey{&p.Address}, optionalKey{&p.Account}, &p.Tag, &p.Units, &p.Royalty, &opens)...)
	p.New = opens != 0
	return err
}
