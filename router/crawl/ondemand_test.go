package crawl_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
)

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func TestFetchOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("now.fallow.test", paths{
		"/robots.txt": says("User-agent: *\nDisallow: /no\n"),
		"/": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Robots-Tag", "noai")
			html(rw, page("home", "/a"))
		},
		"/moved":    answers(301, "Location", "/"),
		"/moved-no": answers(302, "Location", "/no/1"),
		"/loop":     answers(302, "Location", "/loop"),
		"/gone":     answers(410),
		"/slow":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	})
	w.start()
	fetchIt := func(d crawl.Demand) (*crawl.Supplied, error) {
		if d.Purpose == "" {
			d.Purpose = "test"
		}
		d.URL = "https://now.fallow.test" + d.URL
		return w.crawler.Fetch(t.Context(), d)
	}
	got, err := fetchIt(crawl.Demand{URL: "/moved"})
	if err != nil || got.Status != 200 || got.URL != "https://now.fallow.test/" || len(got.Redirects) != 1 || got.Page.Text == "" || len(got.Page.Links) != 1 || got.TLS == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.AITrain != gate.TrainingRefused || len(got.Signals) != 1 || got.Robots != gate.NoRule {
		t.Errorf("what the site says of training: %q %v", got.AITrain, got.Signals)
	}
	if got, err = fetchIt(crawl.Demand{URL: "/gone"}); err != nil || got.Status != 410 {
		t.Errorf("gone: %+v, %v", got, err)
	}
	for name, d := range map[string]crawl.Demand{"forbidden": {URL: "/no"}, "led to a forbidden page": {URL: "/moved-no"}} {
		var refused *crawl.RefusedError
		if _, err := fetchIt(d); !errors.As(err, &refused) || refused.Reason != gate.DisallowedByRule || refused.Rule != "Disallow: /no" || !strings.Contains(err.Error(), "does not allow") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, d := range map[string]crawl.Demand{
		"purpose": {URL: "/", Purpose: " "}, "time": {URL: "/", Within: time.Hour}, "country": {URL: "/", Country: "xx"}, "port": {URL: ":8/%zz"},
	} {
		if _, err := fetchIt(d); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var failure *fetch.Failure
	if _, err := fetchIt(crawl.Demand{URL: "/loop"}); !errors.As(err, &failure) {
		t.Errorf("redirects without end: %v", err)
	}
	start := time.Now()
	if _, err := fetchIt(crawl.Demand{URL: "/slow", Within: 300 * time.Millisecond}); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("a page that never comes: %v after %s", err, time.Since(start))
	}

	// What was asked is on the books, without a word of who carried it.
	visits, more, err := w.crawler.Visits(t.Context(), "now.fallow.test", start.Add(-time.Minute), time.Now())
	if err != nil || more || len(visits) == 0 || visits[0].Purpose != "test" || visits[0].Requests < 5 {
		t.Errorf("visits %+v, %v", visits, err)
	}
}

// A site that says 429 to one who asks on demand is left alone by jobs too, and
// the other way round.
func TestRefusalHoldsForEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int64
	w.site("busy.fallow.test", paths{
		"/robots.txt": says(""),
		"/busy":       answers(429, "Retry-After", "120"),
		"/":           func(rw http.ResponseWriter, _ *http.Request) { asked.Add(1); html(rw, page("home")) },
	})
	w.start()
	demand := func(path string) error {
		_, err := w.crawler.Fetch(t.Context(), crawl.Demand{URL: "https://busy.fallow.test" + path, Purpose: "test"})
		return err
	}
	for _, path := range []string{"/busy", "/"} {
		var refused *crawl.RefusedError
		if err := demand(path); !errors.As(err, &refused) || refused.Retry < 100*time.Second || !strings.Contains(err.Error(), "try again") {
			t.Errorf("%s: %v", path, err)
		}
	}
	id := w.submit(job.Spec{Scope: job.ScopeList, Seeds: []string{"https://busy.fallow.test/"}})
	w.await(id, "the job to wait", func(p crawl.Progress) bool { return p.Queued == 1 && p.InFlight == 0 })
	time.Sleep(100 * time.Millisecond)
	if asked.Load() != 0 {
		t.Errorf("%d requests to a site that asked to be left alone", asked.Load())
	}
}

