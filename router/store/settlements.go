package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

var _ settle.DB = (*Store)(nil)

const maxNote = 500 // bytes of a note on an attempt or of a refusal's detail

// Settlement implements settle.DB.
func (s *Store) Settlement(ctx context.Context, epoch uint64) (st settle.Settlement, exists bool, err error) {
	query, args := `SELECT epoch, mode, planned, finished FROM settlements ORDER BY epoch DESC LIMIT 1`, []any(nil)
	if epoch != 0 {
		query, args = `SELECT epoch, mode, planned, finished FROM settlements WHERE epoch = $1`, []any{int64(epoch)}
	}
	err = s.read(ctx, "read settlement", func(tx *sql.Tx) error {
		var planned, finished int64
		err := found(tx.QueryRowContext(ctx, query, args...).Scan(&st.Epoch, &st.Mode, &planned, &finished))
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		exists = err == nil
		st.Planned, st.Finished, st.Done = fromMillis(planned), fromMillis(finished), finished != 0
		return err
	})
	return st, exists, err
}

// SavePlan implements settle.DB.
func (s *Store) SavePlan(ctx context.Context, st settle.Settlement, batches []settle.Batch, held []settle.Held) error {
	return s.write(ctx, "store settlement plan", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO settlements (epoch, mode, planned, finished) VALUES ($1, $2, $3, 0)
			ON CONFLICT (epoch) DO UPDATE SET mode = excluded.mode, planned = excluded.planned, finished = 0`,
			int64(st.Epoch), string(st.Mode), toMillis(st.Planned))
		if err != nil {
			return err
		}
		if err := dropPlanned(ctx, tx); err != nil {
			return err
		}
		for _, b := range batches {
			b.State = settle.BatchPlanned
			if err := putBatch(ctx, tx, b, "", time.Time{}); err != nil {
				return err
			}
		}
		return putHeld(ctx, tx, st.Epoch, held)
	})
}

func dropPlanned(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM settle_payouts WHERE EXISTS (SELECT 1 FROM settle_batches b
		WHERE b.epoch = settle_payouts.epoch AND b.number = settle_payouts.batch AND b.state = 'planned')`)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM settle_batches WHERE state = 'planned'`)
	return err
}

// putBatch adds a batch under the next free number of its epoch.
func putBatch(ctx context.Context, tx *sql.Tx, b settle.Batch, signature string, at time.Time) error {
	var number int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), -1) + 1 FROM settle_batches WHERE epoch = $1`, int64(b.Epoch)).Scan(&number); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO settle_batches (epoch, number, seq, kind, state, rate_units, rate_points, found, signature, finished)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		int64(b.Epoch), number, int64(b.Seq), string(b.Kind), string(b.State), b.Rate.Units, b.Rate.Points, flag(b.Found), signature, toMillis(at))
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO settle_payouts (epoch, batch, place, node, address, account, tag, units, royalty, opens)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, p := range b.Payouts {
		_, err := insert.ExecContext(ctx, int64(b.Epoch), number, i, keyText(p.Node), keyText(p.Address), keyText(p.Account), p.Tag,
			int64(p.Units), int64(p.Royalty), flag(p.New))
		if err != nil {
			return err
		}
	}
	return nil
}

