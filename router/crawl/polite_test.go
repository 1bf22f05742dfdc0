package crawl_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/lab"
)

// With the floors on at a fifth, thirty sites on one address are crawled by more
// workers and nodes than they may be asked by: no site is ever asked twice at once
// or out of its rhythm, and the address as a whole is not either, by the sites' own
// logs.
func TestPolitenessByTheSitesLogs(t *testing.T) {
	t.Parallel()
	const scale = 200 * time.Millisecond
	w := newWorld(t)
	w.cfg.Workers = 64
	w.cfg.Polite(scale)
	w.fleet = newFleet(w, 10)
	var sites []*lab.Site
	var seeds []string
	for n := range 30 {
		host := fmt.Sprintf("polite%d.test", n)
		sites = append(sites, w.site(host, manyLinks(9)))
		seeds = append(seeds, "https://"+host+"/")
	}
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: seeds}))
	if want := int64(30 * 10); p.Tally.Records+p.Tally.Exact != want {
		t.Errorf("%+v, want %d pages", p.Tally, want)
	}
	early, gaps := 0, 0
	var all []lab.Entry
	for _, site := range sites {
		log := site.Log()
		all = append(all, log...)
		m := lab.JudgeManners(log)
		if len(m) != 1 || m[0].MaxConcurrent != 1 {
			t.Errorf("%+v", m)
		}
		took := log[len(log)-1].Start.Sub(log[0].Start)
		if least := time.Duration(len(log)-1) * scale * 9 / 10; took < least {
			t.Errorf("%d requests to %s within %s, want at least %s", len(log), log[0].Host, took, least)
		}
		for i := 1; i < len(log); i++ {
			gaps++
			if log[i].Start.Sub(log[i-1].Start) < scale/2 { // a busy machine shifts arrivals
				early++
			}
		}
	}
	if early*50 > gaps {
		t.Errorf("%d of %d requests came early", early, gaps)
	}
	// The first request of each site comes before its address is known.
	slices.SortFunc(all, func(a, b lab.Entry) int { return a.Start.Compare(b.Start) })
	rest := all[len(sites):]
	took := rest[len(rest)-1].Start.Sub(rest[0].Start)
	if least := time.Duration(30*9) * scale / 10 * 8 / 10; took < least {
		t.Errorf("%d requests to one address within %s, want at least %s", len(rest), took, least)
	}
}

// A site that does not answer in time is left alone as a whole, and not only the
// address that was asked for.
func TestTimeoutsSlowTheSiteDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Polite(100 * time.Millisecond)
	w.cfg.Fetch.Total = 300 * time.Millisecond
	w.cfg.MaxNodes, w.cfg.MaxTries = 1, 2
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	site := w.site("slow.test", paths{"/": serves(page("home", "/hang", "/1")), "/hang": hang, "/1": serves(page("1"))})
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://slow.test/"}}))
	if p.Tally.Failed["timeout"] != 1 || p.Tally.Records != 2 {
		t.Errorf("%+v", p.Tally)
	}
	log := site.Log()
	for i := 1; i < len(log); i++ {
		// Back-off begins with 5 s at full scale, from the end of the wait on.
		if after := log[i].Start.Sub(log[i-1].Start); log[i-1].Path == "/hang" && after < 700*time.Millisecond {
			t.Errorf("%s asked for %s after a timeout", log[i].Path, after)
		}
	}
}
