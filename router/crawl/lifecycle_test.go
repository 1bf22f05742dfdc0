package crawl_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/lab"
)

func small(pages int) *lab.Small { return lab.NewSmall(lab.SmallConfig{Seed: 7, Pages: pages}) }

// checkWhole wants a record for each distinct text, and nothing twice.
func checkWhole(t *testing.T, w *world, s *lab.Small, p crawl.Progress) {
	t.Helper()
	truth := s.Truth()
	seen := make(map[string]int)
	for _, u := range urlsOf(w.records(p)) {
		path := strings.TrimPrefix(u, "https://small.fallow.test")
		if original, copied := truth.Duplicates[path]; copied {
			path = original
		}
		seen[path]++
	}
	for _, path := range truth.Distinct {
		if seen[path] != 1 {
			t.Errorf("%s is in the dataset %d times", path, seen[path])
		}
	}
	if len(seen) != len(truth.Distinct) {
		t.Errorf("%d texts in the dataset, want %d", len(seen), len(truth.Distinct))
	}
}

func TestCrawlToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := small(60)
	site := w.site("small.fallow.test", s)
	w.cfg.ShardRows = 7 // many commits, also while fetches are under way
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"http://small.fallow.test/", "https://small.fallow.test/#again"}})
	p := w.finish(id)
	checkWhole(t, w, s, p)
	truth := s.Truth()
	if p.Job.State != job.StateDone || p.Tally.Exact != int64(len(truth.Duplicates)) || p.Tally.Forbidden != int64(len(truth.Disallowed)) {
		t.Errorf("%s: %+v, truth %d duplicates, %d forbidden", p.Job.State, p.Tally, len(truth.Duplicates), len(truth.Disallowed))
	}
	if wrong := site.Disallowed(s.Rules()); len(wrong) > 0 {
		t.Errorf("forbidden, yet fetched: %v", wrong)
	}
	w.await(id, "to be forgotten", func(p crawl.Progress) bool { return p.Known == 0 })
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	if !slices.Equal(w.fleet.ended, []string{id}) {
		t.Errorf("ended: %v", w.fleet.ended)
	}
}

// The limit is exact however many fetches run at once, and the addresses beyond
// it do not keep the job from ending.
func TestLimitIsExact(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{1, 7, 23} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			site := w.site("many.fallow.test", manyLinks(2000))
			w.start()
			p := w.finish(w.submit(job.Spec{MaxPages: limit, Seeds: []string{"https://many.fallow.test/"}}))
			if p.Tally.Pages != limit {
				t.Errorf("%d pages, limit %d", p.Tally.Pages, limit)
			}
			if asked := len(site.Log()) - 1; asked != int(limit) { // robots.txt
				t.Errorf("the site was asked for %d pages, limit %d", asked, limit)
			}
		})
	}
}

// manyLinks is a home page with n links to pages with a text each.
func manyLinks(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		var b strings.Builder
		fmt.Fprintf(&b, "<!DOCTYPE html><html><body><main><p>%s</p>", prose(r.URL.Path))
		if r.URL.Path == "/" {
			for i := range n {
				fmt.Fprintf(&b, `<a href="/page/%d">page</a> `, i)
			}
		}
		html(w, b.String()+"</main></body></html>")
	})
}

func html(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(body))
}

// prose is a text of its own for each name, long enough to be one.
func prose(name string) string {
	return strings.Repeat("This page is about "+name+" and says so in a plain English sentence. ", 6)
}

func page(name string, links ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html><html><head><title>%s</title></head><body><main><p>%s</p>", name, prose(name))
	for _, l := range links {
		fmt.Fprintf(&b, `<a href=%q>link</a> `, l)
	}
	return b.String() + "</main></body></html>"
}

// Five thousand links enter the frontier before the page counts as seen.
func TestPageOfManyLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(5000))
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "links", func(p crawl.Progress) bool { return p.Known >= 5000 })
	if err := w.crawler.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestPauseResumeAcrossRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := small(60)
	var served atomic.Int64
	slow := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		served.Add(1)
		time.Sleep(5 * time.Millisecond)
		s.ServeHTTP(rw, r)
	})
	w.site("small.fallow.test", slow)
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}})
	w.await(id, "some pages", func(p crawl.Progress) bool { return p.Tally.Pages > 10 })
	if err := w.crawler.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	// A page leaves the frontier a moment before it is counted; robots.txt is no page.
	before := w.await(id, "quiet", func(p crawl.Progress) bool { return p.InFlight == 0 && p.Tally.Pages == served.Load()-1 })
	if before.Job.State != job.StatePaused || before.Tally.Pages >= 60 {
		t.Fatalf("%s with %d pages", before.Job.State, before.Tally.Pages)
	}
	if err := w.crawler.Pause(t.Context(), id); !errors.Is(err, crawl.ErrState) {
		t.Errorf("pause again: %v", err)
	}
	w.restart()
	asked := served.Load()
	time.Sleep(100 * time.Millisecond)
	if now := served.Load(); now != asked {
		t.Errorf("%d requests for a paused job", now-asked)
	}
	if p := w.progress(id); p.Tally.Pages != before.Tally.Pages {
		t.Errorf("%d pages before the restart, %d after", before.Tally.Pages, p.Tally.Pages)
	}
	if err := w.crawler.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, w, s, w.finish(id))
}

