package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/meter"
)

// epochs closes epochs: it sees that the counts are in before the ledger
// computes them.
type epochs struct {
	log    *slog.Logger
	now    func() time.Time
	ledger *ledger.Ledger
	meter  *meter.Meter
	fleet  *fleet.Fleet
	every  time.Duration
	grace  time.Duration

	closing sync.Mutex
}

// run closes an epoch whenever it is old enough, until ctx ends.
func (e *epochs) run(ctx context.Context) error {
	if e.every <= 0 {
		<-ctx.Done()
		return nil
	}
	for {
		current, err := e.ledger.Current(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(max(0, current.Start.Add(e.every).Sub(e.now())))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if _, err := e.close(ctx); err != nil && ctx.Err() == nil {
			// Nothing is lost: the epoch stays open, or closing, and is closed
			// at the next try.
			e.log.Error("epoch not closed, trying again in a minute", "epoch", current.Number, "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
		}
	}
}

// close ends the current epoch: last proposals out, counts turned over, the
// nodes' signatures awaited for a while, points computed. Nodes that do not
// answer are paid by the router's own count.
func (e *epochs) close(ctx context.Context) (ledger.Epoch, error) {
	e.closing.Lock()
	defer e.closing.Unlock()
	current, err := e.ledger.Current(ctx)
	if err != nil {
		return ledger.Epoch{}, err
	}
	// After a close that failed half-way the counts are turned already.
	if e.meter.Epoch() == current.Number {
		e.creditOnline(ctx)
		if err := e.meter.Rotate(ctx, current.Number+1); err != nil {
			return ledger.Epoch{}, fmt.Errorf("close epoch %d: %w", current.Number, err)
		}
	}
	e.awaitSignatures(ctx)
	closed, err := e.ledger.Close(ctx, current.Number)
	if err != nil {
		return ledger.Epoch{}, err
	}
	e.meter.Sealed()
	e.log.Info("epoch closed", "epoch", closed.Number, "allocated", closed.Allocated, "root", closed.Root)
	return closed, nil
}

// creditWithin is how long nodes have for a sign of life before their online
// time in the epoch ends with their last one.
const creditWithin = 2 * time.Second

func (e *epochs) creditOnline(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(creditWithin, e.grace))
	defer cancel()
	e.fleet.CreditAll(ctx)
}

func (e *epochs) awaitSignatures(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, e.grace)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	e.fleet.Settle(ctx)
	for e.meter.Unsigned() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// flush stores all counts; used when the router stops.
func (e *epochs) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := e.meter.Checkpoint(ctx); err != nil && !errors.Is(err, ledger.ErrEpochClosed) {
		return fmt.Errorf("store the last counts: %w", err)
	}
	return nil
}
