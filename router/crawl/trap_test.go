package crawl_test

import (
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/crawl/trap"
	"github.com/fallow-network/fallow/router/lab"
	pages "github.com/fallow-network/fallow/router/page"
)

// goodPages is the size of the trap site: FALLOW_TRAP_PAGES for a larger one.
func goodPages() int {
	if n, err := strconv.Atoi(os.Getenv("FALLOW_TRAP_PAGES")); err == nil {
		return n
	}
	return 4_000
}

// maxTrapFetches is one in a hundred of a site of 15,000 pages.
const maxTrapFetches = 150

// By the site's own log: a whole site is crawled, twelve traps are linked from each
// of its pages, and all together cost so few fetches, however large the site is,
// that it is not one in a hundred from 15,000 pages on. What was cut is listed with
// its reason and with examples.
func TestTraps(t *testing.T) {
	w := newWorld(t)
	w.cfg.Page.Mode = pages.Fast
	w.cfg.Gate.RobotsOnly, w.cfg.Frontier.PerSite = true, 1 // as on the real web
	good := goodPages()
	traps := lab.NewTraps("traps.test", good)
	site, err := lab.ServeSite(w.ca, lab.SiteConfig{Hosts: []string{"traps.test", "*.traps.test"}, Handler: traps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Close() })
	w.hosts["traps.test:443"], w.hosts["*.traps.test:443"] = site.Addr(), site.Addr()
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://traps.test/"}, Scope: job.ScopeSite, MaxPages: 1_000_000, Near: 1})
	p := w.awaitFor(5*time.Minute, id)
	checkTally(t, p.Tally)

	kinds, fetches := map[string]int{}, 0
	fetched := map[string]bool{}
	for _, e := range site.Log() {
		kind := traps.Kind(e)
		if e.Status == http.StatusNotFound { // robots.txt and its kin
			continue
		}
		fetches++
		if kind == "" {
			fetched[e.Path] = true
		} else {
			kinds[kind]++
		}
	}
	missing := 0
	for _, path := range traps.Good() {
		if !fetched[path] {
			missing++
		}
	}
	inTraps := 0
	for _, n := range kinds {
		inTraps += n
	}
	t.Logf("%d of %d fetches in traps (%.2f %%): %v; cut: %v", inTraps, fetches, 100*float64(inTraps)/float64(fetches), kinds, p.Tally.Cut)
	if missing > 0 || site.Overflow() > 0 {
		t.Errorf("%d of %d good pages are missing", missing, good+1)
	}
	if inTraps > maxTrapFetches {
		t.Errorf("%d of %d fetches went into traps, want at most %d: %v", inTraps, fetches, maxTrapFetches, kinds)
	}
	for _, kind := range lab.TrapKinds() {
		if kinds[kind] == 0 {
			t.Errorf("the trap %s was never met", kind)
		}
	}
	for _, reason := range []trap.Reason{trap.Repetition, trap.Calendar, trap.Variants, trap.Unproductive, trap.Subdomains, trap.Deep} {
		if n := len(p.Tally.CutSamples[string(reason)]); p.Tally.Cut[string(reason)] == 0 || n == 0 || n > 10 {
			t.Errorf("cut for %s: %d, with %d examples", reason, p.Tally.Cut[string(reason)], n)
		}
	}
}
