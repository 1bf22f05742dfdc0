package frontier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// quiet keeps Pebble from writing to the test's output.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func openDB(t testing.TB, fs vfs.FS) *pebble.DB {
	t.Helper()
	o := &pebble.Options{FS: fs, Logger: quiet{}, MemTableSize: 4 << 20}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open("crawl", o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// lab is a config without politeness, for tests that are not about time.
func lab() frontier.Config {
	cfg := frontier.DefaultConfig()
	cfg.MinDelay = 0
	return cfg
}

func open(t testing.TB, cfg frontier.Config) (*frontier.Frontier, *pebble.DB) {
	t.Helper()
	db := openDB(t, vfs.NewMem())
	f, err := frontier.Open(db, time.Now, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return f, db
}

func item(job, site string, n int) frontier.Item {
	url := fmt.Sprintf("https://www.%s/page/%d", site, n)
	return frontier.Item{URL: url, Host: "www." + site, Site: site, SURT: "surt," + url, Job: job}
}

func add(t testing.TB, f *frontier.Frontier, items ...frontier.Item) frontier.Added {
	t.Helper()
	added, err := f.Add(items)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// next fails the test if nothing comes within a second.
func next(t testing.TB, f *frontier.Frontier) frontier.Item {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	it, err := f.Next(ctx)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return it
}

// nothing checks that no item is due now.
func nothing(t testing.TB, f *frontier.Frontier) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if it, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("next: got %q, %v; want nothing to be due", it.URL, err)
	}
}

func release(t testing.TB, f *frontier.Frontier, it frontier.Item, r frontier.Release) {
	t.Helper()
	if err := f.Release(it, r); err != nil {
		t.Fatal(err)
	}
}

func finish(t testing.TB, f *frontier.Frontier, db *pebble.DB, items ...frontier.Item) {
	t.Helper()
	b := db.NewBatch()
	r, err := f.Finish(b, items...)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Commit(pebble.Sync), b.Close(), r.Committed()); err != nil {
		t.Fatal(err)
	}
}

func wantCounts(t testing.TB, f *frontier.Frontier, job string, want frontier.Counts) {
	t.Helper()
	if got := f.Counts(job); got != want {
		t.Fatalf("counts of %s: got %+v, want %+v", job, got, want)
	}
	if got, want := f.Idle(job), want.Known == want.Done; got != want {
		t.Fatalf("idle %s: got %t, want %t", job, got, want)
	}
}
