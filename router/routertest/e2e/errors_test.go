//go:build e2e

package e2e_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
)

// Whatever is in the way of a router is said with what to do about it, and the
// router that runs is not disturbed.
func TestRouterDoesNotStart(t *testing.T) {
	n := newNetwork(t)
	n.startRouter()
	listen := make(map[string]string) // by protocol
	for _, address := range n.where.Node {
		bare, _, _ := strings.Cut(address, "/p2p/")
		listen[strings.Split(bare, "/")[3]] = bare
	}
	other := filepath.Join(n.dir, "other")
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"TCP port in use", []string{"--data", other, "--lab", "--listen", listen["tcp"], "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"}, 1, []string{listen["tcp"], "in use", "--listen"}},
		{"UDP port in use", []string{"--data", other, "--lab", "--listen", listen["udp"], "--listen", "/ip4/127.0.0.1/tcp/0"}, 1, []string{listen["udp"], "in use", "--listen"}},
		{"API port in use", []string{"--data", other, "--lab", "--api", n.where.API}, 1, []string{"in use", "--api"}},
		{"data directory in use", []string{"--data", n.data, "--lab"}, 4, []string{n.data, "in use by another", "--data"}},
		{"no contact", []string{"--data", other}, 2, []string{"no contact", "--contact", "--lab"}},
		{"no data directory", []string{"--lab"}, 2, []string{"no data directory", "--data"}},
		{"lab's authority outside the lab", []string{"--data", other, "--contact", "mailto:a@example.org", "--ca", n.caFile()}, 2, []string{"--ca", "--lab"}},
		{"API for strangers", []string{"--data", other, "--lab", "--api", "0.0.0.0:0"}, 2, []string{"0.0.0.0:0", "127.0.0.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serve := start(t, filepath.Join(n.dir, "refused.log"), nil, "fallow-router", append([]string{"serve"}, tt.args...)...)
			code := serve.await(10 * time.Second)
			answer{stdout: serve.said.String(), code: code}.expect(t, tt.name, tt.code, tt.says...)
			if lines := strings.Count(serve.said.String(), "\n"); lines > 5 {
				t.Errorf("what to do is buried in %d lines:\n%s", lines, serve.said)
			}
		})
	}
	if err := n.api.Ready(t.Context()); err != nil {
		t.Errorf("the router that runs: %v", err)
	}
}

