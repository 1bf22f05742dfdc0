package frontier_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// virtual runs test in a bubble with its own clock, on a frontier opened long
// enough ago that the delay after Open is over.
func virtual(t *testing.T, cfg frontier.Config, test func(t *testing.T, f *frontier.Frontier)) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := open(t, cfg)
		time.Sleep(time.Minute)
		test(t, f)
	})
}

// waits takes the next item without a bound on the wait and returns how long it
// took.
func waits(t *testing.T, f *frontier.Frontier) (frontier.Item, time.Duration) {
	t.Helper()
	began := time.Now()
	it, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return it, time.Since(began)
}

func wantWait(t *testing.T, f *frontier.Frontier, want time.Duration) frontier.Item {
	t.Helper()
	it, got := waits(t, f)
	// Times on disk are rounded up to milliseconds.
	if got < want || got > want+2*time.Millisecond {
		t.Fatalf("waited %s for %s, want %s", got, it.URL, want)
	}
	return it
}

func TestMinDelay(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		for n := range 4 {
			add(t, f, item("j", "a.test", n))
		}
		it := wantWait(t, f, 0)
		time.Sleep(300 * time.Millisecond)
		release(t, f, it, frontier.Release{})
		it = wantWait(t, f, 700*time.Millisecond) // between starts, not after the end
		time.Sleep(10 * time.Second)
		release(t, f, it, frontier.Release{})
		wantWait(t, f, 0) // a slow fetch has used up the delay

		add(t, f, item("j", "b.test", 1))
		wantWait(t, f, 0) // another site has its own clock
	})
}

func TestOneAtATime(t *testing.T) {
	cfg := frontier.DefaultConfig()
	cfg.PerSite = 2
	virtual(t, cfg, func(t *testing.T, f *frontier.Frontier) {
		for n := range 4 {
			add(t, f, item("j", "a.test", n))
		}
		first := wantWait(t, f, 0)
		wantWait(t, f, time.Second)
		go func() {
			time.Sleep(time.Hour)
			if err := f.Release(first, frontier.Release{}); err != nil {
				t.Error(err)
			}
		}()
		wantWait(t, f, time.Hour)
	})
}

func TestHoldOff(t *testing.T) {
	for _, hold := range []time.Duration{3 * time.Second, time.Hour} { // in memory, on disk
		t.Run(hold.String(), func(t *testing.T) {
			virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
				add(t, f, item("j", "a.test", 1), item("j", "a.test", 2))
				release(t, f, wantWait(t, f, 0), frontier.Release{Delay: hold, Retry: true})
				add(t, f, item("j", "a.test", 3)) // does not wake it
				it := wantWait(t, f, hold)
				release(t, f, it, frontier.Release{})
				wantWait(t, f, time.Second)
			})
		})
	}
}

func TestHoldOffIsCapped(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		add(t, f, item("j", "a.test", 1))
		release(t, f, wantWait(t, f, 0), frontier.Release{Delay: 1000 * time.Hour, Retry: true})
		wantWait(t, f, 24*time.Hour)
	})
}

func TestCrawlDelay(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		for n := range 5 {
			add(t, f, item("j", "a.test", n))
		}
		it := wantWait(t, f, 0)
		if err := f.Delay("a.test", 20*time.Second); err != nil { // robots.txt read in flight
			t.Fatal(err)
		}
		release(t, f, it, frontier.Release{})
		it = wantWait(t, f, 20*time.Second)
		release(t, f, it, frontier.Release{}) // parked meanwhile
		if err := f.Delay("a.test", 10*time.Second); err != nil {
			t.Fatal(err)
		}
		it = wantWait(t, f, 20*time.Second)
		release(t, f, it, frontier.Release{})
		it = wantWait(t, f, 10*time.Second)
		if err := f.Delay("a.test", 0); err != nil {
			t.Fatal(err)
		}
		release(t, f, it, frontier.Release{})
		wantWait(t, f, 10*time.Second) // a start already promised is kept
	})
}

func TestRetryNotBefore(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		add(t, f, item("j", "a.test", 1), item("j", "a.test", 2), item("j", "a.test", 3))
		it := wantWait(t, f, 0)
		release(t, f, it, frontier.Release{Retry: true, NotBefore: time.Now().Add(90 * time.Second)})
		for range 2 { // the others do not wait for it
			release(t, f, wantWait(t, f, time.Second), frontier.Release{})
		}
		late := item("j", "a.test", 4)
		late.NotBefore = time.Now().Add(2 * time.Hour)
		add(t, f, late)
		again := wantWait(t, f, 88*time.Second)
		if again.URL != it.URL || again.Attempts != 1 {
			t.Errorf("got %+v", again)
		}
		release(t, f, again, frontier.Release{})
		it, wait := waits(t, f)
		if it.URL != late.URL || wait < 2*time.Hour-90*time.Second {
			t.Errorf("got %s after %s", it.URL, wait)
		}
	})
}

