package store

import (
	"context"
	"database/sql"

	"github.com/fallow-network/fallow/router/optout"
)

var _ optout.DB = (*Store)(nil)

// SaveOptOut stores e in the place of what was known of its host.
func (s *Store) SaveOptOut(ctx context.Context, e optout.Entry) error {
	return s.write(ctx, "store opt-out", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO opt_outs (host, proof, since, withdrawn) VALUES ($1, $2, $3, $4)
			ON CONFLICT (host) DO UPDATE SET proof = excluded.proof, since = excluded.since, withdrawn = excluded.withdrawn`,
			e.Host, string(e.Proof), toMillis(e.Since), toMillis(e.Withdrawn))
		return err
	})
}

// OptOuts are the entries that hold, by host.
func (s *Store) OptOuts(ctx context.Context) ([]optout.Entry, error) {
	var list []optout.Entry
	err := s.read(ctx, "list opt-outs", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var e optout.Entry
			var since int64
			err := rows.Scan(&e.Host, &e.Proof, &since)
			e.Since = fromMillis(since)
			list = append(list, e)
			return err
		}, `SELECT host, proof, since FROM opt_outs WHERE withdrawn = 0 ORDER BY host`)
	})
	return list, err
}
