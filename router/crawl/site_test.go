package crawl_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/lab"
)

// paths answers each path with its handler; robots.txt is missing unless given.
type paths map[string]http.HandlerFunc

func (p paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := p[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	http.NotFound(w, r)
}

func serves(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { html(w, body) }
}

func answers(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// first answers with one handler n times, then with another.
func first(n int64, one, then http.HandlerFunc) http.HandlerFunc {
	var calls atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) <= n {
			one(w, r)
			return
		}
		then(w, r)
	}
}

// What becomes of an answer: the record or the cause why there is none.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const host = "https://a.fallow.test"
	for name, c := range map[string]struct {
		site      paths
		scope     job.Scope
		records   []string // paths
		skipped   map[string]int64
		failed    map[string]int64
		forbidden int64
	}{
		"page": {site: paths{"/": serves(page("home"))}, records: []string{"/"}},
		"robots forbids": {
			site: paths{
				"/robots.txt": func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprint(w, "User-agent: *\nDisallow: /no\n")
				},
				"/": serves(page("home", "/no", "/yes")), "/no": serves(page("no")), "/yes": serves(page("yes")),
			},
			records: []string{"/", "/yes"}, forbidden: 1,
		},
		"robots broken for a while": {
			site:    paths{"/robots.txt": first(1, answers(500), answers(404)), "/": serves(page("home"))},
			records: []string{"/"},
		},
		"robots broken for good": {
			site:   paths{"/robots.txt": answers(500), "/": serves(page("home"))},
			failed: map[string]int64{"robots_unreachable": 1},
		},
		"429 with retry-after": {
			site:    paths{"/": first(2, answers(429, "Retry-After", "0"), serves(page("home")))},
			records: []string{"/"},
		},
		"429 for good":     {site: paths{"/": answers(429)}, skipped: map[string]int64{"status_429": 1}},
		"503 once":         {site: paths{"/": first(1, answers(503), serves(page("home")))}, records: []string{"/"}},
		"500 once":         {site: paths{"/": first(1, answers(500), serves(page("home")))}, records: []string{"/"}},
		"500 for good":     {site: paths{"/": answers(500)}, skipped: map[string]int64{"status_500": 1}},
		"gone":             {site: paths{"/": answers(410)}, skipped: map[string]int64{"status_410": 1}},
		"redirect":         {site: paths{"/": answers(301, "Location", "/there"), "/there": serves(page("there"))}, records: []string{"/there"}, skipped: map[string]int64{"redirect": 1}},
		"redirect to http": {site: paths{"/": answers(301, "Location", "http://a.fallow.test/there"), "/there": serves(page("there"))}, records: []string{"/there"}, skipped: map[string]int64{"redirect": 1}},
		"redirect loop":    {site: paths{"/": answers(302, "Location", "/b"), "/b": answers(302, "Location", "/")}, skipped: map[string]int64{"redirect": 2}},
		"redirect to a forbidden page": {
			site: paths{
				"/robots.txt": func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprint(w, "User-agent: FallowBot\nDisallow: /no\n")
				},
				"/": answers(302, "Location", "/no"), "/no": serves(page("no")),
			},
			skipped: map[string]int64{"redirect": 1}, forbidden: 1,
		},
		"redirect out of scope": {
			site:    paths{"/": answers(301, "Location", "https://b.fallow.test/")},
			skipped: map[string]int64{"redirect_out_of_scope": 1},
		},
		"redirect to an address of a node's own network": {
			site:    paths{"/": answers(301, "Location", "https://192.168.1.1/")},
			skipped: map[string]int64{"redirect_out_of_scope": 1},
		},
		"redirects without end": {
			site: paths{
				"/": answers(302, "Location", "/1"), "/1": answers(302, "Location", "/2"), "/2": answers(302, "Location", "/3"),
				"/3": answers(302, "Location", "/4"), "/4": answers(302, "Location", "/5"), "/5": answers(302, "Location", "/6"), "/6": serves(page("end")),
			},
			skipped: map[string]int64{"redirect": 5, "redirect_limit": 1},
		},
		"noindex header": {
			site: paths{"/": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Robots-Tag", "noindex")
				html(w, page("home", "/next"))
			}, "/next": serves(page("next"))},
			records: []string{"/next"}, skipped: map[string]int64{"noindex": 1},
		},
		"nofollow meta": {
			site:    paths{"/": serves(`<html><head><meta name="robots" content="nofollow"></head>` + page("home", "/next")), "/next": serves(page("next"))},
			records: []string{"/"},
		},
		"nofollow link": {
			site:    paths{"/": serves(strings.Replace(page("home", "/next"), "<a ", `<a rel="nofollow" `, 1)), "/next": serves(page("next"))},
			records: []string{"/"},
		},
		"empty": {site: paths{"/": serves("<html><body></body></html>")}, skipped: map[string]int64{"empty": 1}},
		"an image": {site: paths{"/": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("x"))
		}}, failed: map[string]int64{"content_type": 1}},
		"list only": {site: paths{"/": serves(page("home", "/next")), "/next": serves(page("next"))}, scope: job.ScopeList, records: []string{"/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.site("a.fallow.test", c.site)
			w.start()
			p := w.finish(w.submit(job.Spec{Scope: c.scope, Seeds: []string{host + "/"}}))
			var want []string
			for _, path := range c.records {
				want = append(want, host+path)
			}
			var got []string
			if p.Result != nil {
				got = urlsOf(w.records(p))
			}
			if !slices.Equal(got, want) || !same(p.Tally.Skipped, c.skipped) || !same(p.Tally.Failed, c.failed) || p.Tally.Forbidden != c.forbidden {
				t.Errorf("records %v, %+v\nwant %v, skipped %v, failed %v, forbidden %d", got, p.Tally, want, c.skipped, c.failed, c.forbidden)
			}
		})
	}
}

