//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
)

// network is a router and nodes as processes, and the lab around them.
type network struct {
	t    testing.TB
	dir  string   // of everything; short, because sockets lie in it
	data string   // the router's
	env  []string // of the router: its settings

	ca     *lab.CA
	dns    *lab.DNS
	router *process
	api    *api.Client
	where  addresses // of the running router; the next one takes them over
	nodes  []*node
}

// addresses is DIR/addresses.json, where a router says how it is reached.
type addresses struct {
	Node []string `json:"node"`
	API  string   `json:"api"`
}

// newNetwork prepares a lab; nothing runs in it yet. settings are FALLOW_…
// variables for the router.
func newNetwork(t testing.TB, settings ...string) *network {
	t.Helper()
	n := &network{t: t, dir: folder(t), env: settings}
	n.data = filepath.Join(n.dir, "router")
	var err error
	if n.ca, err = lab.NewCA(time.Now); err != nil {
		t.Fatal(err)
	}
	if err := n.ca.WriteFile(n.caFile()); err != nil {
		t.Fatal(err)
	}
	if n.dns, err = lab.ServeDNS(lab.DefaultDNSConfig()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.dns.Close() })
	return n
}

// folder is a temporary folder. After a failure it stays, and the ends of the
// logs in it are shown.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fallow-e2e-") //nolint:usetesting // it outlives a failed test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
			return
		}
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, log := range logs {
			t.Logf("end of %s:\n%s", log, tail(log, 30))
		}
		t.Logf("logs and data are kept in %s", dir)
	})
	return dir
}

func tail(path string, lines int) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func (n *network) caFile() string { return filepath.Join(n.dir, "ca.pem") }

// serve starts the router's process and returns at once. A router that comes
// back takes the ports of the one before, so that nodes find it.
func (n *network) serve() *process {
	n.t.Helper()
	args := []string{"serve", "--data", n.data, "--lab", "--ca", n.caFile()}
	if n.where.API != "" {
		args = append(args, "--api", n.where.API)
		for _, address := range n.where.Node {
			listen, _, _ := strings.Cut(address, "/p2p/")
			args = append(args, "--listen", listen)
		}
	}
	return start(n.t, filepath.Join(n.dir, "router.log"), n.env, "fallow-router", args...)
}

// readyWithin is longer than any router may take; the tests that measure it
// have bounds of their own.
const readyWithin = 20 * time.Second

// startRouter starts the router and waits until it answers. It returns how long
// that took from the start of the process.
func (n *network) startRouter() time.Duration {
	n.t.Helper()
	began := time.Now()
	n.router = n.serve()
	n.router.hears("Ctrl-C stops it", readyWithin)
	took := time.Since(began)
	readJSON(n.t, filepath.Join(n.data, "addresses.json"), &n.where)
	var err error
	if n.api, err = api.NewClient(n.where.API); err != nil {
		n.t.Fatal(err)
	}
	return took
}

// node is a fallow-node of the network.
type node struct {
	*process
	id   string
	data string
	args []string
	log  string
}

// startNode adds a node that has consented. Without to, it goes to the
// network's router.
func (n *network) startNode(to ...string) *node {
	n.t.Helper()
	name := fmt.Sprintf("node%d", len(n.nodes)+1)
	one := &node{data: filepath.Join(n.dir, name), log: filepath.Join(n.dir, name+".log")}
	run(n.t, "fallow-node", "consent", "accept", "--yes", "--data", one.data).expect(n.t, "consent", 0)
	if len(to) == 0 {
		to = n.where.Node
	}
	one.args = []string{"run", "--data", one.data, "--lab", "--dns", n.dns.Addr()}
	for _, address := range to {
		one.args = append(one.args, "--router", address)
	}
	one.start(n.t)
	n.nodes = append(n.nodes, one)
	return one
}

// start runs the node's process, for the first time or again.
func (o *node) start(t testing.TB) {
	t.Helper()
	o.process = start(t, o.log, nil, "fallow-node", o.args...)
	var shown struct {
		Node string `json:"node"`
	}
	o.hears("agent started", readyWithin)
	out := run(t, "fallow-node", "identity", "show", "--json", "--data", o.data)
	if err := json.Unmarshal([]byte(out.stdout), &shown); err != nil {
		t.Fatalf("identity of %s: %v\n%s", o.name, err, out.stderr)
	}
	if o.id != "" && o.id != shown.Node {
		t.Fatalf("%s came back as %s, was %s", o.name, shown.Node, o.id)
	}
	o.id = shown.Node
}

// up starts the router and count nodes and waits until all share.
func (n *network) up(count int) {
	n.t.Helper()
	n.startRouter()
	for range count {
		n.startNode()
	}
	n.awaitNodes(count)
}

// awaitNodes waits until exactly count nodes share.
func (n *network) awaitNodes(count int) {
	n.t.Helper()
	n.until(30*time.Second, fmt.Sprintf("%d nodes share", count), func(ctx context.Context) (bool, error) {
		page, err := n.api.Nodes(ctx, api.Page{})
		return page.Sharing == count, err
	})
}

// until polls the router until done. A router that does not answer is waited
// for as well.
func (n *network) until(patience time.Duration, what string, done func(ctx context.Context) (bool, error)) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for {
		ok, err := done(ctx)
		if ok && err == nil {
			return
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, api.ErrUnreachable) {
			n.t.Fatalf("until %s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			n.t.Fatalf("waited %s in vain until %s; last error: %v", patience, what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// submit asks for a job on whole hosts.
func (n *network) submit(dataset string, seeds ...string) string {
	n.t.Helper()
	id, err := n.api.Submit(n.t.Context(), api.NewJob{Dataset: dataset, Purpose: "test", Scope: "host", Seeds: seeds})
	if err != nil {
		n.t.Fatalf("submit a job: %v", err)
	}
	return id
}

func (n *network) job(id string) api.Job {
	n.t.Helper()
	j, err := n.api.Job(n.t.Context(), id)
	if err != nil {
		n.t.Fatalf("look at job %s: %v", id, err)
	}
	return j
}

// finish waits until a job has ended and returns it.
func (n *network) finish(id string) api.Job {
	n.t.Helper()
	var j api.Job
	n.until(2*time.Minute, "job "+id+" ends", func(ctx context.Context) (_ bool, err error) {
		j, err = n.api.Job(ctx, id)
		return j.Final(), err
	})
	return j
}

// site serves handler under a name below fallow.test.
func (n *network) site(host string, handler http.Handler) *lab.Site {
	n.t.Helper()
	site, err := lab.ServeSite(n.ca, lab.SiteConfig{Hosts: []string{host}, Handler: handler})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = site.Close() })
	return site
}

// slow lets a handler take its time, so that something can happen meanwhile.
func slow(by time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(by):
		case <-r.Context().Done():
		}
		next.ServeHTTP(w, r)
	})
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}
