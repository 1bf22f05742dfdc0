package fleet_test

import (
	"context"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// A standing that fell comes back with days without an event, also over a
// restart, and regaining it is no strike.
func TestStandingMends(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 4)[0]
	for range 2 {
		k.Suspect(n.key, "a.test", wire.BytesCorrupted, "flipped bytes")
	}
	standing := func(want int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		k.CreditAll(ctx)
		if got, _ := k.view(n.key); got.Standing != want {
			t.Errorf("standing %d, want %d", got.Standing, want)
		}
	}
	standing(750)
	k.clock.move(23 * time.Hour)
	standing(750)
	k.clock.move(time.Hour)
	standing(800)
	standing(800) // once a day

	k.stop()
	k.start()
	k.join(n, 4)
	standing(800)
	if got, _ := k.view(n.key); got.Quarantine.After(k.clock.Now()) {
		t.Errorf("regaining standing put the node in quarantine until %s", got.Quarantine)
	}
	k.clock.move(30 * 24 * time.Hour)
	standing(1000)
}

// A node in quarantine, and one that offers no tunnel, is not available.
func TestNoCreditForNotBeingAvailable(t *testing.T) {
	k := newKit(t, nil)
	caught, idle := k.nodes(1, 4)[0], k.nodes(1, 0)[0]
	for range 2 {
		k.Suspect(caught.key, "a.test", wire.BytesCorrupted, "flipped bytes")
	}
	k.clock.move(10 * time.Second)
	caught.tell(pong())
	idle.tell(pong())
	time.Sleep(50 * time.Millisecond)
	if got := k.book.credited(); got != 0 {
		t.Errorf("%s credited", got)
	}
}
