// Package routertest runs a whole network in one test process: a router, nodes,
// HTTPS sites and a DNS server, all real, all on loopback, in lab mode. It is
// the main tool for testing anything that crosses packages.
//
// Only tests import it. The same network as separate processes is in the e2e
// folder below.
package routertest

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
)

// Config says what network to run. The zero value is a router and three nodes.
type Config struct {
	Nodes  int      // default 3; -1 for none
	Names  []string // of sites on loopback beside those below fallow.test, at most 60
	Router func(*router.Config)
	Node   func(i int, cfg *relay.Config)
}

// Net is a running network.
type Net struct {
	CA  *lab.CA
	DNS *lab.DNS
	Dir string // temporary; the router's data is in Dir/router

	Router *RunningRouter
	Nodes  []*RunningNode

	t   testing.TB
	cfg Config
	log *slog.Logger
}

// Run starts a network, calls test with it and takes it down again.
func Run(t *testing.T, cfg Config, test func(ctx context.Context, n *Net)) {
	t.Helper()
	n := Start(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	test(ctx, n)
}

// Start is Run for benchmarks and for tests that need the network in pieces;
// the end of the test takes it down.
func Start(t testing.TB, cfg Config) *Net {
	t.Helper()
	n := &Net{Dir: t.TempDir(), t: t, cfg: cfg, log: Log()}
	var err error
	if n.CA, err = lab.NewCA(time.Now); err != nil {
		t.Fatal(err)
	}
	if err := n.CA.WriteFile(n.caFile()); err != nil {
		t.Fatal(err)
	}
	dns := lab.DefaultDNSConfig()
	for _, name := range cfg.Names {
		dns.Names[name] = dns.Names["*.fallow.test"]
	}
	if n.DNS, err = lab.ServeDNS(dns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.DNS.Close() })
	n.StartRouter()
	t.Cleanup(func() { n.Router.Stop() })
	count := cfg.Nodes
	if count == 0 {
		count = 3
	}
	for range max(0, count) {
		n.StartNode()
	}
	n.AwaitNodes(max(0, count))
	return n
}

func (n *Net) caFile() string { return filepath.Join(n.Dir, "ca.pem") }

// Roots trusts the lab's authority.
func (n *Net) Roots() *x509.CertPool { return n.CA.Pool() }

// Log is where a network under test logs: nowhere, or to standard error with
// FALLOW_TEST_LOG=1.
func Log() *slog.Logger {
	if os.Getenv("FALLOW_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// RunningRouter is the network's router.
type RunningRouter struct {
	*router.Router
	API *api.Client

	listen []string // where nodes find it, also once it has stopped
	cancel context.CancelFunc
	done   chan error
	t      testing.TB
}

// StartRouter starts the router on its data, for the first time or again after
// Stop. Nodes find it where it was.
func (n *Net) StartRouter() {
	n.t.Helper()
	cfg := router.LabConfig()
	cfg.Dir, cfg.LabCA, cfg.MinFree = filepath.Join(n.Dir, "router"), n.caFile(), 0
	cfg.Crawl.Drain = 2 * time.Second
	if n.cfg.Router != nil {
		n.cfg.Router(&cfg)
	}
	if n.Router != nil {
		cfg.Listen = n.Router.listen
	}
	r, err := router.New(n.log.With("party", "router"), cfg)
	if err != nil {
		n.t.Fatalf("start router: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	running := &RunningRouter{Router: r, cancel: cancel, done: make(chan error, 1), t: n.t}
	go func() { running.done <- r.Run(ctx) }()
	select {
	case <-r.Ready():
	case err := <-running.done:
		n.t.Fatalf("run router: %v", err)
	}
	running.listen = r.ListenAddresses()
	if running.API, err = api.NewClient(r.APIAddress()); err != nil {
		n.t.Fatal(err)
	}
	n.Router = running
}

// Stop stops the router in good order. The second call does nothing.
func (r *RunningRouter) Stop() {
	r.t.Helper()
	r.cancel()
	if err, open := <-r.done; open {
		close(r.done)
		if err != nil {
			r.t.Errorf("router ended with: %v", err)
		}
	}
}

// RunningNode is one of the network's nodes.
type RunningNode struct {
	*relay.Node
	Dir string

	cancel context.CancelFunc
	done   chan error
	t      testing.TB
}

// StartNode adds a node that has given its consent.
func (n *Net) StartNode() *RunningNode {
	n.t.Helper()
	return n.StartNodeIn(filepath.Join(n.Dir, fmt.Sprintf("node%d", len(n.Nodes))))
}

// StartNodeIn is StartNode with the data directory of one that was stopped.
func (n *Net) StartNodeIn(dir string) *RunningNode {
	n.t.Helper()
	i := len(n.Nodes)
	cfg := relay.DefaultConfig()
	cfg.Dir = dir
	cfg.Routers, cfg.Lab, cfg.LabDNS = n.Router.NodeAddresses(), true, n.DNS.Addr()
	cfg.Finish = time.Second
	cfg.Backoff.Min, cfg.Backoff.Max = 50*time.Millisecond, time.Second
	if n.cfg.Node != nil {
		n.cfg.Node(i, &cfg)
	}
	node, err := relay.New(n.log.With("party", "node", "n", i), cfg)
	if err != nil {
		n.t.Fatalf("start node %d: %v", i, err)
	}
	if err := node.Rules().Accept(rules.ConsentVersion()); err != nil {
		n.t.Fatalf("consent of node %d: %v", i, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	running := &RunningNode{Node: node, Dir: cfg.Dir, cancel: cancel, done: make(chan error, 1), t: n.t}
	go func() { running.done <- node.Run(ctx) }()
	n.Nodes = append(n.Nodes, running)
	n.t.Cleanup(running.Stop)
	return running
}

// Stop stops the node in good order. The second call does nothing.
func (r *RunningNode) Stop() {
	r.t.Helper()
	r.cancel()
	if err, open := <-r.done; open {
		close(r.done)
		if err != nil {
			r.t.Errorf("node ended with: %v", err)
		}
		if err := r.Close(); err != nil {
			r.t.Errorf("close node: %v", err)
		}
	}
}

// AwaitNodes waits until count nodes are connected and share.
func (n *Net) AwaitNodes(count int) {
	n.t.Helper()
	n.Await(20*time.Second, fmt.Sprintf("%d nodes", count), func(ctx context.Context) (bool, error) {
		page, err := n.Router.API.Nodes(ctx, api.Page{})
		if err != nil {
			return false, err
		}
		return page.Sharing >= count, nil
	})
}

// Await polls until done, and fails the test after patience or at an error.
func (n *Net) Await(patience time.Duration, what string, done func(ctx context.Context) (bool, error)) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		ok, err := done(ctx)
		if err != nil {
			n.t.Fatalf("await %s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			n.t.Fatalf("%s: not within %s", what, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
