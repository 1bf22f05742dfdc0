package relay_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

// config is for tests: a lab, and waits that end within one.
func config(t *testing.T, routers ...string) relay.Config {
	cfg := relay.DefaultConfig()
	cfg.Dir = t.TempDir()
	cfg.Routers = routers
	cfg.Lab = true
	cfg.LabDNS = startDNS(t)
	cfg.Backoff = relay.Backoff{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond, Stable: time.Minute, Hopeless: time.Hour, Home: 200 * time.Millisecond}
	cfg.Finish = time.Second
	return cfg
}

// node is a node that runs until the test ends or stop is called.
type node struct {
	*relay.Node
	stop func()
}

func startNode(t *testing.T, cfg relay.Config, before ...func(*relay.Node)) node {
	t.Helper()
	n, err := relayNew(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range before {
		f(n)
	}
	return run(t, n)
}

func run(t *testing.T, n *relay.Node) node {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := receive(t, "end of Run", done); err != nil {
			t.Errorf("run: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	t.Cleanup(stop)
	return node{n, stop}
}

// sharing starts a node that has consented, and waits for its session.
func sharing(t *testing.T, r *router, cfg relay.Config) node {
	t.Helper()
	n := startNode(t, cfg)
	consent(t, n)
	receive(t, "hello", r.hellos)
	eventually(t, "connected", func() bool { return n.Status().Routers[0].Connected })
	return n
}

func consent(t *testing.T, n node) {
	t.Helper()
	if err := n.Rules().Accept(rules.ConsentVersion()); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(wait); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", wait, what)
		}
	}
}

func page(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("a page")) }

func TestPageThroughTunnel(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))

	lease := r.lease(n.Key(), s)
	tunnel, reason := r.open(n.Key(), r.sign(lease))
	if reason != wire.OK {
		t.Fatalf("refused: %s", reason)
	}
	if got := s.get(t, tunnel); got != "a page" {
		t.Fatalf("got %q", got)
	}
	eventually(t, "tunnel ended", func() bool { return n.Status().Tunnels.Open == 0 })

	entries, err := n.Journal(journal.Filter{})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v; want opened and closed", len(entries), err)
	}
	opened, closed := entries[0], entries[1]
	if opened.Kind != journal.Opened || opened.Host != s.host || opened.Purpose != "testing" || opened.Router != r.key {
		t.Errorf("opened: %+v", opened)
	}
	kept, err := wire.OpenLease(opened.Lease, opened.LeaseSig)
	if err != nil || kept.Serial != lease.Serial {
		t.Errorf("the journal's lease: %v, %v", kept, err)
	}
	if closed.Kind != journal.Closed || closed.Reason != wire.OK || closed.BytesDown == 0 || closed.BytesUp == 0 {
		t.Errorf("closed: %+v", closed)
	}
	status := n.Status()
	if status.Carried.BytesDown != closed.BytesDown || status.Carried.BytesUp != closed.BytesUp {
		t.Errorf("status counts %+v, the journal %d down, %d up", status.Carried, closed.BytesDown, closed.BytesUp)
	}
	if !status.Sharing.OK || !strings.HasPrefix(status.Sentence, "Sharing") {
		t.Errorf("status says %q", status.Sentence)
	}
}

func relayNew(t *testing.T, cfg relay.Config) (*relay.Node, error) {
	return relay.New(slog.New(slog.NewTextHandler(t.Output(), nil)), cfg)
}