func same(a, b map[string]int64) bool {
	if len(a) != len(b) {
		return false
	}
	for key, n := range a {
		if b[key] != n {
			return false
		}
	}
	return true
}

// Who refuses training is fetched, for its links, and is no record of a dataset
// that may train models; of any other it is one, and marked.
func TestTrainingRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use     job.Use
		records int
		skipped map[string]int64
	}{
		"training": {job.UseTraining, 1, map[string]int64{"training_refused": 1}},
		"other":    {job.UseOther, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.site("a.fallow.test", paths{
				"/": func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("X-Robots-Tag", "noai")
					html(rw, page("home", "/next"))
				},
				"/next": serves(page("next")),
			})
			w.start()
			p := w.finish(w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}, Options: job.Options{Use: c.use}}))
			records := w.records(p)
			if len(records) != c.records || !same(p.Tally.Skipped, c.skipped) {
				t.Fatalf("%d records, %+v", len(records), p.Tally)
			}
			for _, r := range records {
				if refused := strings.HasSuffix(r.URL, "test/"); refused != (r.AITrain == "n") || refused != (len(r.Signals) > 0) {
					t.Errorf("%s: %q %v", r.URL, r.AITrain, r.Signals)
				}
			}
		})
	}
}

// Depth is bounded.
func TestTooDeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.MaxDepth = 2
	w.site("a.fallow.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(rw, r)
			return
		}
		html(rw, page(r.URL.Path, r.URL.Path+"x/"))
	}))
	w.start()
	if p := w.finish(w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}})); p.Tally.Records != 3 {
		t.Errorf("%+v", p.Tally)
	}
}

// A node whose answers are cut short, or that answers with a certificate of its
// own, yields no record, and is named once another node has done better.
func TestBadNodeIsSuspected(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad    func(w *world, honest http.RoundTripper) http.RoundTripper
		reason wire.Reason
	}{
		"truncates": {func(_ *world, honest http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := honest.RoundTrip(r)
				if err == nil && r.URL.Path != "/robots.txt" {
					resp.Body = cut{io.LimitReader(resp.Body, 200), resp.Body}
				}
				return resp, err
			})
		}, wire.BytesTruncated},
		"forges": {func(w *world, _ http.RoundTripper) http.RoundTripper {
			forger, err := lab.NewCA(time.Now)
			if err != nil {
				w.t.Fatal(err)
			}
			fake, err := lab.ServeSite(forger, lab.SiteConfig{Hosts: []string{"a.fallow.test"}, Handler: paths{"/": serves(page("forged"))}})
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { _ = fake.Close() })
			return w.transport(w.roots, func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, fake.Addr())
			})
		}, wire.TLSForged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var site paths = map[string]http.HandlerFunc{"/": func(rw http.ResponseWriter, _ *http.Request) {
				body := page("home", "/1", "/2", "/3", "/4", "/5", "/6")
				rw.Header().Set("Content-Type", "text/html")
				rw.Header().Set("Content-Length", fmt.Sprint(len(body)))
				_, _ = io.WriteString(rw, body)
			}}
			for i := range 6 {
				path := fmt.Sprintf("/%d", i+1)
				site[path] = serves(page(path))
			}
			w.site("a.fallow.test", site)
			honest, bad := w.fleet.nodes[0], w.fleet.nodes[1]
			bad.transport = c.bad(w, honest.transport)
			w.start()
			p := w.finish(w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}}))
			for _, r := range w.records(p) {
				if strings.Contains(r.Text, "forged") || len(r.Text) < 300 {
					t.Errorf("a record of %d bytes: %.80s", len(r.Text), r.Text)
				}
			}
			if p.Tally.Records != 7 || p.Tally.Nodes[honest.key.String()] != 7 {
				t.Errorf("%+v", p.Tally)
			}
			suspects := w.fleet.suspected()
			if suspects[suspect{bad.key, c.reason}] == 0 || len(suspects) != 1 {
				t.Errorf("suspects: %v, want %v for %v", suspects, bad.key, c.reason)
			}
		})
	}
}

