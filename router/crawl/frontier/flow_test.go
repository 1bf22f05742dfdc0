package frontier_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

func TestLifeOfAnItem(t *testing.T) {
	f, db := open(t, lab())
	it := item("j", "a.test", 1)
	it.Depth, it.Hops, it.Priority = 3, 1, 7
	if got, want := add(t, f, it, it), (frontier.Added{New: 1, Seen: 1}); got != want {
		t.Fatalf("added %+v, want %+v", got, want)
	}
	wantCounts(t, f, "j", frontier.Counts{Known: 1, Queued: 1})

	got := next(t, f)
	if got.URL != it.URL || got.Host != it.Host || got.Site != it.Site || got.SURT != it.SURT ||
		got.Job != "j" || got.Depth != 3 || got.Hops != 1 || got.Priority != 7 || got.Attempts != 0 {
		t.Fatalf("next: %+v, want %+v", got, it)
	}
	wantCounts(t, f, "j", frontier.Counts{Known: 1, InFlight: 1})

	release(t, f, got, frontier.Release{Retry: true})
	again := next(t, f)
	if again.Attempts != 1 || again.URL != it.URL {
		t.Fatalf("after retry: %+v", again)
	}
	release(t, f, again, frontier.Release{})
	wantCounts(t, f, "j", frontier.Counts{Known: 1, Awaiting: 1})
	nothing(t, f)

	finish(t, f, db, again)
	wantCounts(t, f, "j", frontier.Counts{Known: 1, Done: 1})
	if got := add(t, f, it); got.Seen != 1 {
		t.Fatalf("a finished URL is not seen: %+v", got)
	}
	if got := add(t, f, item("other", "a.test", 1)); got.New != 1 {
		t.Fatalf("another job has not seen the URL: %+v", got)
	}
}

func TestStatesAreGuarded(t *testing.T) {
	f, db := open(t, lab())
	add(t, f, item("j", "a.test", 1))
	it := next(t, f)
	b := db.NewBatch()
	defer b.Close()

	if _, err := f.Finish(b, it); !errors.Is(err, frontier.ErrNotHeld) {
		t.Errorf("finish in flight: %v", err)
	}
	if err := f.Release(item("j", "a.test", 1), frontier.Release{}); !errors.Is(err, frontier.ErrNotHeld) {
		t.Errorf("release of an item that is not from Next: %v", err)
	}
	release(t, f, it, frontier.Release{})
	if err := f.Release(it, frontier.Release{}); !errors.Is(err, frontier.ErrNotHeld) {
		t.Errorf("second release: %v", err)
	}
	if _, err := f.Finish(b, it, it); !errors.Is(err, frontier.ErrNotHeld) {
		t.Errorf("finish twice in a call: %v", err)
	}
	r, err := f.Finish(b, it)
	if err != nil {
		t.Fatalf("finish after a refused one: %v", err)
	}
	if err := f.Release(it, frontier.Release{Retry: true}); !errors.Is(err, frontier.ErrNotHeld) {
		t.Errorf("retry of a staged item: %v", err)
	}
	r.Rollback()
	if err := r.Committed(); err != nil {
		t.Errorf("committed after rollback: %v", err)
	}
	wantCounts(t, f, "j", frontier.Counts{Known: 1, Awaiting: 1})
	release(t, f, it, frontier.Release{Retry: true})
	if got := next(t, f); got.Attempts != 1 {
		t.Errorf("an item whose record was lost comes back with %d attempts", got.Attempts)
	}
}

func TestOrderWithinASite(t *testing.T) {
	f, _ := open(t, lab())
	for n := range 40 { // more than the read-ahead
		low := item("j", "a.test", n)
		low.Priority = 5
		add(t, f, low)
	}
	first := next(t, f)
	urgent := item("j", "a.test", 100)
	add(t, f, urgent)
	release(t, f, first, frontier.Release{})
	if got := next(t, f); got.URL != urgent.URL {
		t.Fatalf("got %s before the urgent one", got.URL)
	} else {
		release(t, f, got, frontier.Release{})
	}
	for n := 1; n < 40; n++ {
		got := next(t, f)
		if want := item("j", "a.test", n).URL; got.URL != want {
			t.Fatalf("got %s, want %s", got.URL, want)
		}
		release(t, f, got, frontier.Release{})
	}
	nothing(t, f)
}

func TestJobsShareASite(t *testing.T) {
	f, _ := open(t, lab())
	for n := range 50 {
		add(t, f, item("big", "a.test", n))
	}
	for n := range 5 {
		add(t, f, item("small", "a.test", n))
	}
	small := 0
	for range 10 {
		it := next(t, f)
		if it.Job == "small" {
			small++
		}
		release(t, f, it, frontier.Release{})
	}
	if small != 5 {
		t.Errorf("the small job had %d of 10 starts, want 5", small)
	}
}

func TestCaps(t *testing.T) {
	cfg := lab()
	cfg.MaxPerSite, cfg.MaxPerJob, cfg.MaxJobs = 3, 4, 2
	f, db := open(t, cfg)
	var items []frontier.Item
	for n := range 5 {
		items = append(items, item("j", "a.test", n))
	}
	if got, want := add(t, f, items...), (frontier.Added{New: 3, Capped: 2}); got != want {
		t.Errorf("site cap: %+v, want %+v", got, want)
	}
	it := next(t, f)
	release(t, f, it, frontier.Release{})
	finish(t, f, db, it)
	if got, want := add(t, f, items...), (frontier.Added{Seen: 3, Capped: 2}); got != want {
		t.Errorf("site cap after a finish: %+v, want %+v", got, want)
	}
	if got, want := add(t, f, item("j", "b.test", 1), item("j", "c.test", 1)), (frontier.Added{New: 1, Capped: 1}); got != want {
		t.Errorf("job cap: %+v, want %+v", got, want)
	}
	add(t, f, item("k", "a.test", 1))
	if _, err := f.Add([]frontier.Item{item("l", "a.test", 1)}); !errors.Is(err, frontier.ErrTooManyJobs) {
		t.Errorf("third job: %v", err)
	}
}

