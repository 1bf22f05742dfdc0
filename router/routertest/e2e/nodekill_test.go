//go:build e2e

package e2e_test

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/router/api"
)

// One node is killed and comes back, another is killed and stays away. The crawl
// goes on, both are paid for what they carried, and the one that came back is
// the same node with a whole journal.
func TestNodeKilled(t *testing.T) {
	n := newNetwork(t, smallShards...)
	n.up(3)
	c := n.crawlSmall("small", 500, 30*time.Millisecond)
	returning, gone := n.nodes[0], n.nodes[1]

	n.carriedBy(c.job, returning.id, 20)
	returning.kill()
	before := n.job(c.job).Counts.Pages
	n.until(30*time.Second, "the crawl goes on", func(ctx context.Context) (bool, error) {
		j, err := n.api.Job(ctx, c.job)
		return j.Counts.Pages >= before+30, err
	})
	returning.start(t) // fails unless it is the same node
	n.awaitNodes(3)
	back := n.job(c.job).Counts.Nodes[returning.id]
	n.carriedBy(c.job, gone.id, 20)
	gone.kill()
	if n.job(c.job).Final() {
		t.Error("the crawl ended too early to show anything")
	}

	judgeSmall(t, n.finish(c.job), c.site, c.small)
	t.Logf("the node that came back had carried %d pages then and %d in the end", back, n.job(c.job).Counts.Nodes[returning.id])
	last, err := n.api.CloseEpoch(t.Context())
	if err != nil {
		t.Fatalf("close the epoch: %v", err)
	}
	sums := paid(t, last)
	for _, one := range n.nodes {
		if code := one.stop(t); code != 0 && one != gone {
			t.Errorf("%s: exit code %d", one.name, code)
		}
		if one == gone {
			continue
		}
		if _, err := journal.Verify(filepath.Join(one.data, "journal")); err != nil {
			t.Errorf("journal of %s: %v", one.name, err)
		}
	}
	for _, one := range n.nodes {
		got, carried := sums[one.id], one.carried(t)
		t.Logf("%s: its journal has %d bytes down and %d up, it is paid for %d and %d", one.name, carried.down, carried.up, got.down, got.up)
		// Of a tunnel that was open when it was killed the node's journal has no
		// end, while the router's count has it: what the journal has is the least,
		// but for what sites say last on connections the router has left.
		if got.down+farewells < carried.down || got.down == 0 {
			t.Errorf("%s carried %d bytes down and is paid for %d", one.name, carried.down, got.down)
		}
		one.keepsPromises(t, last)
	}
	n.hasStatement(last.Number, gone.id)
}

// farewells are bytes that sites send while their connections are closed.
const farewells = 4 << 10

// carriedBy waits until a node has carried so many more pages of a job.
func (n *network) carriedBy(job, node string, pages int64) {
	n.t.Helper()
	before := n.job(job).Counts.Nodes[node]
	n.until(30*time.Second, "node "+node+" carries pages", func(ctx context.Context) (bool, error) {
		j, err := n.api.Job(ctx, job)
		return j.Counts.Nodes[node] >= before+pages, err
	})
}

// stop stops a node in order and returns its exit code.
func (o *node) stop(t testing.TB) int {
	t.Helper()
	if o.ended() {
		return -1
	}
	return o.signal(syscall.SIGTERM, 15*time.Second)
}

// hasStatement wants bytes in a node's line of an epoch, signed or not.
func (n *network) hasStatement(epoch uint64, node string) {
	n.t.Helper()
	page, err := n.api.Statements(n.t.Context(), epoch, api.Page{Limit: 100})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, s := range page.Statements {
		if s.Node == node {
			n.t.Logf("statement of the node that stayed away: %d bytes signed, %d unsigned, %s points", s.BytesSigned, s.BytesUnsigned, s.Amount)
			if s.BytesSigned+s.BytesUnsigned == 0 || s.Amount == 0 {
				n.t.Errorf("the node that stayed away has a statement of nothing: %+v", s)
			}
			return
		}
	}
	n.t.Errorf("the node that stayed away has no statement")
}

// Ctrl-C on a node lets its tunnels finish; the crawl loses nothing.
func TestNodeInterrupted(t *testing.T) {
	n := newNetwork(t)
	n.up(2)
	c := n.crawlSmall("small", 200, 20*time.Millisecond)
	n.carriedBy(c.job, n.nodes[0].id, 10)
	began := time.Now()
	if code := n.nodes[0].signal(syscall.SIGINT, 15*time.Second); code != 0 {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	t.Logf("stopped in %s", time.Since(began))
	judgeSmall(t, n.finish(c.job), c.site, c.small)
	if _, err := journal.Verify(filepath.Join(n.nodes[0].data, "journal")); err != nil {
		t.Error(err)
	}
}
