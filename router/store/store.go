// Package store keeps everything of the router that must survive: jobs, nodes,
// receipts, epochs and statements, in SQL. It implements the DB interfaces that
// the packages above declare, and is the only importer of SQL drivers.
//
// It checks what the rows themselves can tell (a counter never falls, a closed
// epoch takes nothing) and leaves judgement, signatures above all, to the
// packages that have the keys. Crawl state and datasets are not here.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fallow-network/fallow/router/ledger"
)

// Store is an open database. It is safe for concurrent use: writes go one after
// the other, reads beside them see the last committed state. A write is
// durable when its method returns nil.
type Store struct {
	log    *slog.Logger
	path   string
	lock   *sql.DB // holds the data directory against other routers
	writer *sql.DB // one connection
	reader *sql.DB // several, for queries only
}

var _ ledger.DB = (*Store)(nil)

// Errors a caller branches on, beside those of ledger.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a row with this id is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict says that a job is not in the state it was expected in, or
	// cannot move on to the one wished for.
	ErrConflict = errors.New("conflicting state")
	// ErrContradicts says that a receipt or dispute does not fit the receipts
	// stored before it: a counter fell, or one sequence has two meanings.
	ErrContradicts = errors.New("contradicts a stored receipt")
	// ErrInvalid says that a value is outside the bounds of its column.
	ErrInvalid = errors.New("invalid value")
)

// Close lets running queries end and gives the data directory free.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close(), s.lock.Close())
}

// write runs f in a transaction of the one writing connection and commits it
// unless f fails.
func (s *Store) write(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	return s.transact(ctx, s.writer, nil, what, f)
}

// read runs f in a transaction that sees one state of the database throughout.
func (s *Store) read(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	return s.transact(ctx, s.reader, &sql.TxOptions{ReadOnly: true}, what, f)
}

func (s *Store) transact(ctx context.Context, db *sql.DB, o *sql.TxOptions, what string, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("%s: %w", what, s.explain(err))
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error of f says more; a lost connection rolls back by itself
		return fmt.Errorf("%s: %w", what, s.explain(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: commit: %w", what, s.explain(err))
	}
	return nil
}

// each runs a query and calls scan for every row.
func each(ctx context.Context, tx *sql.Tx, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// upTo is how long a list may be that a caller asked for: 0 and less, or more
// than most, mean most.
func upTo(limit, most int) int {
	if limit <= 0 {
		return most
	}
	return min(limit, most)
}

// toMillis and fromMillis are how times are stored; the zero time is 0.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
