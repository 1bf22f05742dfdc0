package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// StandingEvent is one change of a node's standing, or one observation that
// left it as it was.
type StandingEvent struct {
	Node     wire.Key
	At       time.Time
	Reason   wire.Reason
	Permille int    // the standing from now on, 0 to 1000
	Detail   string // for people; at most 500 bytes
}

// Bounds on standing events.
const (
	maxDetail = 500 // bytes of a detail
	// MaxStandingEvents is how many events of a node are kept; the oldest go.
	MaxStandingEvents = 1_000
)

// AppendStanding adds ev to its node's events.
func (s *Store) AppendStanding(ctx context.Context, ev StandingEvent) error {
	if good := ledger.GoodStanding().Permille; ev.Permille < 0 || ev.Permille > good {
		return fmt.Errorf("%w: standing of %d permille", ErrInvalid, ev.Permille)
	}
	if len(ev.Detail) > maxDetail {
		return fmt.Errorf("%w: detail of %d bytes, may be %d", ErrInvalid, len(ev.Detail), maxDetail)
	}
	return s.write(ctx, "append standing event", func(tx *sql.Tx) error { return appendStanding(ctx, tx, ev) })
}

func appendStanding(ctx context.Context, tx *sql.Tx, ev StandingEvent) error {
	ev.Detail = strings.ToValidUTF8(ev.Detail[:min(len(ev.Detail), maxDetail)], "")
	var seq int64
	node := ev.Node.String()
	err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) + 1 FROM standing_events WHERE node = $1`, node).Scan(&seq)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO standing_events (node, seq, at, reason, permille, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		node, seq, toMillis(ev.At), ev.Reason.String(), ev.Permille, ev.Detail)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM standing_events WHERE node = $1 AND seq <= $2`, node, seq-MaxStandingEvents)
	return err
}

// StandingEvents lists a node's events, newest first, at most limit; 0 means
// all that are kept.
func (s *Store) StandingEvents(ctx context.Context, node wire.Key, limit int) ([]StandingEvent, error) {
	limit = upTo(limit, MaxStandingEvents)
	var list []StandingEvent
	err := s.read(ctx, "list standing events", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			ev := StandingEvent{Node: node}
			var at int64
			var reason string
			if err := rows.Scan(&at, &reason, &ev.Permille, &ev.Detail); err != nil {
				return err
			}
			ev.At = fromMillis(at)
			list = append(list, ev)
			return list[len(list)-1].Reason.UnmarshalText([]byte(reason))
		}, `SELECT at, reason, permille, detail FROM standing_events WHERE node = $1 ORDER BY seq DESC LIMIT $2`, node.String(), limit)
	})
	return list, err
}

// Standing is what a node's newest event left it with, or good standing.
func (s *Store) Standing(ctx context.Context, node wire.Key) (ledger.Standing, error) {
	st := ledger.GoodStanding()
	err := s.read(ctx, "read standing", func(tx *sql.Tx) error {
		var at int
		var reason string
		err := tx.QueryRowContext(ctx, `SELECT permille, reason FROM standing_events WHERE node = $1 ORDER BY seq DESC LIMIT 1`,
			node.String()).Scan(&at, &reason)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		st, err = standingOf(at, reason)
		return err
	})
	return st, err
}

// standingOf reads the two columns. Full standing needs no reason.
func standingOf(at int, reason string) (ledger.Standing, error) {
	if at == ledger.GoodStanding().Permille {
		return ledger.GoodStanding(), nil
	}
	st := ledger.Standing{Permille: at, Reasons: make([]wire.Reason, 1)}
	return st, st.Reasons[0].UnmarshalText([]byte(reason))
}