// Where the floors hold, a page on demand waits until a job's request to the same
// site has ended.
func TestOneRequestAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Frontier.MinDelay, w.cfg.Frontier.PerSite = 30*time.Millisecond, 1
	var now, most atomic.Int64
	slow := func(rw http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(80 * time.Millisecond)
		now.Add(-1)
		html(rw, page("page"))
	}
	w.site("one.fallow.test", paths{"/robots.txt": says(""), "/a": slow, "/b": slow, "/c": slow, "/d": slow})
	w.start()
	id := w.submit(job.Spec{Scope: job.ScopeList, Seeds: []string{"https://one.fallow.test/a", "https://one.fallow.test/b"}})
	done := make(chan error, 2)
	for _, path := range []string{"/c", "/d"} {
		go func() {
			_, err := w.crawler.Fetch(t.Context(), crawl.Demand{URL: "https://one.fallow.test" + path, Purpose: "test"})
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w.finish(id)
	if most.Load() != 1 {
		t.Errorf("%d requests to one site at once", most.Load())
	}
}

// An owner's opt-out is obeyed from the next address on, for jobs and on demand.
func TestOptedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var out atomic.Bool
	w.cfg.Gate.OptedOut = func(host string) (string, bool) { return "DNS proof", out.Load() && host == "out.fallow.test" }
	site := w.site("out.fallow.test", paths{"/robots.txt": says(""), "/": serves(page("home", "/a")), "/a": serves(page("a"))})
	w.start()
	if p := w.finish(w.submit(job.Spec{Seeds: []string{"https://out.fallow.test/"}})); p.Tally.Records != 2 {
		t.Fatalf("%+v", p.Tally)
	}
	out.Store(true)
	before := len(site.Log())
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://out.fallow.test/", "https://out.fallow.test/a"}}))
	if p.Tally.Forbidden != 2 || p.Tally.Pages != 0 || len(site.Log()) != before {
		t.Errorf("%+v; %d requests", p.Tally, len(site.Log())-before)
	}
	var refused *crawl.RefusedError
	if _, err := w.crawler.Fetch(t.Context(), crawl.Demand{URL: "https://out.fallow.test/", Purpose: "x"}); !errors.As(err, &refused) || refused.Reason != gate.OptedOut {
		t.Errorf("on demand: %v", err)
	}
}

// RereadRobots applies a changed robots.txt at once.
func TestRereadRobots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("new.fallow.test", paths{
		"/robots.txt":               first(1, says(""), says("User-agent: FallowBot\nDisallow: /\nAllow: /.well-known/proof\n")),
		"/":                         serves(page("home")),
		"/.well-known/proof":        says("fallow-opt-out=abc"),
		"/.well-known/other/secret": says("secret"),
	})
	w.start()
	demand := crawl.Demand{URL: "https://new.fallow.test/", Purpose: "test"}
	if _, err := w.crawler.Fetch(t.Context(), demand); err != nil {
		t.Fatal(err)
	}
	d, err := w.crawler.RereadRobots(t.Context(), "new.fallow.test")
	if err != nil || d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	var refused *crawl.RefusedError
	if _, err := w.crawler.Fetch(t.Context(), demand); !errors.As(err, &refused) {
		t.Errorf("after the change: %v", err)
	}
	if text, err := w.crawler.OwnerFile(t.Context(), "new.fallow.test", "/.well-known/proof"); err != nil || text != "fallow-opt-out=abc" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := w.crawler.OwnerFile(t.Context(), "new.fallow.test", "/.well-known/other/secret"); !errors.As(err, &refused) {
		t.Errorf("a file that robots.txt forbids: %v", err)
	}
}
