package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/store"
)

// settlements runs settlements one after the other, as they are asked for.
type settlements struct {
	log     *slog.Logger
	settler *settle.Settler
	store   *store.Store
	asked   chan uint64 // one at most waits

	mu      sync.Mutex
	busy    bool // asked for or running
	failure error
}

func newSettlements(log *slog.Logger, settler *settle.Settler, db *store.Store) *settlements {
	return &settlements{log: log, settler: settler, store: db, asked: make(chan uint64, 1)}
}

// run carries out what is asked for until ctx ends. A run that is cut off goes
// on when it is asked for again.
func (s *settlements) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case epoch := <-s.asked:
			_, err := s.settler.Run(ctx, epoch)
			s.mu.Lock()
			s.busy, s.failure = false, err
			if ctx.Err() != nil {
				s.failure = nil
			}
			s.mu.Unlock()
		}
	}
}

// start asks for a run.
func (s *settlements) start(epoch uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return settle.ErrBusy
	}
	s.busy, s.failure = true, nil
	s.asked <- epoch
	return nil
}

func (s *settlements) state() (busy bool, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy, s.failure
}

// wallClock is the clock of everybody.
type wallClock struct{}

var _ settle.Clock = wallClock{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// settleLedger fits the ledger to settling.
type settleLedger struct {
	store *store.Store
	now   func() time.Time
}

var _ settle.Ledger = settleLedger{}

func (l settleLedger) Epoch(ctx context.Context, number uint64) (settle.Epoch, error) {
	e, err := l.epoch(ctx, number)
	if err != nil {
		return settle.Epoch{}, err
	}
	c := e.Head.Commitment(e.Hash)
	return settle.Epoch{Number: e.Number, Commitment: settle.Commitment{
		Root: c.Root, File: c.File, Nodes: c.Nodes,
		Points: settle.MicroPoints(c.Points), PointsEver: settle.MicroPoints(c.PointsEver),
		Royalties: settle.Units(c.Royalties), RoyaltiesEver: settle.Units(c.RoyaltiesEver),
	}}, nil
}

// epoch is a closed epoch that may be paid, the newest for 0.
func (l settleLedger) epoch(ctx context.Context, number uint64) (ledger.Epoch, error) {
	if number == 0 {
		current, err := l.store.Epoch(ctx, 0)
		if err != nil {
			return ledger.Epoch{}, err
		}
		if current.Number == 1 {
			return ledger.Epoch{}, fmt.Errorf("no epoch is closed yet: %w", settle.ErrNotReady)
		}
		return l.newest(ctx, current.Number-1)
	}
	e, err := l.store.Epoch(ctx, number)
	if errors.Is(err, ledger.ErrNoEpoch) {
		return e, fmt.Errorf("there is no epoch %d: %w", number, settle.ErrNotReady)
	}
	if err != nil {
		return e, err
	}
	switch phase := e.Phase(l.now()); {
	case phase == ledger.PhaseChallengeable:
		err = fmt.Errorf("epoch %d can be challenged until %s: %w", number, e.SettleFrom.Format(time.RFC3339), settle.ErrNotReady)
	case phase != ledger.PhaseSettleable:
		err = fmt.Errorf("epoch %d is %s: %w", number, phase, settle.ErrNotReady)
	case e.Head == nil:
		err = fmt.Errorf("epoch %d was closed by an earlier version; a newer one includes it: %w", number, settle.ErrNotReady)
	}
	return e, err
}

// newest is the newest epoch up to number that may be paid. Without one, the
// error says what number waits for.
func (l settleLedger) newest(ctx context.Context, number uint64) (ledger.Epoch, error) {
	e, waits := l.epoch(ctx, number)
	err := waits
	for errors.Is(err, settle.ErrNotReady) && number > 1 {
		number--
		e, err = l.epoch(ctx, number)
	}
	if err != nil {
		err = waits
	}
	return e, err
}

// Dues takes the balances at the end of an epoch. The ledger keeps those from the
// newest epoch on that may be paid; that one includes all before it. A node is
// paid where the epoch's root says, even if it has asked for another place since.
func (l settleLedger) Dues(ctx context.Context, epoch uint64) ([]settle.Due, error) {
	var dues []settle.Due
	err := l.store.Balances(ctx, epoch, func(b ledger.Balance) error {
		dues = append(dues, settle.Due{
			Node: b.Node, Address: b.Payout, Points: settle.MicroPoints(b.Points), Royalty: settle.Units(b.Royalties),
		})
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("the balances of epoch %d are not kept any more, settle a newer one: %w", epoch, settle.ErrNotReady)
	}
	return dues, err
}
