package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// Appeal is what a node's owner says about its standing.
type Appeal struct {
	ID      uint64
	Node    wire.Key
	At      time.Time
	Claim   string
	Decided time.Time // zero while it waits
}

// MaxAppeals is how many appeals of one node may wait at once.
const MaxAppeals = 8

// AddAppeal records an appeal and returns it with its number. ErrInvalid if it
// says nothing or too much, ErrConflict if too many of the node wait.
func (s *Store) AddAppeal(ctx context.Context, a Appeal) (Appeal, error) {
	if a.Claim == "" || !ledger.IsText(a.Claim) {
		return a, fmt.Errorf("%w: an appeal is one line of 1 to %d bytes", ErrInvalid, ledger.MaxText)
	}
	err := s.write(ctx, "add appeal", func(tx *sql.Tx) error {
		var waiting int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM appeals WHERE node = $1 AND decided = 0`, a.Node.String()).Scan(&waiting)
		if err != nil {
			return err
		}
		if waiting >= MaxAppeals {
			return fmt.Errorf("%w: %d appeals of node %s wait already", ErrConflict, waiting, a.Node)
		}
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) + 1 FROM appeals`).Scan(&a.ID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO appeals (id, node, at, claim, decided) VALUES ($1, $2, $3, $4, 0)`,
			int64(a.ID), a.Node.String(), toMillis(a.At), a.Claim)
		return err
	})
	return a, err
}

// Appeals lists a node's appeals, newest first, at most 100.
func (s *Store) Appeals(ctx context.Context, node wire.Key) ([]Appeal, error) {
	var list []Appeal
	err := s.read(ctx, "list appeals", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			a := Appeal{Node: node}
			var at, decided int64
			err := rows.Scan(&a.ID, &at, &a.Claim, &decided)
			a.At, a.Decided = fromMillis(at), fromMillis(decided)
			list = append(list, a)
			return err
		}, `SELECT id, at, claim, decided FROM appeals WHERE node = $1 ORDER BY id DESC LIMIT 100`, node.String())
	})
	return list, err
}

// Decide records an operator's decision on a node's standing, which the next
// epoch file publishes, ends the node's appeals, and makes it the node's newest
// standing event, all in one step. ErrInvalid if no reason is given or the
// standing is out of bounds.
func (s *Store) Decide(ctx context.Context, d ledger.Decision) error {
	if good := ledger.GoodStanding().Permille; d.To < 0 || d.To > good || d.Because == "" || !ledger.IsText(d.Because) {
		return fmt.Errorf("%w: a decision sets 0 to %d permille and needs a reason of one line of 1 to %d bytes", ErrInvalid, good, ledger.MaxText)
	}
	return s.write(ctx, "decide on standing", func(tx *sql.Tx) error {
		var id int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) + 1 FROM decisions`).Scan(&id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO decisions (id, node, at, from_permille, to_permille, reason, because, booked)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
			id, d.Node.String(), toMillis(d.At), d.From, d.To, d.Reason.String(), d.Because)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE appeals SET decided = $1 WHERE node = $2 AND decided = 0`, toMillis(d.At), d.Node.String())
		if err != nil {
			return err
		}
		return appendStanding(ctx, tx, StandingEvent{Node: d.Node, At: d.At, Reason: d.Reason, Permille: d.To, Detail: "decided by the operator: " + d.Because})
	})
}

// LowStanding is a node that is not in good standing, or whose appeal waits.
type LowStanding struct {
	Node     wire.Key
	Permille int
	Reason   wire.Reason // of the newest event
	At       time.Time
	Appeals  int // that wait
}

// LowStandings lists nodes that are not in good standing or appeal, those with
// appeals first, at most limit.
func (s *Store) LowStandings(ctx context.Context, limit int) ([]LowStanding, error) {
	var list []LowStanding
	err := s.read(ctx, "list standings", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			var l LowStanding
			var at int64
			var reason string
			if err := rows.Scan(textKey{&l.Node}, &l.Permille, &reason, &at, &l.Appeals); err != nil {
				return err
			}
			l.At = fromMillis(at)
			list = append(list, l)
			return list[len(list)-1].Reason.UnmarshalText([]byte(reason))
		}, `SELECT node, permille, reason, at, waiting FROM (
			SELECT s.node AS node, s.permille AS permille, s.reason AS reason, s.at AS at,
				(SELECT COUNT(*) FROM appeals a WHERE a.node = s.node AND a.decided = 0) AS waiting
			FROM standing_events s
			JOIN (SELECT node, MAX(seq) AS newest FROM standing_events GROUP BY node) l ON l.node = s.node AND l.newest = s.seq) t
			WHERE permille < 1000 OR waiting > 0 ORDER BY waiting DESC, permille, node LIMIT $1`, limit)
	})
	return list, err
}

const unpublished = `FROM decisions WHERE booked = 0 AND at < $1 ORDER BY id LIMIT $2`

// decisions are those that no epoch has published yet.
func (g *gathering) decisions() error {
	return each(g.ctx, g.tx, func(rows *sql.Rows) error {
		var d ledger.Decision
		var at int64
		var reason string
		if err := rows.Scan(textKey{&d.Node}, &at, &d.From, &d.To, &reason, &d.Because); err != nil {
			return err
		}
		d.At = fromMillis(at)
		g.in.Decided = append(g.in.Decided, d)
		return g.in.Decided[len(g.in.Decided)-1].Reason.UnmarshalText([]byte(reason))
	}, `SELECT node, at, from_permille, to_permille, reason, because `+unpublished, toMillis(g.epoch.End), ledger.MaxDecisions)
}

// markBooked notes which challenges and decisions an epoch's head has.
func markBooked(ctx context.Context, tx *sql.Tx, e ledger.Epoch, h *ledger.Head) error {
	for _, c := range h.Corrected {
		if _, err := tx.ExecContext(ctx, `UPDATE challenges SET booked = $1 WHERE id = $2`, int64(e.Number), int64(c.Challenge)); err != nil {
			return err
		}
	}
	if len(h.Decided) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE decisions SET booked = $3 WHERE id IN (SELECT id `+unpublished+`)`,
		toMillis(e.End), len(h.Decided), int64(e.Number))
	return err
}
