package frontier_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// A job of one site beside one of two hundred gets its half of the starts, and
// four times the weight four times the starts.
func TestJobsShareTheStarts(t *testing.T) {
	for _, c := range []struct {
		weight   float64
		min, max int
	}{{0, 45, 55}, {frontier.HighWeight, 75, 85}, {frontier.LowWeight, 15, 25}} {
		f, _ := open(t, lab())
		for n := range 2000 {
			add(t, f, item("big", fmt.Sprintf("s%d.test", n%200), n))
		}
		for n := range 100 {
			add(t, f, item("small", "one.test", n))
		}
		if err := f.Limit("small", frontier.Terms{Weight: c.weight}); err != nil {
			t.Fatal(err)
		}
		starts := map[string]int{}
		for range 100 {
			it := next(t, f)
			starts[it.Job]++
			release(t, f, it, frontier.Release{})
		}
		if n := starts["small"]; n < c.min || n > c.max {
			t.Errorf("weight %v: the small job had %d of 100 starts, want %d to %d", c.weight, n, c.min, c.max)
		}
	}
}

// A job that was away does not catch up on what it missed.
func TestNoArrears(t *testing.T) {
	f, _ := open(t, lab())
	for n := range 400 {
		add(t, f, item("old", fmt.Sprintf("s%d.test", n%20), n))
	}
	for range 200 {
		release(t, f, next(t, f), frontier.Release{})
	}
	for n := range 100 {
		add(t, f, item("new", "one.test", n))
	}
	inNew := 0
	for range 20 {
		it := next(t, f)
		if it.Job == "new" {
			inNew++
		}
		release(t, f, it, frontier.Release{})
	}
	if inNew < 8 || inNew > 12 {
		t.Errorf("the new job had %d of 20 starts", inNew)
	}
}

func located(t *testing.T, f *frontier.Frontier, sites int, addr func(n int) netip.Addr) {
	t.Helper()
	for n := range sites {
		for k := range 30 {
			add(t, f, item("j", fmt.Sprintf("s%d.test", n), n*100+k))
		}
	}
	for range sites {
		it := wantWait(t, f, 0)
		var n int
		_, _ = fmt.Sscanf(it.Site, "s%d.test", &n)
		f.Located(it.Site, addr(n))
		release(t, f, it, frontier.Release{})
	}
}

// startsWithin counts the starts of d, each flight lasting for hold, and the most
// in flight at once.
func startsWithin(t *testing.T, f *frontier.Frontier, d, hold time.Duration) (starts, most int) {
	t.Helper()
	end := time.Now().Add(d)
	type flight struct {
		it  frontier.Item
		end time.Time
	}
	var flying []flight
	for {
		for len(flying) > 0 && !flying[0].end.After(time.Now()) {
			release(t, f, flying[0].it, frontier.Release{})
			flying = flying[1:]
		}
		until := end
		if len(flying) > 0 && flying[0].end.Before(end) {
			until = flying[0].end
		}
		ctx, cancel := context.WithDeadline(t.Context(), until)
		it, err := f.Next(ctx)
		cancel()
		if err == nil {
			starts++
			flying = append(flying, flight{it, time.Now().Add(hold)})
			most = max(most, len(flying))
		}
		if !time.Now().Before(end) {
			return starts, most
		}
	}
}

func TestSitesShareAnAddress(t *testing.T) {
	one := func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }
	own := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 3, byte(n)}) }
	for _, c := range []struct {
		name               string
		sites              int
		addr               func(int) netip.Addr
		hold               time.Duration
		atLeast, atMost    int // starts in ten seconds
		inFlight, leastMax int
	}{
		{"one address", 40, one, 10 * time.Millisecond, 80, 101, 8, 1},
		{"one slow address", 40, one, 4 * time.Second, 8, 24, 8, 8},
		{"a platform", 100, one, 10 * time.Millisecond, 300, 401, 32, 1},
		{"own addresses", 40, own, 10 * time.Millisecond, 380, 401, 40, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
				located(t, f, c.sites, c.addr)
				time.Sleep(time.Second)
				starts, most := startsWithin(t, f, 10*time.Second, c.hold)
				if starts < c.atLeast || starts > c.atMost {
					t.Errorf("%d starts in ten seconds, want %d to %d", starts, c.atLeast, c.atMost)
				}
				if most > c.inFlight || most < c.leastMax {
					t.Errorf("%d in flight at once, want %d to %d", most, c.leastMax, c.inFlight)
				}
			})
		})
	}
}

// A site in trouble is asked half as often each time, and comes back to its own
// pace as it answers.
func TestAdaptiveInterval(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		for n := range 40 {
			add(t, f, item("j", "a.test", n))
		}
		it := wantWait(t, f, 0)
		for _, want := range []time.Duration{2, 4} {
			release(t, f, it, frontier.Release{Outcome: frontier.Trouble})
			it = wantWait(t, f, want*time.Second)
		}
		release(t, f, it, frontier.Release{Outcome: frontier.Well})
		it = wantWait(t, f, 4*time.Second) // set when it was started
		release(t, f, it, frontier.Release{})
		it = wantWait(t, f, 3200*time.Millisecond) // says nothing
		for range 7 {
			release(t, f, it, frontier.Release{Outcome: frontier.Well})
			it, _ = waits(t, f)
		}
		release(t, f, it, frontier.Release{Outcome: frontier.Well})
		it = wantWait(t, f, time.Second)
		for range 12 {
			release(t, f, it, frontier.Release{Outcome: frontier.Trouble})
			var waited time.Duration
			if it, waited = waits(t, f); waited > 33*time.Second {
				t.Fatalf("waited %s", waited)
			}
		}
	})
}