func putHeld(ctx context.Context, tx *sql.Tx, epoch uint64, held []settle.Held) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM settle_held WHERE epoch = $1`, int64(epoch)); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO settle_held (epoch, node, address, units, reason, detail) VALUES ($1, $2, $3, $4, $5, $6)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, h := range held {
		_, err := insert.ExecContext(ctx, int64(epoch), keyText(h.Node), keyText(h.Address), int64(h.Units), string(h.Reason), clip(h.Detail, maxNote))
		if err != nil {
			return err
		}
	}
	return nil
}

// SaveAttempt implements settle.DB.
func (s *Store) SaveAttempt(ctx context.Context, epoch uint64, number int, seq uint64, a settle.Attempt) error {
	return s.write(ctx, "store signed transaction", func(tx *sql.Tx) error {
		err := one(tx.ExecContext(ctx, `UPDATE settle_batches SET state = 'live', seq = $1 WHERE epoch = $2 AND number = $3 AND
			(state = 'planned' OR state = 'live' AND seq = $1)`, int64(seq), int64(epoch), number))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO settle_attempts (epoch, batch, attempt, state, signature, wire, last_valid, created, updated, note)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, int64(epoch), number, a.Number, string(a.State), a.Signed.Signature, a.Signed.Wire,
			int64(a.Signed.LastValid), toMillis(a.Created), toMillis(a.Updated), clip(a.Note, maxNote))
		return err
	})
}

// MarkAttempt implements settle.DB.
func (s *Store) MarkAttempt(ctx context.Context, epoch uint64, number, attempt int, state settle.AttemptState, note string, at time.Time) error {
	return s.write(ctx, "store outcome of a transaction", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE settle_attempts SET state = $1, note = $2, updated = $3 WHERE epoch = $4 AND batch = $5 AND attempt = $6`,
			string(state), clip(note, maxNote), toMillis(at), int64(epoch), number, attempt))
	})
}

// Drop implements settle.DB.
func (s *Store) Drop(ctx context.Context, epoch uint64, number int) error {
	return s.write(ctx, "drop batch", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE settle_batches SET state = 'dropped' WHERE epoch = $1 AND number = $2 AND state = 'live'`, int64(epoch), number))
	})
}

// SaveFinal implements settle.DB.
func (s *Store) SaveFinal(ctx context.Context, epoch uint64, number int, signature string, at time.Time) error {
	return s.write(ctx, "store final batch", func(tx *sql.Tx) error {
		err := one(tx.ExecContext(ctx, `UPDATE settle_attempts SET state = 'final', updated = $1 WHERE epoch = $2 AND batch = $3 AND signature = $4`,
			toMillis(at), int64(epoch), number, signature))
		if err != nil {
			return err
		}
		return one(tx.ExecContext(ctx, `UPDATE settle_batches SET state = 'final', signature = $1, finished = $2 WHERE epoch = $3 AND number = $4 AND state = 'live'`,
			signature, toMillis(at), int64(epoch), number))
	})
}

// SaveFound implements settle.DB.
func (s *Store) SaveFound(ctx context.Context, b settle.Batch, signature string, at time.Time) error {
	return s.write(ctx, "store a payment found on the chain", func(tx *sql.Tx) error {
		return putBatch(ctx, tx, b, signature, at)
	})
}

// Resolve implements settle.DB.
func (s *Store) Resolve(ctx context.Context, l settle.Loose) error {
	return s.write(ctx, "store whose payment it is", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE settle_payouts SET node = $1, royalty = $2 WHERE epoch = $3 AND batch = $4 AND place = $5 AND node = ''`,
			keyText(l.Payout.Node), int64(l.Payout.Royalty), int64(l.Epoch), l.Batch, l.Place))
	})
}

// Finish implements settle.DB.
func (s *Store) Finish(ctx context.Context, epoch uint64, at time.Time) error {
	return s.write(ctx, "close settlement", func(tx *sql.Tx) error {
		return one(tx.ExecContext(ctx, `UPDATE settlements SET finished = $1 WHERE epoch = $2`, toMillis(at), int64(epoch)))
	})
}

// one wants a statement to have changed exactly one row.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: %d rows fit, expected one", ErrConflict, n)
	}
	return err
}

// keyText is a key as its column holds it, the zero key as nothing.
func keyText(k wire.Key) string {
	if k.IsZero() {
		return ""
	}
	return k.String()
}

// optionalKey scans what keyText wrote.
type optionalKey struct{ key *wire.Key }

// Scan implements sql.Scanner.
func (k optionalKey) Scan(value any) error {
	if value == "" {
		*k.key = wire.Key{}
		return nil
	}
	return textKey(k).Scan(value)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clip keeps text within a column's bound.
func clip(text string, most int) string {
	if len(text) > most {
		return text[:most]
	}
	return text
}