// Data of a later program is left as it is. testdata/newer.db is a database that
// only says that its schema is number 999.
func TestRouterOfOlderVersion(t *testing.T) {
	n := newNetwork(t)
	newer, err := os.ReadFile(filepath.Join("testdata", "newer.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(n.data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(n.data, "router.db")
	if err := os.WriteFile(file, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := n.serve()
	code := refused.await(10 * time.Second)
	answer{stdout: refused.said.String(), code: code}.expect(t, "start", 1, "newer version", "upgrade fallow-router", "999")
	entries, err := os.ReadDir(n.data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "router.db") {
			t.Errorf("it has made %s before it refused", e.Name())
		}
	}
}

// Commands that need a router say so when there is none, and how to start one.
func TestNoRouter(t *testing.T) {
	dir := folder(t)
	for _, args := range [][]string{
		{"job", "list", "--data", dir},
		{"job", "add", "--data", dir, "--dataset", "x", "--purpose", "x", "https://x.example/"},
		{"epoch", "close", "--data", dir},
		{"node", "list", "--api", "127.0.0.1:1"},
	} {
		run(t, "fallow-router", args...).expect(t, strings.Join(args, " "), 3, "no router", "fallow-router serve")
	}
	n := newNetwork(t)
	n.startRouter()
	n.router.kill()
	run(t, "fallow-router", "job", "list", "--data", n.data).expect(t, "after kill -9", 3, "no router answers", "fallow-router serve --data "+n.data)
}

// A node that does not get through says why in one sentence, with when it tries
// again or what to do.
func TestNodeDoesNotConnect(t *testing.T) {
	n := newNetwork(t)
	n.startRouter()
	ours := n.where.Node[0]
	address, _, _ := strings.Cut(ours, "/p2p/")
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := wire.Key(public)
	serious := newNetwork(t)
	start(t, filepath.Join(n.dir, "serious.log"), nil, "fallow-router", "serve", "--data", serious.data,
		"--contact", "mailto:a@example.org", "--listen", "/ip4/127.0.0.1/tcp/0", "--api", "127.0.0.1:0").hears("Ctrl-C stops it", readyWithin)
	var real addresses
	readJSON(t, filepath.Join(serious.data, "addresses.json"), &real)

	for _, tt := range []struct {
		name string
		to   string
		says []string
	}{
		{"router that is not there", "/ip4/127.0.0.1/tcp/1/p2p/" + stranger.PeerID().String(), []string{"does not answer", "Trying again at"}},
		{"wrong key", address + "/p2p/" + stranger.PeerID().String(), []string{"another key", "Trying again at"}},
		{"router that is not in the lab", real.Node[0], []string{"lab", "--lab"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := n.startNode(tt.to)
			sentence := one.sentence(t, tt.says...)
			t.Log(sentence)
			if code := one.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			run(t, "fallow-node", "status", "--data", one.data).expect(t, "status without agent", 3, "no agent is running", "fallow-node run")
		})
	}
	t.Run("node that is not in the lab", func(t *testing.T) {
		one := &node{data: filepath.Join(n.dir, "serious"), log: filepath.Join(n.dir, "seriousnode.log"), args: nil}
		run(t, "fallow-node", "consent", "accept", "--yes", "--data", one.data).expect(t, "consent", 0)
		one.args = []string{"run", "--data", one.data, "--router", ours}
		one.start(t)
		t.Log(one.sentence(t, "lab"))
	})
}

// sentence waits until the status of a node is a sentence that says all texts.
func (o *node) sentence(t *testing.T, says ...string) string {
	t.Helper()
	var status struct {
		Sentence string `json:"sentence"`
	}
	for range 100 {
		out := run(t, "fallow-node", "status", "--json", "--data", o.data)
		if out.code == 0 {
			if err := json.Unmarshal([]byte(out.stdout), &status); err != nil {
				t.Fatal(err)
			}
		}
		if containsAll(status.Sentence, says) {
			return status.Sentence
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("status of %s is %q, should say %q", o.name, status.Sentence, says)
	return ""
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// A job without nodes waits and says what for; it goes on by itself once one
// comes. A second agent on one data directory is refused.
func TestJobWaitsForNodes(t *testing.T) {
	n := newNetwork(t)
	n.startRouter()
	c := n.crawlSmall("small", 20, 0)
	n.until(10*time.Second, "the job says that it waits for a node", func(ctx context.Context) (bool, error) {
		j, err := n.api.Job(ctx, c.job)
		return strings.Contains(j.Waiting, "no node"), err
	})
	out := run(t, "fallow-router", "job", "show", "--data", n.data, c.job)
	out.expect(t, "job show", 0, "waiting", "no node", "running")
	one := n.startNode()
	run(t, "fallow-node", one.args...).expect(t, "a second agent", 4, "in use", one.data)
	j := n.finish(c.job)
	judgeSmall(t, j, c.site, c.small)
	if j.Waiting != "" {
		t.Errorf("done and still waiting: %q", j.Waiting)
	}
}

// Sites that are gone end the job, each address counted under what went wrong.
func TestDeadSites(t *testing.T) {
	n := newNetwork(t)
	n.up(3)
	closed := n.site("closed.fallow.test", http.NotFoundHandler())
	_ = closed.Close()
	for _, tt := range []struct{ name, seed string }{
		{"nobody listens", closed.URL()},
		{"no such name", "https://no-such-name.test:8443/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dataset := strings.ReplaceAll(tt.name, " ", "-")
			out := run(t, "fallow-router", "job", "add", "--data", n.data, "--dataset", dataset, "--purpose", "test", "--wait", "--json", tt.seed)
			out.expect(t, "job add --wait", 0)
			var j struct {
				State string `json:"state"`
				api.Counts
			}
			if err := json.Unmarshal([]byte(out.stdout), &j); err != nil {
				t.Fatalf("%v: %s", err, out.stdout)
			}
			t.Logf("failed: %v", j.Failed)
			if total := sum(j.Failed); j.State != "done" || j.Pages != 0 || total != 1 {
				t.Errorf("job is %s with %d pages and %d addresses failed", j.State, j.Pages, total)
			}
		})
	}
}

func sum(counts map[string]int64) (total int64) {
	for _, n := range counts {
		total += n
	}
	return total
}