// The paused job must not be forgotten when its site is parked for another's sake.
func TestResumeReachesAParkedSite(t *testing.T) {
	virtual(t, frontier.DefaultConfig(), func(t *testing.T, f *frontier.Frontier) {
		late := item("k", "a.test", 2)
		late.NotBefore = time.Now().Add(time.Hour)
		add(t, f, item("j", "a.test", 1), late)
		if err := f.Pause("j"); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() {
			if err := f.Resume("j"); err != nil {
				t.Error(err)
			}
		})
		it, wait := waits(t, f)
		if it.Job != "j" || wait > 2*time.Minute {
			t.Errorf("got job %s after %s", it.Job, wait)
		}
	})
}

// More sites than may be active: all advance, none twice before the others once
// more than its read-ahead allows, and memory holds MaxActiveSites.
func TestSitesBeyondTheActive(t *testing.T) {
	cfg := frontier.DefaultConfig()
	cfg.MaxActiveSites, cfg.ReadAhead = 4, 2
	virtual(t, cfg, func(t *testing.T, f *frontier.Frontier) {
		const sites, each = 30, 12
		for s := range sites {
			for n := range each {
				add(t, f, item("j", fmt.Sprintf("s%d.test", s), n))
			}
		}
		last, starts := map[string]time.Time{}, map[string]int{}
		for range sites * each {
			it, _ := waits(t, f)
			if since := time.Since(last[it.Site]); since < time.Second {
				t.Fatalf("%s asked again after %s", it.Site, since)
			}
			last[it.Site] = time.Now()
			starts[it.Site]++
			for site := range sites {
				if ahead := starts[it.Site] - starts[fmt.Sprintf("s%d.test", site)]; ahead > 2*cfg.ReadAhead {
					t.Fatalf("%s is %d starts ahead", it.Site, ahead)
				}
			}
			release(t, f, it, frontier.Release{})
		}
		wantCounts(t, f, "j", frontier.Counts{Known: sites * each, Awaiting: sites * each})
	})
}

func TestActiveSitesAreBounded(t *testing.T) {
	cfg := frontier.DefaultConfig()
	cfg.MaxActiveSites = 3
	virtual(t, cfg, func(t *testing.T, f *frontier.Frontier) {
		for s := range 5 {
			add(t, f, item("j", fmt.Sprintf("s%d.test", s), 1))
		}
		var held []frontier.Item
		for range 3 {
			held = append(held, wantWait(t, f, 0))
		}
		nothing(t, f) // all places are taken by flights
		release(t, f, held[0], frontier.Release{})
		wantWait(t, f, 0)
		nothing(t, f)
	})
}

func TestPolitenessSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		db := openDB(t, fs)
		f, err := frontier.Open(db, time.Now, frontier.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		add(t, f, item("j", "retry.test", 1), item("j", "lost.test", 1), item("j", "slow.test", 1), item("j", "plain.test", 1))
		if err := f.Delay("slow.test", 30*time.Second); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			it := wantWait(t, f, 0)
			switch it.Site {
			case "retry.test":
				release(t, f, it, frontier.Release{Delay: time.Hour, Retry: true})
			case "lost.test": // nothing else keeps this site on disk
				release(t, f, it, frontier.Release{Delay: time.Hour})
			}
		}
		if err := errors.Join(f.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}

		db = openDB(t, fs)
		if f, err = frontier.Open(db, time.Now, frontier.DefaultConfig()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := errors.Join(f.Close(), db.Close()); err != nil {
				t.Error(err)
			}
		}()
		opened, starts := time.Now(), map[string]time.Duration{}
		for range 4 {
			it, _ := waits(t, f)
			starts[it.Site] = time.Since(opened).Round(100 * time.Millisecond)
		}
		want := map[string]time.Duration{"plain.test": time.Second, "slow.test": 30 * time.Second, "retry.test": time.Hour, "lost.test": time.Hour}
		for site, after := range want {
			if starts[site] < after {
				t.Errorf("%s was asked %s after a restart, want at least %s", site, starts[site], after)
			}
		}
	})
}
