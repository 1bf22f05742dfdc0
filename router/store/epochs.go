package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/router/ledger"
)

const epochColumns = `e.number, e.state, e.started, e.ended, e.params, e.root, e.content_hash, e.ran, e.settle_from,
	COALESCE((SELECT seal FROM epoch_seals WHERE epoch = e.number), ''),
	(SELECT COUNT(*) FROM challenges WHERE epoch = e.number AND state = 'open')`

// MaxEpochList is the most epochs one call of Epochs returns, and its default.
const MaxEpochList = 1_000

// Epoch implements ledger.DB.
func (s *Store) Epoch(ctx context.Context, number uint64) (ledger.Epoch, error) {
	var e ledger.Epoch
	err := s.read(ctx, "read epoch", func(tx *sql.Tx) error {
		var err error
		e, err = epoch(ctx, tx, number)
		return err
	})
	return e, err
}

// epoch is the epoch of that number, or the newest for 0.
func epoch(ctx context.Context, tx *sql.Tx, number uint64) (ledger.Epoch, error) {
	query, args := `SELECT `+epochColumns+` FROM epochs e ORDER BY e.number DESC LIMIT 1`, []any(nil)
	if number != 0 {
		query, args = `SELECT `+epochColumns+` FROM epochs e WHERE e.number = $1`, []any{int64(number)}
	}
	e, err := scanEpoch(tx.QueryRowContext(ctx, query, args...))
	if errors.Is(err, ErrNotFound) {
		return e, fmt.Errorf("epoch %d: %w", number, ledger.ErrNoEpoch)
	}
	return e, err
}

// Epochs lists epochs, newest first, at most limit; 0 or more than MaxEpochList
// means MaxEpochList.
func (s *Store) Epochs(ctx context.Context, limit int) ([]ledger.Epoch, error) {
	limit = upTo(limit, MaxEpochList)
	var list []ledger.Epoch
	err := s.read(ctx, "list epochs", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			e, err := scanEpoch(rows)
			list = append(list, e)
			return err
		}, `SELECT `+epochColumns+` FROM epochs e ORDER BY e.number DESC LIMIT $1`, limit)
	})
	return list, err
}

// StartEpoch implements ledger.DB.
func (s *Store) StartEpoch(ctx context.Context, next ledger.Epoch) error {
	params, err := json.Marshal(next.Params)
	if err != nil {
		return fmt.Errorf("encode parameters: %w", err)
	}
	return s.write(ctx, "start epoch", func(tx *sql.Tx) error {
		newest, err := epoch(ctx, tx, 0)
		switch {
		case err != nil && !errors.Is(err, ledger.ErrNoEpoch):
			return err
		case newest.Number >= next.Number:
			return nil
		case newest.Number+1 != next.Number:
			return fmt.Errorf("%w: epoch %d cannot follow %d", ErrInvalid, next.Number, newest.Number)
		}
		_, err = tx.ExecContext(ctx, `UPDATE epochs SET state = $1, ended = $2 WHERE state = $3`,
			string(ledger.StateClosing), toMillis(next.Start), string(ledger.StateOpen))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO epochs (number, state, started, ended, params, root, content_hash, allocated, unallocated)
			VALUES ($1, $2, $3, 0, $4, '', '', 0, 0)`,
			int64(next.Number), string(ledger.StateOpen), toMillis(next.Start), string(params))
		return err
	})
}

// CloseEpoch implements ledger.DB.
func (s *Store) CloseEpoch(ctx context.Context, e ledger.Epoch, f *ledger.File) error {
	seal, err := json.Marshal(f.Seal)
	if err != nil {
		return fmt.Errorf("encode the head of epoch %d: %w", e.Number, err)
	}
	return s.write(ctx, "close epoch", func(tx *sql.Tx) error {
		stored, err := epoch(ctx, tx, e.Number)
		switch {
		case err != nil:
			return err
		case stored.State == ledger.StateClosed:
			return nil
		case stored.State != ledger.StateClosing:
			return fmt.Errorf("%w: epoch %d is %s", ErrConflict, e.Number, stored.State)
		}
		if err := putStatements(ctx, tx, e.Number, f.Statements); err != nil {
			return err
		}
		if err := putBook(ctx, tx, e.Number, f.Statements, stored.End); err != nil {
			return err
		}
		if err := markBooked(ctx, tx, stored, &f.Head); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO epoch_seals (epoch, seal) VALUES ($1, $2)`, int64(e.Number), string(seal)); err != nil {
			return err
		}
		t := f.Head.Totals
		_, err = tx.ExecContext(ctx, `UPDATE epochs SET state = $1, root = $2, content_hash = $3, allocated = $4, unallocated = $5, settle_from = $6 WHERE number = $7`,
			string(ledger.StateClosed), f.Head.Root.String(), f.Hash.String(), int64(t.Allocated()), int64(t.Unallocated()),
			toMillis(f.Head.SettleFrom), int64(e.Number))
		return err
	})
}

func scanEpoch(r row) (ledger.Epoch, error) {
	var e ledger.Epoch
	var started, ended, ran, settle int64
	var params, root, hash, seal string
	if err := r.Scan(&e.Number, &e.State, &started, &ended, &params, &root, &hash, &ran, &settle, &seal, &e.Challenges); err != nil {
		return e, found(err)
	}
	e.Start, e.End, e.SettleFrom, e.Ran = fromMillis(started), fromMillis(ended), fromMillis(settle), time.Duration(ran)*time.Millisecond
	if err := json.Unmarshal([]byte(params), &e.Params); err != nil {
		return e, fmt.Errorf("parameters of epoch %d: %w", e.Number, err)
	}
	if e.State != ledger.StateClosed {
		return e, nil
	}
	var errRoot, errHash error
	e.Root, errRoot = merkle.Parse(root)
	e.Hash, errHash = merkle.Parse(hash)
	if seal == "" { // an earlier version closed it
		return e, errors.Join(errRoot, errHash)
	}
	var stored ledger.Seal
	if err := json.Unmarshal([]byte(seal), &stored); err != nil {
		return e, fmt.Errorf("head of epoch %d: %w", e.Number, err)
	}
	e.Head, e.Signature = &stored.Head, stored.Signature
	return e, errors.Join(errRoot, errHash)
}
