package router

import (
	"context"
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

// retryClose is how long after a failed close the next try comes.
const retryClose = time.Minute

// run closes an epoch whenever it is old enough, and takes up a close that
// failed, until ctx ends.
func (e *epochs) run(ctx context.Context) error {
	failed := false
	for {
		wait, err := e.wait(ctx)
		if err != nil && ctx.Err() == nil {
			e.log.Error("epoch not read, trying again soon", "after", retryClose, "error", err)
		}
		if err != nil || failed {
			wait = retryClose
		}
		failed = false
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if !e.due(ctx) {
			continue // somebody else has closed it meanwhile, or nobody shall
		}
		if _, err := e.close(ctx); err != nil && ctx.Err() == nil {
			failed = true
			e.log.Error("epoch not closed, trying again soon; nothing is lost meanwhile", "after", retryClose, "error", err)
		}
	}
}

// wait is how long until run should look again.
func (e *epochs) wait(ctx context.Context) (time.Duration, error) {
	if e.meter.Closing() || e.every <= 0 {
		return retryClose, nil
	}
	current, err := e.ledger.Current(ctx)
	if err != nil {
		return 0, err
	}
	return current.Start.Add(e.every).Sub(e.now()), nil
}

// due reports whether there is something to close.
func (e *epochs) due(ctx context.Context) bool {
	if e.meter.Closing() {
		return true
	}
	wait, err := e.wait(ctx)
	return err == nil && e.every > 0 && wait <= 0
}

// close ends the current epoch: signs of life, counts turned over, the nodes'
// signatures awaited for a while, points computed. Nodes that do not answer are
// paid by the router's own count. After a close that failed half-way it goes on
// with that one.
func (e *epochs) close(ctx context.Context) (ledger.Epoch, error) {
	e.closing.Lock()
	defer e.closing.Unlock()
	if !e.meter.Closing() {
		current, err := e.ledger.Current(ctx)
		if err != nil {
			return ledger.Epoch{}, err
		}
		e.creditOnline(ctx)
		if err := e.meter.Rotate(ctx, current.Number+1); err != nil {
			return ledger.Epoch{}, fmt.Errorf("close epoch %d: %w", current.Number, err)
		}
	}
	e.awaitSignatures(ctx)
	return e.finish(ctx)
}

// finish lets the ledger compute the epoch whose counts are turned over.
func (e *epochs) finish(ctx context.Context) (ledger.Epoch, error) {
	closed, err := e.ledger.Close(ctx, e.meter.Epoch()-1)
	if err != nil {
		return ledger.Epoch{}, err
	}
	e.meter.Sealed()
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

// flush stores all counts; used when the router stops. Counts of the new epoch
// can only be stored once the one before is closed.
func (e *epochs) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.meter.Closing() {
		if _, err := e.finish(ctx); err != nil {
			return fmt.Errorf("finish closing epoch %d: %w", e.meter.Epoch()-1, err)
		}
	}
	if err := e.meter.Checkpoint(ctx); err != nil {
		return fmt.Errorf("store the last counts: %w", err)
	}
	return nil
}
