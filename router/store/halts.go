package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
)

// AppendHalt stores a signed halt, which is in force from then on. ErrConflict if
// its sequence does not follow the newest.
func (s *Store) AppendHalt(ctx context.Context, h *wire.Halt) error {
	return s.write(ctx, "store halt", func(tx *sql.Tx) error {
		var newest int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(sequence), 0) FROM halts`).Scan(&newest); err != nil {
			return err
		}
		if int64(h.Sequence) != newest+1 {
			return fmt.Errorf("%w: halt %d does not follow %d", ErrConflict, h.Sequence, newest)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO halts (sequence, at, statement, signature) VALUES ($1, $2, $3, $4)`,
			int64(h.Sequence), toMillis(h.At), h.Encode(), h.Signature)
		return err
	})
}

// Halt is the newest halt, nil if there never was one. Its signature has been
// verified, so an error may mean that the rows were changed by hand.
func (s *Store) Halt(ctx context.Context) (*wire.Halt, error) {
	var statement, signature []byte
	err := s.read(ctx, "read halt", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT statement, signature FROM halts ORDER BY sequence DESC LIMIT 1`).Scan(&statement, &signature)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := wire.OpenHalt(statement, signature)
	if err != nil {
		return nil, fmt.Errorf("read halt: %w", err)
	}
	return h, nil
}
