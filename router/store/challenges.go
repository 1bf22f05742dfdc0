package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// The states of a challenge.
const (
	ChallengeOpen     = "open"
	ChallengeUpheld   = "upheld"
	ChallengeRejected = "rejected"
)

// Challenge is somebody's claim that an epoch is wrong about a node. While one
// is open, nothing of the epoch is paid.
type Challenge struct {
	ID      uint64
	Epoch   uint64
	Node    wire.Key
	At      time.Time
	Claim   string
	State   string
	Decided time.Time          // zero while open
	Because string             // the operator's reason
	Amount  ledger.MicroPoints // what the node gets for it; upheld only
	Booked  uint64             // the epoch that pays it; 0 = none yet
}

// MaxOpenChallenges is how many challenges of one epoch may wait at once.
const MaxOpenChallenges = 10_000

const challengeColumns = "id, epoch, node, at, claim, state, decided, because, amount, booked"

func scanChallenge(r row) (c Challenge, err error) {
	var at, decided int64
	err = r.Scan(&c.ID, &c.Epoch, textKey{&c.Node}, &at, &c.Claim, &c.State, &decided, &c.Because, &c.Amount, &c.Booked)
	c.At, c.Decided = fromMillis(at), fromMillis(decided)
	return c, found(err)
}

// AddChallenge files a challenge and returns it with its number. ErrConflict if
// the epoch is not closed or its window has ended, ErrInvalid if the claim says
// nothing or too much, ledger.ErrNoEpoch.
func (s *Store) AddChallenge(ctx context.Context, c Challenge) (Challenge, error) {
	if c.Claim == "" || !ledger.IsText(c.Claim) {
		return c, fmt.Errorf("%w: a claim is one line of 1 to %d bytes", ErrInvalid, ledger.MaxText)
	}
	err := s.write(ctx, "add challenge", func(tx *sql.Tx) error {
		e, err := epoch(ctx, tx, c.Epoch)
		switch {
		case err != nil:
			return err
		case e.State != ledger.StateClosed:
			return fmt.Errorf("%w: epoch %d is %s; it can be challenged once it is closed", ErrConflict, c.Epoch, e.State)
		case !c.At.Before(e.SettleFrom):
			return fmt.Errorf("%w: epoch %d could be challenged until %s", ErrConflict, c.Epoch, e.SettleFrom.Format(time.RFC3339))
		case e.Challenges >= MaxOpenChallenges:
			return fmt.Errorf("%w: %d challenges of epoch %d wait already", ErrConflict, e.Challenges, c.Epoch)
		}
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) + 1 FROM challenges`).Scan(&c.ID); err != nil {
			return err
		}
		c.State = ChallengeOpen
		_, err = tx.ExecContext(ctx, `INSERT INTO challenges (`+challengeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 0, '', 0, 0)`,
			int64(c.ID), int64(c.Epoch), c.Node.String(), toMillis(c.At), c.Claim, c.State)
		return err
	})
	return c, err
}

// DecideChallenge ends a challenge: upheld with an amount above zero, which the
// next epoch that closes pays out of its pool, or rejected with 0. ErrNotFound,
// ErrConflict if it is decided already, ErrInvalid if no reason is given.
func (s *Store) DecideChallenge(ctx context.Context, id uint64, amount ledger.MicroPoints, because string, at time.Time) (Challenge, error) {
	var c Challenge
	if because == "" || !ledger.IsText(because) || amount < 0 {
		return c, fmt.Errorf("%w: a decision needs a reason of one line of 1 to %d bytes, and no amount below zero", ErrInvalid, ledger.MaxText)
	}
	err := s.write(ctx, "decide challenge", func(tx *sql.Tx) error {
		var err error
		if c, err = scanChallenge(tx.QueryRowContext(ctx, `SELECT `+challengeColumns+` FROM challenges WHERE id = $1`, int64(id))); err != nil {
			return err
		}
		if c.State != ChallengeOpen {
			return fmt.Errorf("%w: challenge %d is %s already", ErrConflict, id, c.State)
		}
		if c.State = ChallengeRejected; amount > 0 {
			c.State = ChallengeUpheld
		}
		c.Decided, c.Because, c.Amount = at, because, amount
		_, err = tx.ExecContext(ctx, `UPDATE challenges SET state = $1, decided = $2, because = $3, amount = $4 WHERE id = $5`,
			c.State, toMillis(at), because, int64(amount), int64(id))
		return err
	})
	return c, err
}

// Challenges lists challenges, newest first, of one epoch or of all (0), at
// most limit.
func (s *Store) Challenges(ctx context.Context, epoch uint64, limit int) ([]Challenge, error) {
	var list []Challenge
	err := s.read(ctx, "list challenges", func(tx *sql.Tx) error {
		return each(ctx, tx, func(rows *sql.Rows) error {
			c, err := scanChallenge(rows)
			list = append(list, c)
			return err
		}, `SELECT `+challengeColumns+` FROM challenges WHERE epoch = $1 OR $1 = 0 ORDER BY id DESC LIMIT $2`, int64(epoch), limit)
	})
	return list, err
}

// corrections are the upheld challenges that no epoch has paid yet, as many as
// the pool bears; the others wait for the next.
func (g *gathering) corrections() error {
	limit := g.epoch.Params.MaxCorrections()
	err := each(g.ctx, g.tx, func(rows *sql.Rows) error {
		c, err := scanChallenge(rows)
		if err != nil {
			return err
		}
		if c.Amount > limit {
			return errEnough
		}
		limit -= c.Amount
		g.in.Corrected = append(g.in.Corrected, ledger.Correction{
			Node: c.Node, Epoch: c.Epoch, Challenge: c.ID, Amount: c.Amount, Because: c.Because,
		})
		return nil
	}, `SELECT `+challengeColumns+` FROM challenges WHERE booked = 0 AND state = 'upheld' AND decided < $1 ORDER BY id LIMIT $2`,
		toMillis(g.epoch.End), ledger.MaxCorrectionsListed)
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	ledger.SortCorrections(g.in.Corrected)
	nodes := make([]wire.Key, len(g.in.Corrected))
	for i, c := range g.in.Corrected {
		nodes[i] = c.Node
	}
	g.ensure(nodes)
	return nil
}
