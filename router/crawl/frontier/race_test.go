package frontier_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// Many adders of the same URLs, many fetchers, one committer: every URL is
// fetched once and finished once.
func TestConcurrentUse(t *testing.T) {
	cfg := lab()
	cfg.MaxActiveSites, cfg.ReadAhead = 8, 4
	f, db := open(t, cfg)
	const sites, pages, fetchers = 20, 40, 16
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range pages {
				var items []frontier.Item
				for s := range sites {
					items = append(items, item(fmt.Sprintf("j%d", s%2), fmt.Sprintf("s%d.test", s), n))
				}
				if _, err := f.Add(items); err != nil {
					t.Error(err)
				}
			}
		})
	}
	fetched := make(chan frontier.Item, 64)
	var seen sync.Map
	for range fetchers {
		wg.Go(func() {
			for {
				it, err := f.Next(ctx)
				if err != nil {
					return
				}
				retry := it.Attempts == 0 && len(it.URL)%3 == 0
				if err := f.Release(it, frontier.Release{Retry: retry}); err != nil {
					t.Error(err)
				}
				if retry {
					continue
				}
				if _, twice := seen.LoadOrStore(it.Job+it.URL, true); twice {
					t.Errorf("%s was fetched twice", it.URL)
				}
				fetched <- it
			}
		})
	}
	for range sites * pages / 8 {
		var items []frontier.Item
		for range 8 {
			items = append(items, <-fetched)
		}
		finish(t, f, db, items...)
		_ = f.Counts("j0")
	}
	cancel()
	wg.Wait()
	for _, job := range []string{"j0", "j1"} {
		wantCounts(t, f, job, frontier.Counts{Known: sites * pages / 2, Done: sites * pages / 2})
	}
}