type cut struct {
	io.Reader
	io.Closer
}

// What every node fails on is the site's doing: nobody is suspected.
func TestDeadSiteBlamesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://dead.fallow.test:8443/"}}))
	if p.Tally.Failed["robots_unreachable"] != 1 || p.Result != nil || len(w.fleet.suspected()) != 0 {
		t.Errorf("%+v, suspects %v", p.Tally, w.fleet.suspected())
	}
}

// A site without TLS is tried over it first, then crawled for its links, and
// makes no record.
func TestPlainHTTPIsNeverARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := httptest.NewServer(paths{"/": serves(page("home", "/next")), "/next": serves(page("next"))})
	t.Cleanup(plain.Close)
	w.hosts["plain.fallow.test:80"] = strings.TrimPrefix(plain.URL, "http://")
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"http://plain.fallow.test/"}}))
	if p.Tally.Records != 0 || p.Tally.Skipped["plain_http"] != 2 || p.Result != nil {
		t.Errorf("%+v", p.Tally)
	}
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	if len(w.fleet.urls) == 0 {
		t.Error("nothing was announced to the nodes' owners")
	}
}

// Off the lab's licence: one request at a time and a second between any two to
// a site, those for robots.txt and those repeated through another node included.
func TestManners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Lab, w.cfg.Contact = false, "mailto:a@fallow.test"
	w.cfg.Polite(time.Second)
	w.cfg.Gate.RobotsOnly = false
	cutShort := func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(rw, "<html>")
	}
	site := w.site("a.fallow.test", paths{"/": serves(page("home", "/cut")), "/cut": first(1, cutShort, serves(page("cut")))})
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}})
	p := w.finish(id)
	if p.Tally.Records != 2 {
		t.Errorf("%+v", p.Tally)
	}
	manners := site.Manners()
	// robots.txt, tdmrep.json, ai.txt, the home page, the cut page twice; they are
	// a second apart when they leave, and a busy machine shifts arrivals.
	if len(manners) != 1 || manners[0].Requests != 6 || manners[0].MaxConcurrent != 1 || manners[0].MinGap < 800*time.Millisecond {
		t.Errorf("%+v\n%+v", manners, site.Log())
	}
}

// A Retry-After holds for all nodes and every host of the site.
func TestRetryAfterHoldsForTheSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Frontier.PerSite = 1
	site := w.site("a.fallow.test", paths{
		"/": first(1, answers(429, "Retry-After", "1"), serves(page("home"))), "/1": serves(page("1")), "/2": serves(page("2")),
	})
	other := w.site("b.fallow.test", paths{"/": serves(page("b"))})
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/", "https://a.fallow.test/1", "https://b.fallow.test/", "https://a.fallow.test/2"}}))
	if p.Tally.Records != 4 {
		t.Errorf("%+v", p.Tally)
	}
	limited := limitedAt(site)
	for _, e := range append(site.Log(), other.Log()...) {
		if after := e.Start.Sub(limited); after > 0 && after < 950*time.Millisecond {
			t.Errorf("%s%s asked for %s after a 429 that said 1 s", e.Host, e.Path, after)
		}
	}
}

func limitedAt(site *lab.Site) time.Time {
	for _, e := range site.Log() {
		if e.Status == http.StatusTooManyRequests {
			return e.Start
		}
	}
	return time.Time{}
}

// Crawl-delay holds in the lab, too.
func TestCrawlDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.site("a.fallow.test", paths{
		"/robots.txt": func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "User-agent: *\nCrawl-delay: 1\n") },
		"/":           serves(page("home", "/1")), "/1": serves(page("1")),
	})
	w.cfg.Frontier.PerSite = 1
	w.start()
	if p := w.finish(w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}})); p.Tally.Records != 2 {
		t.Errorf("%+v", p.Tally)
	}
	log := slices.DeleteFunc(site.Log(), func(e lab.Entry) bool { return e.Path == "/robots.txt" })
	if len(log) != 2 || log[1].Start.Sub(log[0].Start) < 950*time.Millisecond {
		t.Errorf("%+v", log)
	}
}

// The fleet hears how each hold went, once.
func TestEveryHoldEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(20))
	w.start()
	w.finish(w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}}))
	if outcomes := w.fleet.count(); outcomes[crawl.Served] != 22 || len(outcomes) != 1 {
		t.Errorf("%v", outcomes)
	}
}
