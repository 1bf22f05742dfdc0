package relay_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

func TestNothingBeforeConsent(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	n := startNode(t, config(t, r.addr()))
	select {
	case <-r.hellos:
		t.Fatal("connected without consent")
	case <-time.After(200 * time.Millisecond):
	}
	if got := len(r.host.Network().Peers()); got != 0 {
		t.Fatalf("%d connections without consent", got)
	}
	status := n.Status()
	if status.Sharing.Reason != wire.NoConsent || !strings.Contains(status.Sentence, "consent show") {
		t.Errorf("status: %q", status.Sentence)
	}
	consent(t, n)
	hello := receive(t, "hello", r.hellos)
	if wire.Reason(hello.GetSharing()) != wire.OK || !hello.GetLab() || hello.GetMaxTunnels() != 64 {
		t.Errorf("hello: %v", hello)
	}
	if err := n.Rules().Withdraw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "disconnected", func() bool { return len(r.host.Network().Peers()) == 0 })
	consent(t, n)
	receive(t, "hello after consent was given again", r.hellos)
}

func TestReconnects(t *testing.T) {
	private := newKey(t)
	r := startRouter(t, private, "")
	address := r.host.Addrs()[0].String()
	n := sharing(t, r, config(t, r.addr()))
	if err := r.host.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "status says so", func() bool {
		router := n.Status().Routers[0]
		return !router.Connected && strings.Contains(router.Problem, "does not answer")
	})
	again := startRouter(t, private, address)
	receive(t, "hello after the restart", again.hellos)
}

func TestFailover(t *testing.T) {
	dead, alive := startRouter(t, newKey(t), ""), startRouter(t, newKey(t), "")
	address := dead.addr()
	if err := dead.host.Close(); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, config(t, address, alive.addr()))
	consent(t, n)
	receive(t, "hello at the second router", alive.hellos)
	eventually(t, "status", func() bool {
		s := n.Status()
		return s.Routers[0].Home && s.Routers[0].Problem != "" && s.Routers[1].Connected
	})
}

func TestQUIC(t *testing.T) {
	r := startRouter(t, newKey(t), "/ip4/127.0.0.1/udp/0/quic-v1")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	if got := n.Status().Routers[0].Carrier; got != "quic" {
		t.Errorf("carrier %q", got)
	}
	tunnel, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s)))
	if reason != wire.OK || s.get(t, tunnel) != "a page" {
		t.Errorf("over QUIC: %s", reason)
	}
}

func TestWrongKeyIsRefused(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	pinned := wire.KeyOf(newKey(t))
	n := startNode(t, config(t, r.host.Addrs()[0].String()+"/p2p/"+pinned.PeerID().String()))
	consent(t, n)
	eventually(t, "status says so", func() bool {
		router := n.Status().Routers[0]
		return strings.Contains(router.Problem, "another key") && strings.Contains(router.Problem, r.key.String())
	})
	if len(r.hellos) != 0 {
		t.Error("said hello to a router with another key")
	}
}

func TestNotices(t *testing.T) {
	tests := map[string]struct {
		reason wire.Reason
		soon   bool
	}{
		"lab mismatch": {wire.LabMismatch, false},
		"too old":      {wire.AgentTooOld, false},
		"stopping":     {wire.RouterStopping, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := startRouter(t, newKey(t), "")
			r.greet = &pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: pb.Reason(tt.reason)}}}
			n := startNode(t, config(t, r.addr()))
			consent(t, n)
			receive(t, "hello", r.hellos)
			eventually(t, "status has the reason", func() bool {
				router := n.Status().Routers[0]
				return router.Reason == tt.reason && router.Problem != ""
			})
			if tt.soon {
				receive(t, "second hello", r.hellos)
			} else if next := n.Status().Routers[0].NextTry; time.Until(next) < 20*time.Minute {
				t.Errorf("tries again at %s", next)
			}
		})
	}
}

func TestPingAndActivity(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Ping{Ping: &pb.Ping{Nonce: 42}}})
	if pong := receive(t, "pong", r.said).GetPong(); pong.GetNonce() != 42 {
		t.Errorf("pong %v", pong)
	}
	lease := r.lease(n.Key(), s)
	tunnel, _ := r.open(n.Key(), r.sign(lease))
	s.get(t, tunnel)
	stranger := wire.NewSerial()
	for _, serial := range []wire.Serial{stranger, lease.Serial} {
		r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: &pb.Activity{
			Serial: serial[:], Urls: []string{"https://example.com/"},
		}}})
	}
	var pages []journal.Entry
	eventually(t, "activity in the journal", func() bool {
		pages, _ = n.Journal(journal.Filter{Kinds: []journal.Kind{journal.Pages}})
		return len(pages) > 0
	})
	if len(pages) != 1 || pages[0].Host != siteHost || pages[0].Serial != lease.Serial || pages[0].URLs[0] != "https://example.com/" {
		t.Errorf("activity: %+v", pages)
	}
}

func TestSilentRouterIsDropped(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg := config(t, r.addr())
	cfg.Session.Silence = 150 * time.Millisecond
	n := startNode(t, cfg)
	consent(t, n)
	receive(t, "first hello", r.hellos)
	receive(t, "hello after the silence", r.hellos)
}

func TestStopLetsTunnelsFinish(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	slow := make(chan struct{})
	s := startSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-slow
		_, _ = w.Write([]byte("late"))
	}))
	cfg := config(t, r.addr())
	cfg.Finish = wait
	n := sharing(t, r, cfg)
	tunnel, _ := r.open(n.Key(), r.sign(r.lease(n.Key(), s)))
	got := make(chan string, 1)
	go func() {
		body, err := s.tryGet(tunnel, "/")
		if err != nil {
			body = err.Error()
		}
		_ = tunnel.Close()
		got <- body
	}()
	eventually(t, "request under way", func() bool { return n.Status().Carried.BytesUp > 0 })
	stopped := make(chan struct{})
	go func() {
		n.stop()
		close(stopped)
	}()
	pause := receive(t, "word that it stops", r.said).GetPause()
	if wire.Reason(pause.GetReason()) != wire.Stopping {
		t.Errorf("told %v", pause)
	}
	close(slow)
	if body := receive(t, "page", got); body != "late" {
		t.Errorf("the running tunnel brought %q", body)
	}
	receive(t, "end", stopped)
}

func TestOneAgentPerDirectory(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg := config(t, r.addr())
	startNode(t, cfg)
	if _, err := relayNew(t, cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second agent in one directory: %v", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "identity.key")); err != nil {
		t.Error(err)
	}
}
