package routertest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
)

// The same site gives the same dataset whoever carries it and in whatever
// order: one node and one fetch at a time, or four nodes and many with shards
// of a few rows. What is paid sums up to the pool in each case.
func TestSameCrawlSameDataset(t *testing.T) {
	shapes := []struct{ nodes, workers, shardRows int }{{1, 1, 1000}, {4, 32, 7}, {2, 5, 40}}
	var want map[string]int // texts
	var pages int64
	for _, shape := range shapes {
		cfg := routertest.Config{Nodes: shape.nodes, Router: func(c *router.Config) {
			c.Crawl.Workers, c.Crawl.ShardRows = shape.workers, shape.shardRows
		}}
		routertest.Run(t, cfg, func(ctx context.Context, n *routertest.Net) {
			small := lab.NewSmall(lab.SmallConfig{Seed: 3, Pages: 60})
			site := n.Site("small.fallow.test", small)
			job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Scope: "host", Seeds: []string{site.URL()}}))
			if job.State != "done" || job.Result == nil {
				t.Fatalf("%+v: job is %s: %+v", shape, job.State, job)
			}
			accountedFor(t, job)
			truth := small.Truth()
			if pages == 0 {
				pages = job.Counts.Pages
			}
			c := job.Counts
			if c.Pages != pages || c.Records != int64(len(truth.Distinct)) || c.Duplicates.Exact != int64(len(truth.Duplicates)) ||
				c.Forbidden != int64(len(truth.Disallowed)) {
				t.Errorf("%+v: %+v, want %d pages, %d records, %d duplicates, %d forbidden", shape, c, pages, len(truth.Distinct), len(truth.Duplicates), len(truth.Disallowed))
			}
			// Which of two equal pages is kept depends on the order; the text does not.
			got := make(map[string]int)
			for _, r := range n.Records(job.Result.Dir) {
				got[fmt.Sprintf("%x", sha256.Sum256([]byte(r.Text)))]++
			}
			if want == nil {
				want = got
			}
			if !maps.Equal(got, want) {
				t.Errorf("%+v: %d texts, %d with the first shape, and not the same", shape, len(got), len(want))
			}
			checkPool(ctx, t, n, shape.nodes)
		})
	}
}

// checkPool closes the epoch and adds up what the nodes get.
func checkPool(ctx context.Context, t *testing.T, n *routertest.Net, nodes int) {
	t.Helper()
	epoch, err := n.Router.API.CloseEpoch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	statements, err := n.Router.API.Statements(ctx, epoch.Number, api.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var sum api.MicroPoints
	var carried []uint64
	for _, s := range statements.Statements {
		sum += s.Amount
		carried = append(carried, s.BytesSigned)
	}
	if sum != epoch.Allocated || epoch.Allocated+epoch.Unallocated != epoch.Pool {
		t.Errorf("statements sum up to %d, allocated %d and unallocated %d of %d", sum, epoch.Allocated, epoch.Unallocated, epoch.Pool)
	}
	if len(carried) != nodes || slices.Contains(carried, 0) {
		t.Errorf("%d nodes carried %v bytes", nodes, carried)
	}
}
