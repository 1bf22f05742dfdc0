package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// NodeStatement is a statement and the epoch it belongs to.
type NodeStatement struct {
	Epoch uint64
	ledger.Statement
}

// Statements are the statements of a closed epoch of nodes with a greater key
// than after, by node key, at most limit; none if it is not closed.
func (s *Store) Statements(ctx context.Context, epoch uint64, after wire.Key, limit int) ([]ledger.Statement, error) {
	var list []ledger.Statement
	err := s.read(ctx, "list statements", func(tx *sql.Tx) error {
		return eachStatement(ctx, tx, epoch, after, func(st *ledger.Statement) error {
			if len(list) >= limit {
				return errEnough
			}
			if st.Node != after {
				list = append(list, *st)
			}
			return nil
		})
	})
	return list, err
}

// Statement is one node's statement in a closed epoch; ErrNotFound if it has
// none there.
func (s *Store) Statement(ctx context.Context, epoch uint64, node wire.Key) (ledger.Statement, error) {
	var found ledger.Statement
	err := s.read(ctx, "read statement", func(tx *sql.Tx) error {
		var err error
		found, err = statement(ctx, tx, epoch, node)
		return err
	})
	return found, err
}

func statement(ctx context.Context, tx *sql.Tx, epoch uint64, node wire.Key) (found ledger.Statement, err error) {
	there := false
	err = eachStatement(ctx, tx, epoch, node, func(st *ledger.Statement) error {
		if st.Node == node {
			found, there = *st, true
		}
		return errEnough
	})
	if err == nil && !there {
		err = ErrNotFound
	}
	return found, err
}

// NodeStatements are one node's statements, newest epoch first, at most limit;
// 0 or more than MaxEpochList means MaxEpochList. Of the last MaxEpochList
// epochs only.
func (s *Store) NodeStatements(ctx context.Context, node wire.Key, limit int) ([]NodeStatement, error) {
	limit = upTo(limit, MaxEpochList)
	var list []NodeStatement
	err := s.read(ctx, "list statements of a node", func(tx *sql.Tx) error {
		var numbers []uint64
		err := each(ctx, tx, func(rows *sql.Rows) error {
			var number uint64
			err := rows.Scan(&number)
			numbers = append(numbers, number)
			return err
		}, `SELECT epoch FROM epoch_seals ORDER BY epoch DESC LIMIT $1`, MaxEpochList)
		for _, number := range numbers {
			if err != nil || len(list) == limit {
				break
			}
			var st ledger.Statement
			switch st, err = statement(ctx, tx, number, node); {
			case err == nil:
				list = append(list, NodeStatement{number, st})
			case errors.Is(err, ErrNotFound):
				err = nil
			}
		}
		return err
	})
	return list, err
}

// Balances calls yield with what every node has earned ever, at the end of a
// closed epoch, by node key. The epochs from the newest on that may be settled
// have that, and the two newest; ErrNotFound for another. yield must not call the
// store.
func (s *Store) Balances(ctx context.Context, epoch uint64, yield func(ledger.Balance) error) error {
	return s.read(ctx, "read balances", func(tx *sql.Tx) error {
		var kept bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM epoch_seals WHERE epoch = $1) AND
			(EXISTS (SELECT 1 FROM book_pages WHERE epoch = $1) OR NOT EXISTS (SELECT 1 FROM book_pages WHERE epoch > $1))`, int64(epoch)).Scan(&kept)
		if err != nil {
			return err
		}
		if !kept {
			return fmt.Errorf("balances of epoch %d: %w", epoch, ErrNotFound)
		}
		return eachEntry(ctx, tx, epoch, wire.Key{}, func(e entry) error { return yield(e.Balance) })
	})
}

// Balance is what one node has earned ever, by the newest closed epoch, and the
// epoch of its last statement. ErrNotFound if it never earned anything.
func (s *Store) Balance(ctx context.Context, node wire.Key) (b ledger.Balance, last uint64, err error) {
	err = s.read(ctx, "read balance", func(tx *sql.Tx) error {
		var newest uint64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(epoch), 0) FROM epoch_seals`).Scan(&newest); err != nil {
			return err
		}
		err := eachEntry(ctx, tx, newest, node, func(e entry) error {
			if e.Node == node {
				b, last = e.Balance, e.last
			}
			return errEnough
		})
		if err == nil && last == 0 {
			err = ErrNotFound
		}
		return err
	})
	return b, last, err
}

// balancesBefore is the book at the end of the epoch before one; of an epoch
// that an earlier version closed, what that wrote.
func balancesBefore(ctx context.Context, tx *sql.Tx, epoch uint64, yield func(entry) error) error {
	if epoch <= 1 {
		return nil
	}
	err := tx.QueryRowContext(ctx, `SELECT epoch FROM epoch_seals WHERE epoch = $1`, int64(epoch-1)).Scan(new(uint64))
	if err == nil {
		return eachEntry(ctx, tx, epoch-1, wire.Key{}, yield)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var old []entry
	err = each(ctx, tx, func(rows *sql.Rows) error {
		e := entry{last: epoch - 1}
		err := rows.Scan(textKey{&e.Node}, &e.Points)
		e.Payout = e.Node
		old = append(old, e)
		return err
	}, `SELECT node, cumulative FROM statements WHERE epoch = $1 AND cumulative > 0`, int64(epoch-1))
	if err != nil {
		return err
	}
	slices.SortFunc(old, func(a, b entry) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	for _, e := range old {
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

// EpochFile implements ledger.DB.
func (s *Store) EpochFile(ctx context.Context, number uint64) (*ledger.File, error) {
	f := new(ledger.File)
	err := s.read(ctx, "read epoch file", func(tx *sql.Tx) error {
		var seal string
		err := tx.QueryRowContext(ctx, `SELECT seal FROM epoch_seals WHERE epoch = $1`, int64(number)).Scan(&seal)
		if err != nil {
			return found(err)
		}
		if err := json.Unmarshal([]byte(seal), &f.Seal); err != nil {
			return fmt.Errorf("head of epoch %d: %w", number, err)
		}
		f.Statements = make([]ledger.Statement, 0, f.Head.Totals.Nodes)
		return eachStatement(ctx, tx, number, wire.Key{}, func(st *ledger.Statement) error {
			f.Statements = append(f.Statements, *st)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}
