package relay_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// halt is the message that stops what is given.
func (r *router) halt(sequence uint64, stops ...wire.Stop) *pb.RouterMessage {
	r.t.Helper()
	h := &wire.Halt{Router: r.key, Sequence: sequence, At: time.Now(), Stops: stops}
	if err := h.Sign(r.private); err != nil {
		r.t.Fatal(err)
	}
	return &pb.RouterMessage{Body: &pb.RouterMessage_Halt{Halt: &pb.Halt{Halt: h.Encode(), RouterSignature: h.Signature}}}
}

func TestHaltCutsOpenTunnels(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(endless))
	n := sharing(t, r, config(t, r.addr()))
	_, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s)))
	if reason != wire.OK {
		t.Fatal(reason)
	}
	lease := r.lease(n.Key(), s)
	lease.Job = "job-2"
	if _, reason = r.open(n.Key(), r.sign(lease)); reason != wire.OK {
		t.Fatal(reason)
	}
	r.say(r.halt(1, wire.Stop{Scope: wire.HaltJob, Job: "job-1", Reason: "asked for by the site"}))
	eventually(t, "one tunnel is cut", func() bool { return n.Status().Tunnels.Open == 1 })
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.Halted {
		t.Errorf("a lease of the job that is stopped: %s", reason)
	}
	if status := n.Status(); !status.Sharing.OK || !strings.Contains(strings.Join(status.Warnings, " "), "asked for by the site") {
		t.Errorf("one job stopped: %q, %q", status.Sentence, status.Warnings)
	}

	r.say(r.halt(2, wire.Stop{Scope: wire.HaltRouter, Reason: "looking into a complaint"}))
	said := receive(t, "word to the router", r.said)
	if wire.Reason(said.GetPause().GetReason()) != wire.Halted {
		t.Errorf("the router heard %v", said)
	}
	eventually(t, "the other tunnel is cut", func() bool { return n.Status().Tunnels.Open == 0 })
	if status := n.Status(); status.Sharing.OK || !strings.Contains(status.Sentence, "looking into a complaint") {
		t.Errorf("status: %q", status.Sentence)
	}
	var entries []journal.Entry
	eventually(t, "both are in the journal", func() bool {
		var err error
		entries, err = n.Journal(journal.Filter{Kinds: []journal.Kind{journal.Halted}})
		return err == nil && len(entries) == 2
	})
	if h, err := wire.OpenHalt(entries[1].Halt, entries[1].HaltSig); err != nil || h.Sequence != 2 {
		t.Errorf("the journal's halt: %+v, %v", h, err)
	}

	r.say(r.halt(3))
	if said := receive(t, "word to the router", r.said); said.GetResume() == nil {
		t.Errorf("the router heard %v", said)
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("lifted: %s", reason)
	}
}

func TestHaltSurvivesARestart(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	cfg := config(t, r.addr())
	n := sharing(t, r, cfg)
	r.say(r.halt(1, wire.Stop{Scope: wire.HaltRouter, Reason: "a fault"}))
	eventually(t, "stopped", func() bool { return !n.Status().Sharing.OK })
	n.stop()
	again := startNode(t, cfg)
	hello := receive(t, "hello", r.hellos)
	if wire.Reason(hello.GetSharing()) != wire.Halted {
		t.Errorf("after the restart it says %s", wire.Reason(hello.GetSharing()))
	}
	eventually(t, "connected", func() bool { return again.Status().Routers[0].Connected })
	if _, reason := r.open(again.Key(), r.sign(r.lease(again.Key(), s))); reason != wire.Halted {
		t.Errorf("after the restart: %s", reason)
	}
}

// Neither a stranger nor another router of the list can stop a node in this
// router's name.
func TestForgedHaltIsNoHalt(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	h := &wire.Halt{Router: r.key, Sequence: 1, At: time.Now(), Stops: []wire.Stop{{Scope: wire.HaltAll, Reason: "x"}}}
	encoded := h.Encode()
	for _, message := range []*pb.Halt{
		{Halt: encoded, RouterSignature: ed25519.Sign(newKey(t), encoded)},
		{Halt: encoded}, {}, {Halt: make([]byte, wire.MaxHalt+1)},
	} {
		r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Halt{Halt: message}})
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("refused: %s", reason)
	}
	if status := n.Status(); !status.Sharing.OK || len(status.Halts) != 0 {
		t.Errorf("status: %q", status.Sentence)
	}
}

// A failover that has stopped everything is not left for home: only it can lift
// that. And after a restart it is sought first.
func TestStaysWithWhoStoppedEverything(t *testing.T) {
	n, failover, restart := onFailover(t)
	failover.say(failover.halt(1, wire.Stop{Scope: wire.HaltAll, Reason: "a fault in the agent"}))
	eventually(t, "stopped", func() bool { return !n.Status().Sharing.OK })
	home := restart()
	select {
	case <-home.hellos:
		t.Fatal("it went home")
	case <-time.After(700 * time.Millisecond):
	}
	failover.say(failover.halt(2))
	receive(t, "hello at home", home.hellos)
}

func TestNewerVersionIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		have, newest, info string
		says               string // "" nothing
	}{
		"newer":         {"0.4.0", "0.4.1", "https://fallow.example/notes", "https://fallow.example/notes"},
		"the same":      {"0.4.1", "0.4.1", "", ""},
		"older":         {"0.5.0", "0.4.1", "", ""},
		"own build":     {"dev", "0.4.1", "", ""},
		"no version":    {"0.4.0", "rm -rf", "", ""},
		"no https":      {"0.4.0", "0.4.1", "http://fallow.example/", "the way you installed this one."},
		"terminal code": {"0.4.0", "0.4.1", "https://x/\x1b[31m", "the way you installed this one."},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRouter(t, newKey(t), "")
			r.greet = &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: &pb.Welcome{
				Lab: true, Epoch: 1, UnixMilli: time.Now().UnixMilli(), NewestVersion: test.newest, NewestInfo: test.info,
			}}}
			cfg := config(t, r.addr())
			cfg.Version = test.have
			warnings := sharing(t, r, cfg).Status().Warnings
			if test.says == "" && len(warnings) > 0 {
				t.Errorf("says %q", warnings)
			}
			if test.says != "" && (len(warnings) != 1 || !strings.HasSuffix(warnings[0], test.says)) {
				t.Errorf("says %q, want it to end in %q", warnings, test.says)
			}
		})
	}
}

func TestPayoutAddressIsSaidWithProof(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg := config(t, r.addr())
	n := sharing(t, r, cfg)
	wallet := newKey(t)
	if err := n.SetPayout(payout.Address{Key: wire.KeyOf(wallet), Proof: make([]byte, 64)}); err == nil {
		t.Error("taken without proof")
	}
	if err := n.SetPayout(payout.Address{Key: wire.KeyOf(wallet), Proof: wire.SignPayout(n.Key(), wallet)}); err != nil {
		t.Fatal(err)
	}
	hello := receive(t, "hello with the new address", r.hellos)
	if err := wire.VerifyPayout(n.Key(), wire.Key(hello.GetPayoutAddress()), hello.GetPayoutProof()); err != nil || wire.Key(hello.GetPayoutAddress()) != wire.KeyOf(wallet) {
		t.Errorf("hello %v: %v", hello, err)
	}
	n.stop()
	again := startNode(t, cfg)
	if hello := receive(t, "hello", r.hellos); len(hello.GetPayoutProof()) == 0 {
		t.Error("forgotten after a restart")
	}
	if p := again.Status().Payout; p.Own || p.Address != wire.KeyOf(wallet) || p.Confirmed {
		t.Errorf("status: %+v", p)
	}
}

func TestRoutersChangeWithoutARestart(t *testing.T) {
	a, b := startRouter(t, newKey(t), ""), startRouter(t, newKey(t), "")
	cfg := config(t, a.addr())
	n := sharing(t, a, cfg)
	if err := n.SetRouters([]string{b.addr()}); err != nil {
		t.Fatal(err)
	}
	receive(t, "hello at the new router", b.hellos)
	eventually(t, "only the new one", func() bool {
		s := n.Status()
		return len(s.Routers) == 1 && s.Routers[0].Router == b.key && s.Routers[0].Connected && len(a.host.Network().Peers()) == 0
	})
	if err := n.SetRouters([]string{a.addr(), b.addr()}); err != nil { // a new home, the other stays as failover
		t.Fatal(err)
	}
	receive(t, "hello at the new home", a.hellos)
	eventually(t, "home serves", func() bool { return n.Status().Routers[0].Connected })
	if err := n.SetRouters(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody", func() bool {
		return len(a.host.Network().Peers())+len(b.host.Network().Peers()) == 0 && strings.Contains(n.Status().Sentence, "router add")
	})
	if err := n.SetRouters([]string{b.addr()}); err != nil {
		t.Fatal(err)
	}
	receive(t, "hello out of the waiting", b.hellos)
	if err := n.SetRouters([]string{"nonsense"}); err == nil {
		t.Error("nonsense was taken")
	}
	if got := n.Routers(); len(got) != 1 || got[0] != b.addr() {
		t.Errorf("routers %v", got)
	}
}

func TestRoutersOfTheCommandLineStay(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg := config(t, r.addr())
	cfg.Pinned = true
	n := startNode(t, cfg)
	if err := n.SetRouters(nil); err == nil || err.Error() != relay.ErrPinned.Error() {
		t.Errorf("%v", err)
	}
}

// A router of the version before says nothing of all this and asks for nothing of
// it: the node serves it, and says what it cannot have.
func TestRouterOfTheVersionBefore(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("refused: %s", reason)
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	if report := n.Earnings(ctx, 0); report.Fetched == nil || !strings.Contains(report.Fetched.Problem, "older version") {
		t.Errorf("earnings: %+v", report.Fetched)
	}
}
