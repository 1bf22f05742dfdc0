package fleet_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/fleet"
)

// However many ask at once, no node gets more than it offers, and none of what
// is offered stays unused.
func TestCapacityIsNeverExceeded(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.MaxTunnels = 4 })
	k.nodes(2, 3)
	k.nodes(1, 1e9)
	var held atomic.Int32
	var picking sync.WaitGroup
	start := make(chan struct{})
	for range 200 {
		picking.Go(func() {
			<-start
			if _, err := k.Pick(fleet.Wish{Site: "a.test"}); err == nil {
				held.Add(1)
			} else if !errors.Is(err, fleet.ErrNoNode) {
				t.Error(err)
			}
		})
	}
	close(start)
	picking.Wait()
	if held.Load() != 3+3+4 {
		t.Errorf("%d fetches at once, the nodes offer 10", held.Load())
	}
	for _, c := range k.Connected() {
		if c.InFlight > c.MaxTunnels {
			t.Errorf("%d in flight through a node that offers %d", c.InFlight, c.MaxTunnels)
		}
	}
}

// Hanging up and coming back does not free what is under way.
func TestCapacityOutlivesTheSession(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 2)[0]
	g := k.pick(fleet.Wish{Site: "a.test"})
	k.join(n, 2)
	k.pick(fleet.Wish{Site: "a.test"})
	if _, err := k.Pick(fleet.Wish{Site: "a.test"}); err == nil {
		t.Error("three fetches through a node that offers two")
	}
	k.Release(g, fleet.Served)
	k.pick(fleet.Wish{Site: "a.test"})
}

func TestWhyThereIsNoNode(t *testing.T) {
	k := newKit(t, nil)
	want := func(w fleet.Wish, sentence string) {
		t.Helper()
		_, err := k.Pick(w)
		if !errors.Is(err, fleet.ErrNoNode) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("pick %+v: %v, want %q", w, err, sentence)
		}
	}
	want(fleet.Wish{}, "no node is connected")
	n := k.nodes(1, 1)[0]
	want(fleet.Wish{Country: "DE"}, "none of 1 connected is in DE")
	want(fleet.Wish{Avoid: []wire.Key{n.key}}, "of 1 sharing, all were tried or are resting")
	g := k.pick(fleet.Wish{Site: "a.test"})
	want(fleet.Wish{Site: "a.test"}, "of 1 sharing, all are at their limit")
	k.Release(g, fleet.SiteFails)
	want(fleet.Wish{Site: "a.test"}, "of 1 sharing, all were tried or are resting")
	n.tell(pause(wire.Paused))
	k.await("pause", func() bool { _, sharing := k.Count(); return sharing == 0 })
	want(fleet.Wish{Site: "b.test"}, "of 1 connected, none shares now")
}

// Fetches of a site stay with a node for a while, so that connections are
// reused, and then move on.
func TestStickiness(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.StickyFetches = 5 })
	k.nodes(4, 4)
	var turns int
	seen := make(map[wire.Key]int)
	var last wire.Key
	for i := range 200 {
		g := k.pick(fleet.Wish{Site: "a.test"})
		if g.Node != last {
			turns++
			if i%5 != 0 {
				t.Fatalf("another node after %d fetches", i)
			}
		}
		last = g.Node
		seen[g.Node]++
		k.Release(g, fleet.Served)
	}
	if len(seen) != 4 || turns < 10 {
		t.Errorf("%d turns over %v", turns, seen)
	}
}

func TestLoadIsSpread(t *testing.T) {
	k := newKit(t, nil)
	k.nodes(4, 16)
	seen := make(map[wire.Key]int)
	for range 32 {
		seen[k.pick(fleet.Wish{Site: "a.test"}).Node]++
	}
	for key, n := range seen {
		if n < 4 || n > 12 {
			t.Errorf("node %s got %d of 32", key, n)
		}
	}
}

// A newcomer gets its share beside nodes that have long served well.
func TestNewcomerGetsItsShare(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.StickyFetches = 1 })
	k.nodes(2, 4)
	for range 50 {
		k.Release(k.pick(fleet.Wish{Site: "a.test"}), fleet.Served)
	}
	newcomer := k.nodes(1, 4)[0]
	var got int
	for range 24 {
		g := k.pick(fleet.Wish{Site: "a.test"})
		if g.Node == newcomer.key {
			got++
		}
		if got < 3 {
			continue // keep it: so do the others fill up
		}
		return
	}
	t.Errorf("the newcomer got %d of 24 fetches", got)
}

func TestRestAfterFailures(t *testing.T) {
	for name, o := range map[string]fleet.Outcome{"fails": fleet.NodeFails, "declines": fleet.Unused} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, func(c *fleet.Config) { c.SiteCooldown = 0 })
			n := k.nodes(1, 4)[0]
			streak := func() {
				for range k.cfg.UnwellAfter {
					k.Release(k.pick(fleet.Wish{Site: "a.test"}), o)
				}
			}
			rests := func(d time.Duration) {
				t.Helper()
				k.clock.move(d - time.Millisecond)
				if _, err := k.Pick(fleet.Wish{Site: "b.test"}); err == nil {
					t.Fatalf("asked again before %s are over", d)
				}
				k.clock.move(time.Millisecond)
			}
			streak()
			k.join(n, 4) // coming back does not shorten it
			rests(k.cfg.UnwellBase)
			streak()
			rests(2 * k.cfg.UnwellBase)
			k.Release(k.pick(fleet.Wish{Site: "a.test"}), fleet.Served)
			streak()
			rests(k.cfg.UnwellBase)
			if c, _ := k.view(n.key); c.Standing != 1000 {
				t.Errorf("standing %d", c.Standing)
			}
		})
	}
}

// A node that fails on a site is kept from that site, longer each time, and from
// no other.
func TestSiteCooldown(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.SiteCooldown, c.SiteCoolMax = time.Second, 3*time.Second })
	k.nodes(1, 4)
	for _, d := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
		k.Release(k.pick(fleet.Wish{Site: "a.test"}), fleet.SiteFails)
		k.Release(k.pick(fleet.Wish{Site: "b.test"}), fleet.Served)
		k.clock.move(d - time.Millisecond)
		if _, err := k.Pick(fleet.Wish{Site: "a.test"}); err == nil {
			t.Errorf("asked again before %s are over", d)
		}
		k.clock.move(time.Millisecond)
	}
	k.Release(k.pick(fleet.Wish{Site: "a.test"}), fleet.Served)
	k.Release(k.pick(fleet.Wish{Site: "a.test"}), fleet.SiteFails)
	k.clock.move(time.Second)
	k.pick(fleet.Wish{Site: "a.test"})
}

// A site sees the fleet from many networks: of ten nodes in one and two in
// networks of their own, it is not the ten that get nearly all.
func TestSpreadOverNetworks(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.StickyFetches = 1 })
	crowd, apart := k.nodes(10, 4), k.nodes(2, 4)
	for _, n := range crowd {
		k.SetClump(n.key, "one")
	}
	k.SetClump(apart[0].key, "two")
	k.SetClump(apart[1].key, "three")
	got := 0
	for range 400 {
		g := k.pick(fleet.Wish{Site: "a.test"})
		if g.Node == apart[0].key || g.Node == apart[1].key {
			got++
		}
		k.Release(g, fleet.Served)
	}
	// By chance alone it would be a sixth, 67.
	if got < 150 {
		t.Errorf("the two apart got %d of 400 fetches", got)
	}
}
