//go:build chain

package solana_test

import (
	"context"
	"sync"
	"time"

	"github.com/fallow-network/fallow/router/settle"
)

// killPoints are the moments a router can die at: just before and just after
// each step that leaves a trace.
var killPoints = []string{
	"before SavePlan", "after SavePlan", "before SaveAttempt", "after SaveAttempt", "before MarkAttempt", "after MarkAttempt",
	"before Send", "after Send", "before SaveFinal", "after SaveFinal", "before Finish", "after Finish",
}

// mortal is a router's database and chain, up to the moment at which it dies.
// Nothing that comes after that moment is done, as after kill -9.
type mortal struct {
	settle.DB
	settle.Chain
	die  context.CancelFunc
	when string // one of killPoints; empty: never
	left int    // times it passes by before

	mu   sync.Mutex
	dead bool
}

func (m *mortal) step(point string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.when == point && !m.dead {
		m.left--
		if m.left < 0 {
			m.dead = true
			m.die()
		}
	}
	return m.alive()
}

func (m *mortal) alive() error {
	if m.dead {
		return context.Canceled
	}
	return nil
}

// around does op between two points.
func (m *mortal) around(name string, op func() error) error {
	if err := m.step("before " + name); err != nil {
		return err
	}
	if err := op(); err != nil {
		return err
	}
	return m.step("after " + name)
}

func (m *mortal) SavePlan(ctx context.Context, s settle.Settlement, batches []settle.Batch, held []settle.Held) error {
	return m.around("SavePlan", func() error { return m.DB.SavePlan(ctx, s, batches, held) })
}

func (m *mortal) SaveAttempt(ctx context.Context, epoch uint64, number int, seq uint64, a settle.Attempt) error {
	return m.around("SaveAttempt", func() error { return m.DB.SaveAttempt(ctx, epoch, number, seq, a) })
}

func (m *mortal) MarkAttempt(ctx context.Context, epoch uint64, number, attempt int, state settle.AttemptState, note string, at time.Time) error {
	return m.around("MarkAttempt", func() error { return m.DB.MarkAttempt(ctx, epoch, number, attempt, state, note, at) })
}

func (m *mortal) SaveFinal(ctx context.Context, epoch uint64, number int, signature string, at time.Time) error {
	return m.around("SaveFinal", func() error { return m.DB.SaveFinal(ctx, epoch, number, signature, at) })
}

func (m *mortal) Finish(ctx context.Context, epoch uint64, at time.Time) error {
	return m.around("Finish", func() error { return m.DB.Finish(ctx, epoch, at) })
}

func (m *mortal) Send(ctx context.Context, s settle.Signed) error {
	return m.around("Send", func() error { return m.Chain.Send(ctx, s) })
}
