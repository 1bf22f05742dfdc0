package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/dataset"
)

// MaxTakedowns is how many orders one dataset can have. A site with more than
// that to take down is one order of scope site.
const MaxTakedowns = 100_000

// AppendTakedown stores an order for a dataset and returns its number, counted
// from 1 without gaps. An order for the same target that is there already keeps
// its number, reason and date, and fresh is false.
func (s *Store) AppendTakedown(ctx context.Context, name string, t dataset.Takedown) (number int, fresh bool, err error) {
	err = s.write(ctx, "store takedown", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT number FROM takedowns WHERE dataset = $1 AND scope = $2 AND target = $3`,
			name, string(t.Scope), t.Target).Scan(&number)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) + 1 FROM takedowns WHERE dataset = $1`, name).Scan(&number); err != nil {
			return err
		}
		if number > MaxTakedowns {
			return fmt.Errorf("%w: %d takedowns for one dataset, the limit is %d", ErrInvalid, number, MaxTakedowns)
		}
		fresh = true
		_, err = tx.ExecContext(ctx, `INSERT INTO takedowns (dataset, number, scope, target, reason, at) VALUES ($1, $2, $3, $4, $5, $6)`,
			name, number, string(t.Scope), t.Target, t.Reason, toMillis(t.At))
		return err
	})
	return number, fresh && err == nil, err
}

// Takedowns are all orders by dataset, oldest first.
func (s *Store) Takedowns(ctx context.Context) (map[string][]dataset.Takedown, error) {
	all := map[string][]dataset.Takedown{}
	err := s.read(ctx, "list takedowns", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var name, scope string
			var t dataset.Takedown
			var at int64
			if err := rows.Scan(&name, &scope, &t.Target, &t.Reason, &at); err != nil {
				return err
			}
			t.Scope, t.At = dataset.Scope(scope), fromMillis(at)
			all[name] = append(all[name], t)
			return nil
		}, `SELECT dataset, scope, target, reason, at FROM takedowns ORDER BY dataset, number`)
	})
	return all, err
}
