package routertest_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/pull"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
	"github.com/fallow-network/fallow/router/store"
)

// TestTakedown goes the whole way of a removal: a buyer has version 1; the owner
// of a site asks; the next version lacks just those rows; a recrawl, after a
// restart, does not even ask the site for them; the buyer is told.
func TestTakedown(t *testing.T) {
	routertest.Run(t, routertest.Config{Nodes: 2}, func(ctx context.Context, n *routertest.Net) {
		small := lab.NewSmall(lab.SmallConfig{Seed: 3, Pages: 60})
		site := n.Site("gone.fallow.test", small)
		other := n.Site("stays.fallow.test", lab.NewSmall(lab.SmallConfig{Seed: 4, Pages: 40}))
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Scope: "host", Seeds: []string{site.URL(), other.URL()}}))
		if job.Result == nil {
			t.Fatalf("job is %s: %+v", job.State, job)
		}
		before := byLeaf(n.Records(job.Result.Dir))
		buyer := t.TempDir()
		address := n.Router.API.Base() + "/api/v1/datasets/test"
		if _, err := pull.Pull(ctx, address, pull.Options{Out: filepath.Join(buyer, "v1")}); err != nil {
			t.Fatal(err)
		}

		done, err := n.Router.API.TakeDown(ctx, "test", api.NewTakedown{Scope: "site", Target: "GONE.fallow.test", Reason: "the owner asked"})
		if err != nil || done.Number != 1 || done.Version != 2 || done.Rows == 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		after := byLeaf(n.Records(filepath.Join(filepath.Dir(job.Result.Dir), "v2")))
		for leaf, url := range before {
			covered := strings.HasPrefix(url, "https://gone.fallow.test")
			if _, there := after[leaf]; there == covered {
				t.Errorf("%s: still there %v", url, there)
			}
		}
		if int64(len(after)) != int64(len(before))-done.Rows {
			t.Errorf("%d rows, less %d, are %d", len(before), done.Rows, len(after))
		}

		n.Router.Stop()
		books := openBooks(ctx, t, n)
		for version, rows := range map[int]int{1: len(before), 2: len(after)} {
			checkBooked(ctx, t, books, version, rows)
		}
		// As after a crash between the version and the booking of its records.
		if err := errors.Join(books.SaveVersionRecords(ctx, "test", 2, nil, 0), books.Close()); err != nil {
			t.Fatal(err)
		}
		n.StartRouter()
		n.Router.Stop()
		books = openBooks(ctx, t, n)
		checkBooked(ctx, t, books, 2, len(after))
		if err := books.Close(); err != nil {
			t.Fatal(err)
		}
		n.StartRouter()
		n.AwaitNodes(2)
		asked := len(site.Log())
		again := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Scope: "host", Seeds: []string{site.URL()}}))
		if again.State != "done" || again.Counts.Records != 0 || again.Counts.Pages != 0 || again.Counts.Forbidden == 0 {
			t.Errorf("recrawl: %+v", again.Counts)
		}
		if more := len(site.Log()) - asked; more != 0 {
			t.Errorf("the site was asked %d times", more)
		}

		address = n.Router.API.Base() + "/api/v1/datasets/test"
		r, err := pull.Pull(ctx, address, pull.Options{Out: filepath.Join(buyer, "v2")})
		if err != nil || len(r.Removed) != 1 || r.Removed[0].Rows != done.Rows || r.Removed[0].Reason != "the owner asked" {
			t.Errorf("what the buyer is told: %+v, %v", r, err)
		}
		twice, err := n.Router.API.TakeDown(ctx, "test", api.NewTakedown{Scope: "site", Target: "gone.fallow.test", Reason: "again"})
		if err != nil || !twice.Known || twice.Number != 1 {
			t.Errorf("ordered twice: %+v, %v", twice, err)
		}
	})
}

func openBooks(ctx context.Context, t *testing.T, n *routertest.Net) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, filepath.Join(n.Dir, "router", "router.db"), routertest.Log())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkBooked sees every record of a version booked to one of the nodes.
func checkBooked(ctx context.Context, t *testing.T, s *store.Store, version, rows int) {
	t.Helper()
	records, unknown, err := s.VersionRecords(ctx, "test", version)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range records {
		sum += int(n)
	}
	if sum != rows || unknown != 0 {
		t.Errorf("version %d of %d rows: booked %v, and %d without a node", version, rows, records, unknown)
	}
}

func byLeaf(records []dataset.Record) map[string]string {
	urls := map[string]string{}
	for i := range records {
		urls[records[i].Leaf.String()] = records[i].URL
	}
	return urls
}
