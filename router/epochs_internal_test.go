package router

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire/identity"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/meter"
	"github.com/fallow-network/fallow/router/store"
)

// fullDB is a database whose disk is full while full is set.
type fullDB struct {
	meterDB
	full  atomic.Bool
	tries atomic.Int64
}

func (d *fullDB) SaveCounts(ctx context.Context, b meter.Batch) error {
	d.tries.Add(1)
	if d.full.Load() {
		return errors.New("database or disk is full")
	}
	return d.meterDB.SaveCounts(ctx, b)
}

// newEpochs is the closing of epochs over a real database, with one byte
// carried, due at once.
func newEpochs(t *testing.T) (*epochs, *fullDB) {
	t.Helper()
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "router.db"), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	id, err := identity.LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(log, time.Now, s, ledger.DefaultConfig(filepath.Join(dir, "epochs")), id.Private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := &fullDB{meterDB: meterDB{s}}
	m := meter.New(log, time.Now, db, id.Private, 1)
	account, err := m.Account(t.Context(), id.Public, "j-1")
	if err != nil {
		t.Fatal(err)
	}
	account.AddDown(1)
	f := fleet.New(log, time.Now, fleetDB{s}, m, id.Private, fleet.NewMetrics(prometheus.NewRegistry()), fleet.DefaultConfig())
	return &epochs{log: log, now: time.Now, ledger: l, meter: m, fleet: f, every: time.Millisecond, grace: 10 * time.Millisecond}, db
}

// A close that fails is tried again, but not in a loop.
func TestFailingCloseDoesNotSpin(t *testing.T) {
	e, db := newEpochs(t)
	db.full.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := e.run(ctx); err != nil {
		t.Errorf("run ended with %v", err)
	}
	if n := db.tries.Load(); n == 0 || n > 3 {
		t.Errorf("%d tries in 300 ms", n)
	}
}

// Whatever step of closing fails, the next try goes on with the same epoch and
// loses no byte; a stop in between stores what was counted since.
func TestCloseThatFailedGoesOn(t *testing.T) {
	e, db := newEpochs(t)
	db.full.Store(true)
	if _, err := e.close(t.Context()); err == nil {
		t.Fatal("closed on a full disk")
	}
	db.full.Store(false)
	if err := e.meter.Rotate(t.Context(), 2); err != nil { // as a close that got so far and failed
		t.Fatal(err)
	}
	closed, err := e.close(t.Context())
	if err != nil || closed.Number != 1 || closed.Head.Totals.Allocated() == 0 {
		t.Errorf("closed epoch %d with %s, %v; want 1 with its pool", closed.Number, closed.Head.Totals.Allocated(), err)
	}
	if e.meter.Closing() {
		t.Error("still closing")
	}

	if err := e.meter.Rotate(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	if current, err := e.ledger.Current(t.Context()); err != nil || current.Number != 3 {
		t.Errorf("after a stop in the middle of closing the open epoch is %d, %v; want 3", current.Number, err)
	}
}
