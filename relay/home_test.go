package relay_test

import (
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// onFailover starts a node whose home router is down until restart.
func onFailover(t *testing.T) (n node, failover *router, restart func() *router) {
	t.Helper()
	private := newKey(t)
	dead, alive := startRouter(t, private, ""), startRouter(t, newKey(t), "")
	home, address := dead.addr(), dead.host.Addrs()[0].String()
	if err := dead.host.Close(); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, config(t, home, alive.addr()))
	consent(t, n)
	receive(t, "hello at the failover", alive.hellos)
	return n, alive, func() *router { return startRouter(t, private, address) }
}

func TestComesHome(t *testing.T) {
	n, failover, restart := onFailover(t)
	home := restart()
	receive(t, "hello at home", home.hellos)
	said := receive(t, "word to the failover", failover.said)
	if wire.Reason(said.GetPause().GetReason()) != wire.Stopping {
		t.Errorf("the failover heard %v", said)
	}
	eventually(t, "home serves, the failover is left", func() bool {
		s := n.Status()
		return s.Routers[0].Connected && !s.Routers[1].Connected && s.Routers[1].Problem == "" &&
			len(failover.host.Network().Peers()) == 0
	})
	s := startSite(t, nil)
	if _, reason := home.open(n.Key(), home.sign(home.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("a lease of home: %s", reason)
	}
	// And away again when home is gone once more.
	if err := home.host.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, "hello at the failover again", failover.hellos)
}

// A home that answers only to refuse, before welcome or right after it, does not
// cost the session that works.
func TestStaysWhenHomeRefuses(t *testing.T) {
	for _, welcomed := range []bool{false, true} {
		home, failover := startRouter(t, newKey(t), ""), startRouter(t, newKey(t), "")
		full := &pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: pb.Reason(wire.RouterFull)}}}
		if welcomed {
			home.then = full
		} else {
			home.greet = full
		}
		cfg := config(t, home.addr(), failover.addr())
		cfg.Backoff.Home = time.Second // so that home has half of one to take its welcome back
		n := startNode(t, cfg)
		consent(t, n)
		for i := range 3 {
			receive(t, "try at home", home.hellos)
			if i == 0 {
				receive(t, "hello at the failover", failover.hellos)
			}
		}
		eventually(t, "status", func() bool {
			s := n.Status()
			return s.Routers[1].Connected && !s.Routers[0].Connected && s.Routers[0].Reason == wire.RouterFull
		})
		if len(failover.hellos) != 0 || len(failover.said) != 0 {
			t.Errorf("welcomed %v: the failover was bothered", welcomed)
		}
		n.stop()
	}
}

// Withdrawn consent ends the search for home, too.
func TestNoSearchWithoutConsent(t *testing.T) {
	n, failover, restart := onFailover(t)
	if err := n.Rules().Withdraw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the failover is left", func() bool { return len(failover.host.Network().Peers()) == 0 })
	home := restart()
	select {
	case <-home.hellos:
		t.Error("home was dialled without consent")
	case <-time.After(500 * time.Millisecond):
	}
}
