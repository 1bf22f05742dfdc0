package crawl_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/lab"
)

func pathsAsked(site *lab.Site) []string {
	var list []string
	for _, e := range site.Log() {
		list = append(list, e.Path)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestPatternsDepthAndCaps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.site("a.test", paths{
		"/": serves(page("home", "/in/1", "/out/1", "/in/secret")), "/in/1": serves(page("one", "/in/2")),
		"/in/2": serves(page("two", "/in/3")), "/in/3": serves(page("three")), "/out/1": serves(page("out")), "/in/secret": serves(page("secret")),
	})
	capped := w.site("b.test", manyLinks(30))
	w.start()
	p := w.finish(w.submit(job.Spec{Dataset: "a", Seeds: []string{"https://a.test/"}, Options: job.Options{
		Include: []string{"/in/"}, Exclude: []string{"/*secret"}, MaxDepth: 2,
	}}))
	for _, path := range []string{"/out/1", "/in/secret", "/in/3"} {
		if slices.Contains(pathsAsked(site), path) {
			t.Errorf("%s was asked for", path)
		}
	}
	if p.Tally.Records != 3 || p.Tally.Cut["pattern"] != 2 || p.Tally.Cut["depth"] != 1 ||
		!slices.Equal(p.Tally.CutSamples["depth"], []string{"https://a.test/in/3"}) {
		t.Errorf("%+v", p.Tally)
	}
	p = w.finish(w.submit(job.Spec{Dataset: "b", Seeds: []string{"https://b.test/"}, Options: job.Options{MaxPerSite: 10}}))
	if p.Tally.Pages != 10 || p.Tally.Cut["capped"] != 21 {
		t.Errorf("a cap of 10: %+v", p.Tally)
	}
	if n := len(pathsAsked(capped)); n > 11 {
		t.Errorf("%d addresses asked for", n)
	}
	// It is all on disk, and the same after a restart.
	w.restart()
	if again := w.progress(p.Job.ID); again.Tally.Cut["capped"] != 21 || again.Job.Options.MaxPerSite != 10 {
		t.Errorf("after a restart: %+v %+v", again.Tally, again.Job.Options)
	}
}

func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

// Sitemaps that robots.txt names, an index of them with a gzip file among them, a
// feed that a page points to: their addresses are followed within the scope.
func TestSitemapsAndFeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	urlset := func(urls ...string) string {
		return "<urlset><url><loc>" + strings.Join(urls, "</loc></url><url><loc>") + "</loc></url></urlset>"
	}
	site := paths{
		"/robots.txt": text("text/plain", "Sitemap: https://a.test/index.xml\nSitemap: https://elsewhere.test/map.xml\n"),
		"/index.xml":  text("application/xml", "<sitemapindex><sitemap><loc>https://a.test/1.xml</loc></sitemap><sitemap><loc>https://a.test/2.xml.gz</loc></sitemap></sitemapindex>"),
		"/1.xml":      text("text/xml", urlset("https://a.test/1", "https://other.test/1")),
		"/2.xml.gz":   text("application/gzip", gzipped(t, urlset("https://a.test/2"))),
		"/":           serves(strings.Replace(page("home"), "<head>", `<head><link rel="alternate" type="application/rss+xml" href="/feed">`, 1)),
		"/feed":       text("application/rss+xml", "<rss><channel><item><link>https://a.test/3</link></item></channel></rss>"),
		"/1":          serves(page("one")), "/2": serves(page("two")), "/3": serves(page("three")),
	}
	served := w.site("a.test", site)
	w.start()
	p := w.finish(w.submit(job.Spec{Dataset: "a", Seeds: []string{"https://a.test/"}}))
	if p.Tally.Records != 4 || p.Tally.Skipped["sitemap"] != 3 || p.Tally.Skipped["feed"] != 1 {
		t.Errorf("%+v, asked: %v", p.Tally, pathsAsked(served))
	}
	p = w.finish(w.submit(job.Spec{Dataset: "b", Seeds: []string{"https://a.test/"}, Options: job.Options{Sitemaps: job.SitemapsIgnore}}))
	if p.Tally.Records != 2 || p.Tally.Skipped["sitemap"] != 0 {
		t.Errorf("sitemaps off: %+v", p.Tally)
	}
	p = w.finish(w.submit(job.Spec{Dataset: "c", Seeds: []string{"https://a.test/"}, Options: job.Options{Sitemaps: job.SitemapsOnly}}))
	if p.Tally.Records != 3 || p.Tally.Skipped["feed"] != 0 {
		t.Errorf("sitemaps only: %+v", p.Tally)
	}
}

