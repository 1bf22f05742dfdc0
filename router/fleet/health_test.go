package fleet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/fleet"
)

func TestSuspicionsBecomeBlame(t *testing.T) {
	for _, c := range []struct {
		reason   wire.Reason
		enough   int
		standing int // then
	}{
		{wire.TLSForged, 2, 1000}, {wire.BytesCorrupted, 2, 750}, {wire.BytesTruncated, 5, 1000}, {wire.Stalled, 5, 1000},
	} {
		t.Run(c.reason.String(), func(t *testing.T) {
			k := newKit(t, nil)
			n := k.nodes(1, 4)[0]
			for i := range c.enough {
				if got := k.book.reasons(); len(got) > 0 {
					t.Fatalf("%v after %d suspicions", got, i)
				}
				k.Suspect(n.key, fmt.Sprintf("a%d.test", i), c.reason, "detail")
			}
			got, _ := k.view(n.key)
			if got.Standing != c.standing || got.Quarantined != c.reason || !got.Quarantine.Equal(k.clock.Now().Add(k.cfg.QuarantineBase)) {
				t.Errorf("after %d suspicions: %+v", c.enough, got)
			}
			if _, err := k.Pick(fleet.Wish{Site: "b.test"}); err == nil {
				t.Error("a quarantined node was chosen")
			}
		})
	}
}

// A node behind a school's filter, or whose provider puts a page before a site it
// blocks, presents certificates that are not the site's. One site is no evidence,
// however often; several are a warning the first time, and mean what they say
// when it happens again.
func TestForeignCertificates(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 4)[0]
	for range 20 {
		k.Suspect(n.key, "blocked.test", wire.TLSForged, "the provider's page")
	}
	wantNoEvents(t, k)
	k.Suspect(n.key, "other.test", wire.TLSForged, "the provider's page")
	if got, _ := k.view(n.key); got.Standing != 1000 || got.Quarantined != wire.TLSForged || !got.Quarantine.After(k.clock.Now()) {
		t.Fatalf("a warning: %+v", got)
	}
	again := func(want int) {
		t.Helper()
		k.Suspect(n.key, "a.test", wire.TLSForged, "presented its own certificate")
		k.Suspect(n.key, "b.test", wire.TLSForged, "presented its own certificate")
		if got, _ := k.view(n.key); got.Standing != want {
			t.Errorf("standing %d, want %d", got.Standing, want)
		}
	}
	k.clock.move(24 * time.Hour)
	again(750)
	k.stop() // the warning is remembered over a restart
	k.start()
	k.join(n, 4)
	k.clock.move(48 * time.Hour)
	again(500)
}

// What sites do by themselves must not be held against honest nodes.
func TestHonestNodesAreNotBlamed(t *testing.T) {
	t.Run("a site that cuts everybody", func(t *testing.T) {
		k := newKit(t, nil)
		nodes := k.nodes(2, 4)
		for range 50 {
			for _, n := range nodes {
				k.Suspect(n.key, "odd.test", wire.BytesTruncated, "")
			}
		}
		wantNoEvents(t, k)
	})
	t.Run("slow sites among thousands", func(t *testing.T) {
		k := newKit(t, nil)
		n := k.nodes(1, 4)[0]
		for i := range 100 {
			for range 3 {
				k.Release(k.pick(fleet.Wish{Site: "well.test"}), fleet.Served)
			}
			k.Suspect(n.key, fmt.Sprintf("slow%d.test", i), wire.Stalled, "")
		}
		wantNoEvents(t, k)
	})
	t.Run("now and then over days", func(t *testing.T) {
		k := newKit(t, nil)
		n := k.nodes(1, 4)[0]
		for range 50 {
			k.Suspect(n.key, "a.test", wire.Stalled, "")
			k.clock.move(20 * time.Minute)
		}
		wantNoEvents(t, k)
	})
	t.Run("paused or gone meanwhile", func(t *testing.T) {
		k := newKit(t, nil)
		n := k.nodes(1, 4)[0]
		n.tell(pause(wire.Paused))
		k.await("pause", func() bool { _, sharing := k.Count(); return sharing == 0 })
		for range 10 {
			k.Suspect(n.key, "a.test", wire.BytesTruncated, "")
			k.Suspect(k.newNode().key, "a.test", wire.BytesTruncated, "")
		}
		wantNoEvents(t, k)
	})
}

func wantNoEvents(t *testing.T, k *kit) {
	t.Helper()
	if got := k.book.reasons(); len(got) > 0 {
		t.Errorf("events: %v", got)
	}
}

// Each time it is caught a node is left out twice as long. What was under way
// when it was caught is the same incident.
func TestQuarantineDoubles(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.QuarantineMax = 30 * time.Minute })
	n := k.nodes(1, 64)[0]
	for i, d := range []time.Duration{10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 30 * time.Minute, 30 * time.Minute} {
		for range 20 {
			k.Suspect(n.key, "a.test", wire.BytesCorrupted, "")
		}
		got, _ := k.view(n.key)
		if until := k.clock.Now().Add(d); !got.Quarantine.Equal(until) || got.Standing != max(0, 750-250*i) {
			t.Fatalf("time %d: until %s, standing %d; want %s", i+1, got.Quarantine, got.Standing, until)
		}
		k.clock.move(d)
	}
	if len(k.book.reasons()) != 5 {
		t.Errorf("events: %v", k.book.reasons())
	}
	k.pick(fleet.Wish{Site: "a.test"})
}

// Neither coming back nor a restart of the router, nor any amount of lesser
// events, shortens a quarantine.
func TestQuarantineIsRemembered(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 4)[0]
	for range 2 {
		k.Suspect(n.key, "a.test", wire.BytesCorrupted, "flipped bytes")
	}
	until := k.clock.Now().Add(k.cfg.QuarantineBase)
	for range 100 {
		k.Note(n.key, wire.ReceiptDisputed, "again")
	}
	k.join(n, 4)
	still := func() {
		t.Helper()
		if got, _ := k.view(n.key); got.Standing != 750 || !got.Quarantine.Equal(until) {
			t.Errorf("standing %d, quarantined until %s; want 750 and %s", got.Standing, got.Quarantine, until)
		}
	}
	still()
	k.stop()
	k.start()
	k.join(n, 4)
	still()
	if want := []wire.Reason{wire.BytesCorrupted, wire.ReceiptDisputed}; !slices.Equal(k.book.reasons(), want) {
		t.Errorf("events %v, want %v", k.book.reasons(), want)
	}
}

// A node that hangs up after each misdeed is caught like one that stays.
func TestBlameOfANodeThatLeft(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 4)[0]
	k.Suspect(n.key, "a.test", wire.BytesCorrupted, "")
	_ = n.host.Network().ClosePeer(k.host.ID())
	k.await("leaving", func() bool { connected, _ := k.Count(); return connected == 0 })
	k.Suspect(n.key, "a.test", wire.BytesCorrupted, "")
	k.join(n, 4)
	if got, _ := k.view(n.key); got.Standing != 750 || got.Quarantined != wire.BytesCorrupted {
		t.Errorf("%+v", got)
	}
}