// Cancelled with fetches under way: they finish, what they found goes nowhere,
// and the sites' turns are free for others.
func TestCancelInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	var held atomic.Int64
	w.site("many.fallow.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			held.Add(1)
			<-release
			html(rw, page("held", "/after/1", "/after/2"))
			return
		}
		manyLinks(50).ServeHTTP(rw, r)
	}))
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/held"}})
	for held.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := w.crawler.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if p := w.progress(id); p.Job.State != job.StateCancelled || p.InFlight != 1 {
		t.Errorf("%s with %d in flight", p.Job.State, p.InFlight)
	}
	close(release)
	w.await(id, "to be forgotten", func(p crawl.Progress) bool { return p.Known == 0 })
	time.Sleep(50 * time.Millisecond)
	if p := w.progress(id); p.Known != 0 || p.Queued != 0 || p.Tally.Pages != 1 {
		t.Errorf("after the cancelling: %+v", p)
	}
	if shards, err := w.crawler.Shards("test"); err != nil || len(shards) != 1 {
		t.Errorf("shards %v, %v", shards, err)
	}
	if err := w.crawler.Cancel(t.Context(), id); !errors.Is(err, crawl.ErrState) {
		t.Errorf("cancel again: %v", err)
	}
}

// Two jobs on one dataset at once: a text is kept once over both, and the later
// version holds all of it.
func TestTwoJobsOneDataset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := small(40)
	w.site("small.fallow.test", s)
	w.cfg.ShardRows = 1 // commits come right behind the pages
	w.start()
	first := w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}})
	second := w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}})
	a, b := w.finish(first), w.finish(second)
	truth := s.Truth()
	if records := a.Tally.Records + b.Tally.Records; records != int64(len(truth.Distinct)) {
		t.Errorf("%d records by both, want %d", records, len(truth.Distinct))
	}
	latest := a
	if b.Result.Version > a.Result.Version {
		latest = b
	}
	checkWhole(t, w, s, latest)

	// Nothing but duplicates: the version there is stands.
	c := w.finish(w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}}))
	if c.Tally.Records != 0 || c.Tally.Exact == 0 || c.Job.State != job.StateDone {
		t.Errorf("third job: %+v", c.Tally)
	}
}

func TestNothingToPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("empty.fallow.test", http.NotFoundHandler())
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://empty.fallow.test/"}}))
	if p.Job.State != job.StateDone || p.Result != nil || p.Tally.Skipped["status_404"] != 1 {
		t.Errorf("%s %+v %+v", p.Job.State, p.Result, p.Tally)
	}
}

func TestRefusedSubmissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Lab, w.cfg.Contact = false, "mailto:a@fallow.test"
	w.cfg.Polite(time.Second)
	w.start()
	for seed, says := range map[string]string{
		"https://127.0.0.1/":             "host names",
		"https://[::1]/":                 "host names",
		"https://2130706433/":            "host names",
		"https://a.fallow.test:8443/":    "80 and 443",
		"ftp://a.fallow.test/":           "http",
		"https://a.fallow.test:99999/":   "",
		"https://user:pw@a.fallow.test/": "password",
	} {
		_, err := w.crawler.Submit(t.Context(), job.Spec{Dataset: "test", Purpose: "test", Seeds: []string{seed}})
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, should say %q", seed, err, says)
		}
	}
}

func TestConfigFloors(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*crawl.Config){
		"contact": func(c *crawl.Config) { c.Contact = "" },
		"delay":   func(c *crawl.Config) { c.Frontier.MinDelay = 900 * time.Millisecond },
		"at once": func(c *crawl.Config) { c.Frontier.PerSite = 2 },
		"workers": func(c *crawl.Config) { c.Workers = 0 },
		"memory":  func(c *crawl.Config) { c.OpenBytes = 0 },
	} {
		cfg := crawl.DefaultConfig()
		cfg.Contact = "mailto:a@fallow.test"
		change(&cfg)
		if _, err := crawl.New(nil, nil, nil, nil, nil, nil, t.TempDir(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Calls that come while the crawler closes get an answer.
func TestCallsAfterClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("empty.fallow.test", http.NotFoundHandler())
	w.open()
	id := w.submit(job.Spec{Seeds: []string{"https://empty.fallow.test/"}})
	if err := w.crawler.Close(); err != nil {
		t.Fatal(err)
	}
	defer w.store.Close()
	_, submitted := w.crawler.Submit(t.Context(), job.Spec{Dataset: "test", Purpose: "test", Seeds: []string{"https://empty.fallow.test/"}})
	_, progressed := w.crawler.Progress(t.Context(), id)
	_, listed := w.crawler.Shards("test")
	for call, err := range map[string]error{
		"submit": submitted, "progress": progressed, "shards": listed,
		"pause": w.crawler.Pause(t.Context(), id), "cancel": w.crawler.Cancel(t.Context(), id),
	} {
		if !errors.Is(err, crawl.ErrClosed) {
			t.Errorf("%s after close: %v", call, err)
		}
	}
	if _, err := w.store.Job(context.Background(), id); err != nil {
		t.Error(err)
	}
}