// A recrawl asks under conditions for what the dataset holds and is due: what has
// not changed brings no record, what has brings one, new pages too.
func TestRecrawl(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := 0
	w.now = func() time.Time { return time.Now().AddDate(0, 0, day) }
	changed := false
	tagged := func(tag, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Etag", tag)
			if r.Header.Get("If-None-Match") == tag {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			html(rw, body)
		}
	}
	site := w.site("a.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		pages := paths{
			"/": tagged(`"home"`, page("home", "/same", "/plain", "/moves")), "/same": tagged(`"same"`, page("same")), "/plain": serves(page("plain")),
			"/moves": tagged(`"old"`, page("moves")),
		}
		if changed {
			pages["/"], pages["/moves"] = tagged(`"home2"`, page("home", "/same", "/plain", "/moves", "/new")), tagged(`"new"`, page("moves on"))
			pages["/new"] = serves(page("new"))
		}
		pages.ServeHTTP(rw, r)
	}))
	w.start()
	seeds := []string{"https://a.test/"}
	first := w.finish(w.submit(job.Spec{Seeds: seeds}))
	if first.Tally.Records != 4 {
		t.Fatalf("%+v", first.Tally)
	}
	asked := len(site.Log())
	early := w.finish(w.submit(job.Spec{Seeds: seeds, Options: job.Options{Recrawl: true}}))
	if early.Tally.Pages != 1 || early.Tally.Skipped["unchanged"] != 1 || len(site.Log()) != asked+1 {
		t.Errorf("before anything but the seed is due: %+v", early.Tally)
	}
	day, changed = 2, true
	second := w.finish(w.submit(job.Spec{Seeds: seeds, Options: job.Options{Recrawl: true}}))
	if second.Tally.Records != 3 || second.Tally.Skipped["unchanged"] != 2 || second.Tally.Pages != 5 {
		t.Errorf("after a change: %+v", second.Tally)
	}
	notModified := 0
	for _, e := range site.Log() {
		if e.Status == http.StatusNotModified {
			notModified++
		}
	}
	if notModified < 1 {
		t.Errorf("%d answers of 304", notModified)
	}
	// What changed is due after half a day, what did not after a day and a half.
	day = 3
	third := w.finish(w.submit(job.Spec{Seeds: seeds, Options: job.Options{Recrawl: true}}))
	if third.Tally.Pages != 3 || third.Tally.Records != 0 {
		t.Errorf("a day later: %+v, want the two that change and the new one", third.Tally)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("a.test", manyLinks(40))
	var passed time.Duration
	w.now = func() time.Time { return time.Now().Add(passed) }
	w.fleet.set()
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://a.test/"}, MaxPages: 30})
	p := w.progress(id)
	if p.Estimate == nil || p.Estimate.Least != 0 || !strings.Contains(p.Estimate.String(), "cannot be told yet") {
		t.Errorf("at the start: %+v", p.Estimate)
	}
	w.fleet.set(newFleet(w, 2).nodes...)
	if p := w.finish(id); p.Estimate != nil {
		t.Errorf("at the end: %+v", p.Estimate)
	}
	for want, e := range map[string]crawl.Estimate{
		"2.0 pages/s: 50 s for the 100 addresses known, up to 8 min 20 s if more are found": {Rate: 2, Remaining: 100, Least: 50 * time.Second, Most: 500 * time.Second},
		"about 2 h 5 min to the job's limit":                                                {Rate: 1, Remaining: 7500, Least: 7500 * time.Second, Most: 7500 * time.Second},
	} {
		if got := e.String(); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