func TestBadItemsAndConfig(t *testing.T) {
	f, db := open(t, lab())
	long := strings.Repeat("x", 10_000)
	for name, spoil := range map[string]func(*frontier.Item){
		"no url":    func(it *frontier.Item) { it.URL = "" },
		"no site":   func(it *frontier.Item) { it.Site = "" },
		"no job":    func(it *frontier.Item) { it.Job = "" },
		"long url":  func(it *frontier.Item) { it.URL = long },
		"long host": func(it *frontier.Item) { it.Host = long },
		"long job":  func(it *frontier.Item) { it.Job = long },
		"depth":     func(it *frontier.Item) { it.Depth = -1 },
	} {
		good, bad := item("j", "a.test", 1), item("j", "a.test", 2)
		spoil(&bad)
		if _, err := f.Add([]frontier.Item{good, bad}); err == nil {
			t.Errorf("%s: added", name)
		}
	}
	wantCounts(t, f, "j", frontier.Counts{})
	if _, err := frontier.Open(db, time.Now, frontier.Config{}); err == nil {
		t.Error("a zero config was accepted")
	}
}

func TestPauseResume(t *testing.T) {
	f, _ := open(t, lab())
	if err := f.Pause("j"); err != nil {
		t.Fatal(err)
	}
	add(t, f, item("j", "a.test", 1), item("j", "a.test", 2), item("k", "b.test", 1))
	if got := next(t, f); got.Job != "k" {
		t.Fatalf("a paused job was handed out: %+v", got)
	}
	nothing(t, f)
	got := make(chan error, 1)
	go func() {
		_, err := f.Next(t.Context())
		got <- err
	}()
	if err := f.Resume("j"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := f.Pause("j"); err != nil {
		t.Fatal(err)
	}
	nothing(t, f)
}

func TestDrop(t *testing.T) {
	f, db := open(t, lab())
	for n := range 600 { // more sites than one step of Drop
		site := "s" + string(rune('a'+n%26)) + string(rune('a'+n/26)) + ".test"
		add(t, f, item("j", site, 1), item("k", site, 1))
	}
	var inFlight, waiting frontier.Item
	for inFlight.Job != "j" {
		inFlight = next(t, f)
	}
	for waiting.Job != "j" {
		waiting = next(t, f)
	}
	release(t, f, waiting, frontier.Release{})
	staged := db.NewBatch()
	removal, err := f.Finish(staged, waiting)
	if err != nil {
		t.Fatal(err)
	}

	before := f.Counts("k")
	if err := f.Drop("j"); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, f, "j", frontier.Counts{})
	wantCounts(t, f, "k", before)
	release(t, f, inFlight, frontier.Release{Retry: true})
	if err := errors.Join(staged.Commit(pebble.Sync), staged.Close(), removal.Committed()); err != nil {
		t.Fatal(err)
	}
	for range before.Queued {
		if got := next(t, f); got.Job != "k" {
			t.Fatalf("an item of the dropped job was handed out: %+v", got)
		}
	}
	nothing(t, f)
	if got := add(t, f, item("j", "a.test", 1)); got.New != 1 {
		t.Errorf("a new job of the old name has seen things: %+v", got)
	}
	wantCounts(t, f, "j", frontier.Counts{Known: 1, Queued: 1})
}

func TestNextEnds(t *testing.T) {
	f, _ := open(t, lab())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		_, err := f.Next(t.Context())
		got <- err
	}()
	time.Sleep(time.Millisecond)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, frontier.ErrClosed) {
		t.Errorf("closed while waiting: %v", err)
	}
	if _, err := f.Add([]frontier.Item{item("j", "a.test", 1)}); !errors.Is(err, frontier.ErrClosed) {
		t.Errorf("add after close: %v", err)
	}
}

func TestReopen(t *testing.T) {
	fs := vfs.NewMem()
	db := openDB(t, fs)
	f, err := frontier.Open(db, time.Now, lab())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range 6 {
		it := item("j", "a.test", n)
		add(t, f, it)
		want = append(want, it.URL)
	}
	done := next(t, f)
	release(t, f, done, frontier.Release{})
	finish(t, f, db, done)
	waits := next(t, f)
	release(t, f, waits, frontier.Release{})
	next(t, f) // in flight
	if err := errors.Join(f.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}

	db = openDB(t, fs)
	defer db.Close()
	if f, err = frontier.Open(db, time.Now, lab()); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wantCounts(t, f, "j", frontier.Counts{Known: 6, Queued: 5, Done: 1})
	var got []string
	for range 5 {
		it := next(t, f)
		got = append(got, it.URL)
		release(t, f, it, frontier.Release{})
	}
	if !slices.Equal(got, want[1:]) {
		t.Errorf("handed out again: %q, want %q", got, want[1:])
	}
	nothing(t, f)
}

// A delayed item must not put off what its site has already.
func TestDelayedItemLeavesOthersDue(t *testing.T) {
	f, _ := open(t, lab())
	late := item("j", "a.test", 2)
	late.NotBefore = time.Now().Add(time.Hour)
	add(t, f, item("j", "a.test", 1))
	add(t, f, late) // the site is on disk still
	next(t, f)
}
