package crawl_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// headings is a collector of its own kind: lines that begin with "h:".
type headings struct{}

func (headings) Label() string { return "headings/3" }

func (headings) Collect(_, body string) (fields, text string, links []string) {
	_, after, found := strings.Cut(body, "h:")
	if !found {
		return "", "", nil
	}
	head, _, _ := strings.Cut(after, ";")
	return `{"rows":[{"h":"` + head + `"}]}`, head, []string{"https://col.fallow.test/followed"}
}

// What a collector reads stands in the record, and what it says to follow is
// followed; pages it is not for are pages like any other, and a document that is
// no page becomes one by it.
func TestCollector(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Collector = func(name string) crawl.Collector {
		if name == "headings" {
			return headings{}
		}
		return nil
	}
	w.site("col.fallow.test", paths{
		"/": serves("<html><body><p>h:first; and more text</p></body></html>"), "/followed": serves(page("an ordinary page")),
		"/feed": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/rss+xml")
			_, _ = rw.Write([]byte("<rss>h:from a feed;</rss>"))
		},
	})
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://col.fallow.test/", "https://col.fallow.test/feed"}, Options: job.Options{Collector: "headings"}}))
	got := map[string]string{}
	for _, r := range w.records(p) {
		got[strings.TrimPrefix(r.URL, "https://col.fallow.test")] = r.Collector + " " + r.Fields
		if r.URL == "https://col.fallow.test/feed" && (r.Text != "from a feed" || r.Extractor != "collector") {
			t.Errorf("feed: %q by %q", r.Text, r.Extractor)
		}
	}
	if len(got) != 3 || got["/"] != `headings/3 {"rows":[{"h":"first"}]}` || got["/followed"] != " " || got["/feed"] != `headings/3 {"rows":[{"h":"from a feed"}]}` {
		t.Errorf("%v; %+v", got, p.Tally)
	}
	_, err := w.crawler.Submit(t.Context(), job.Spec{Dataset: "d", Purpose: "p", Seeds: []string{"https://col.fallow.test/"}, Options: job.Options{Collector: "none"}})
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "collector list") {
		t.Errorf("a collector that is not there: %v", err)
	}
}
