package egress_test

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
)

// carried counts what many tunnels carry together.
type carried struct{ up, down atomic.Int64 }

func (c *carried) Up(n int)   { c.up.Add(int64(n)) }
func (c *carried) Down(n int) { c.down.Add(int64(n)) }

// A cap on speed holds within 5 % over any 10 s, the first included, in both
// directions, over all tunnels, and when it changes.
func TestRateHoldsOverManyTunnels(t *testing.T) {
	const tunnels, span = 48, 10 * time.Second
	for _, mbit := range []int64{1, 8, 100} {
		t.Run(fmt.Sprintf("%d Mbit", mbit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, egress.DefaultConfig())
				if err != nil {
					t.Fatal(err)
				}
				count := new(carried)
				e.SetRate(mbit * 1e6 / 8)
				time.Sleep(time.Minute) // what is not used must not add up
				stop := flood(t, e, tunnels, count)
				for _, rate := range []int64{mbit, mbit, 2 * mbit} {
					if rate != mbit {
						e.SetRate(rate * 1e6 / 8)
						time.Sleep(span) // those that wait already do so at the old speed
					}
					up, down := count.up.Load(), count.down.Load()
					time.Sleep(span)
					within5(t, "up", count.up.Load()-up, rate)
					within5(t, "down", count.down.Load()-down, rate)
				}
				stop()
			})
		})
	}
}

func within5(t *testing.T, direction string, bytes, mbit int64) {
	t.Helper()
	ratio := float64(bytes) / float64(mbit*1e6/8*10)
	t.Logf("%s: %.2f %% of %d Mbit/s", direction, 100*ratio, mbit)
	if ratio < 0.95 || ratio > 1.05 {
		t.Errorf("%s: %.2f %% of %d Mbit/s over 10 s", direction, 100*ratio, mbit)
	}
}

// flood carries as much as the rate of e lets through, both ways.
func flood(t *testing.T, e *egress.Egress, tunnels int, count *carried) (stop func()) {
	t.Helper()
	up, down := e.Paces()
	var all sync.WaitGroup
	var ends []*end
	for range tunnels {
		router, near := stream()
		far, there := stream()
		ends = append(ends, router, there)
		for _, e := range []*end{router, there} {
			all.Go(func() { _, _ = io.Copy(io.Discard, e) })
			all.Go(func() {
				block := make([]byte, 16<<10)
				for {
					if _, err := e.Write(block); err != nil {
						return
					}
				}
			})
		}
		all.Go(func() {
			egress.Pipe(t.Context(), near, site{end: far}, open{}, count, egress.PipeLimits{
				MaxUp: 1 << 40, MaxDown: 1 << 40, Idle: time.Hour, Total: time.Hour, Linger: time.Hour, Up: up, Down: down,
			})
		})
	}
	return func() {
		for _, e := range ends {
			_ = e.Reset()
		}
		all.Wait()
	}
}
