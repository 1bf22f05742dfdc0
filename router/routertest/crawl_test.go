package routertest_test

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
)

// The main path, judged by the site's own truth: every distinct text becomes
// one record, every copy is dropped, nothing forbidden is asked for, every node
// carries some and is paid to the unit.
func TestCrawlOfAWholeSite(t *testing.T) {
	routertest.Run(t, routertest.Config{Nodes: 3}, func(ctx context.Context, n *routertest.Net) {
		small := lab.NewSmall(lab.SmallConfig{Seed: 1, Pages: 120})
		site := n.Site("small.fallow.test", small)
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Scope: "host", Seeds: []string{site.URL()}}))

		if job.State != "done" || job.Result == nil {
			t.Fatalf("job is %s with result %v: %+v", job.State, job.Result, job)
		}
		truth := small.Truth()
		var paths []string
		for _, r := range n.Records(job.Result.Dir) {
			paths = append(paths, path(t, r.URL))
		}
		checkRecords(t, paths, truth)
		if job.Counts.Duplicates.Exact != int64(len(truth.Duplicates)) {
			t.Errorf("%d exact duplicates, want %d", job.Counts.Duplicates.Exact, len(truth.Duplicates))
		}
		if wrong := site.Disallowed(small.Rules()); len(wrong) > 0 || site.Overflow() > 0 {
			t.Errorf("%d disallowed requests, first %+v", len(wrong), wrong[0])
		}
		if job.Counts.Forbidden != int64(len(truth.Disallowed)) {
			t.Errorf("%d addresses counted as forbidden, want %d", job.Counts.Forbidden, len(truth.Disallowed))
		}
		accountedFor(t, job)
		if len(job.Counts.Nodes) != 3 {
			t.Errorf("pages by node: %v, want three nodes", job.Counts.Nodes)
		}
	})
}

func path(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

// checkRecords wants one record for each distinct text, under its own address
// or a copy's: whichever was fetched first is kept.
func checkRecords(t *testing.T, paths []string, truth lab.Truth) {
	t.Helper()
	seen := make(map[string]int)
	for _, p := range paths {
		if original, copied := truth.Duplicates[p]; copied {
			p = original
		}
		seen[p]++
	}
	for p, times := range seen {
		if times != 1 || !slices.Contains(truth.Distinct, p) {
			t.Errorf("%s stands in the dataset %d times", p, times)
		}
	}
	for _, p := range truth.Distinct {
		if seen[p] == 0 {
			t.Errorf("%s is missing", p)
		}
	}
}

// accountedFor checks that every answered page is in exactly one place.
func accountedFor(t *testing.T, job api.Job) {
	t.Helper()
	c := job.Counts
	sum := c.Records + c.Duplicates.Exact + c.Duplicates.Near
	for _, n := range c.Skipped {
		sum += n
	}
	if sum != c.Pages {
		t.Errorf("%d pages, but %d accounted for: %+v", c.Pages, sum, c)
	}
	var byNode int64
	for _, n := range c.Nodes {
		byNode += n
	}
	if byNode != c.Pages {
		t.Errorf("%d pages, but nodes carried %d", c.Pages, byNode)
	}
}
