package netlab_test

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// stream opens tunnels to host that carry bytes until they are cut.
func (l *lab) stream(host string, at netip.Addr, tunnels int) {
	l.t.Helper()
	l.dns.set(host, answer{addrs: []netip.Addr{at}})
	for range tunnels {
		lease := l.router.lease(host)
		tunnel, reason, _, err := l.router.open(l.router.sign(lease))
		if err != nil || reason != wire.OK {
			l.t.Fatalf("%s: %s, %v", host, reason, err)
		}
		go func() {
			if body, err := l.get(tunnel, lease, "/endless"); err == nil {
				_, _ = io.Copy(io.Discard, body)
			}
			_ = tunnel.Reset()
		}()
	}
	before := l.wire.flow(at).Bytes
	for began := time.Now(); l.wire.flow(at).Bytes < before+1<<20; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			l.t.Fatalf("nothing flows from %s", host)
		}
	}
}

// quiet fails if bytes still went from or to an address later than limit after
// began. The router's side of the tunnel plays no part in it.
func (l *lab) quiet(what string, at netip.Addr, began time.Time, limit time.Duration) {
	l.t.Helper()
	after := l.wire.flow(at).Last.Sub(began)
	l.t.Logf("%s: the last byte %s after the order, allowed are %s", what, after.Round(time.Millisecond), limit)
	if after < -patience/10 {
		l.t.Errorf("%s: nothing had flowed for %s before the order either", what, -after)
	}
	if after > limit {
		l.t.Errorf("%s: bytes on the wire %s after the order", what, after)
	}
}

// TestRulesStopBytes has the wire for a judge of invariant 1.
func TestRulesStopBytes(t *testing.T) {
	inWorld(t, func(t *testing.T) {
		l := newLab(t)
		l.startNode()
		denied, other := netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("2606:2800:220:1::1")
		const tunnels = 3
		l.stream("www.denied-of-netlab.net", denied, tunnels)
		l.stream("www.other-of-netlab.net", other, tunnels)
		allowed := map[string]int{sight("syn", https(denied)): tunnels, sight("syn", https(other)): tunnels}

		began := time.Now()
		l.order(order{Do: "deny", Sites: []string{"denied-of-netlab.net"}})
		if reason, _, err := l.router.ask("www.denied-of-netlab.net"); err != nil || reason != wire.SiteDenied {
			t.Errorf("a new tunnel to the denied site: %s, %v", reason, err)
		}
		between := l.wire.flow(other).Bytes
		time.Sleep(time.Until(began.Add(2 * time.Second)))
		l.quiet("deny", denied, began, time.Second)
		if l.wire.flow(other).Bytes == between {
			t.Error("the other site was cut off too")
		}

		began = time.Now()
		l.order(order{Do: "pause"})
		if reason, _, err := l.router.ask("www.other-of-netlab.net"); err != nil || reason != wire.Paused {
			t.Errorf("a new tunnel while paused: %s, %v", reason, err)
		}
		time.Sleep(time.Until(began.Add(4 * time.Second)))
		l.quiet("pause", other, began, 2*time.Second)
		l.judge(allowed)

		l.order(order{Do: "resume"}) // the node was not merely broken
		l.stream("www.other-of-netlab.net", other, 1)
	})
}
