package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/router/ledger"
)

const epochColumns = "number, state, started, ended, params, root, content_hash, allocated, unallocated"

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
	query, args := `SELECT `+epochColumns+` FROM epochs ORDER BY number DESC LIMIT 1`, []any(nil)
	if number != 0 {
		query, args = `SELECT `+epochColumns+` FROM epochs WHERE number = $1`, []any{int64(number)}
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
		}, `SELECT `+epochColumns+` FROM epochs ORDER BY number DESC LIMIT $1`, limit)
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
		_, err = tx.ExecContext(ctx, `INSERT INTO epochs (`+epochColumns+`) VALUES ($1, $2, $3, 0, $4, '', '', 0, 0)`,
			int64(next.Number), string(ledger.StateOpen), toMillis(next.Start), string(params))
		return err
	})
}

// CloseEpoch implements ledger.DB.
func (s *Store) CloseEpoch(ctx context.Context, e ledger.Epoch, statements []ledger.Statement) error {
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
		if err := putStatements(ctx, tx, e.Number, statements); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE epochs SET state = $1, root = $2, content_hash = $3, allocated = $4, unallocated = $5 WHERE number = $6`,
			string(ledger.StateClosed), e.Root.String(), e.Hash.String(), int64(e.Allocated), int64(e.Unallocated), int64(e.Number))
		return err
	})
}

func scanEpoch(r row) (ledger.Epoch, error) {
	var e ledger.Epoch
	var started, ended int64
	var params, root, hash string
	if err := r.Scan(&e.Number, &e.State, &started, &ended, &params, &root, &hash, &e.Allocated, &e.Unallocated); err != nil {
		return e, found(err)
	}
	e.Start, e.End = fromMillis(started), fromMillis(ended)
	if err := json.Unmarshal([]byte(params), &e.Params); err != nil {
		return e, fmt.Errorf("parameters of epoch %d: %w", e.Number, err)
	}
	if e.State != ledger.StateClosed {
		return e, nil
	}
	var errRoot, errHash error
	e.Root, errRoot = merkle.Parse(root)
	e.Hash, errHash = merkle.Parse(hash)
	return e, errors.Join(errRoot, errHash)
}
