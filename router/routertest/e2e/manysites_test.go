//go:build e2e && linux

package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
)

// manySites is a crawl over many sites at once.
type manySites struct {
	*network
	sites []*lab.Site
	small []*lab.Small
	job   string
	pages int64 // that there are in all, copies included

	rss map[int]int // MB resident, by percent of the pages done
}

// scale is how large the crawl over many sites is: FALLOW_SITES by FALLOW_SITE_PAGES,
// as many as 500 by 200, or what fits beside other tests.
func scale(t *testing.T) (sites, pages, nodes, kills int) {
	sites, pages, nodes, kills = 40, 12, 5, 2
	if soak(t) > 1 {
		sites, pages, nodes, kills = 500, 180, 20, 20
	}
	for name, into := range map[string]*int{
		"FALLOW_SITES": &sites, "FALLOW_SITE_PAGES": &pages, "FALLOW_NODES": &nodes, "FALLOW_KILLS": &kills,
	} {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			*into = n
		}
	}
	return sites, pages, nodes, kills
}

// A crawl over many sites with a fleet of nodes, whose router is killed again and
// again in its first half: by the sites' own logs nothing forbidden was asked for;
// every text is one record, none is lost and none is there twice; and the router's
// memory does not grow with what it has fetched.
func TestManySites(t *testing.T) {
	sites, pages, nodes, kills := scale(t)
	c := &manySites{
		network: newNetwork(t, "FALLOW_CRAWL_SHARD_ROWS=2000", "FALLOW_CRAWL_SHARD_AGE=2s"), rss: map[int]int{},
	}
	c.build(sites, pages)
	c.up(nodes)
	began := time.Now()
	c.submit()
	c.killTimes(kills)
	j := c.watch()
	t.Logf("%d pages of %d sites through %d nodes, %d kills, in %s; MB resident by percent done: %v",
		j.Counts.Pages, sites, nodes, kills, time.Since(began).Round(time.Second), c.rss)
	c.judge(j)
	// What grows in the second half would go on growing.
	if early, late := c.rss[60], c.rss[100]; pages*sites > 10_000 && late > early+early/4+32 {
		t.Errorf("%d MB resident at 60 %% of the pages, %d MB at the end", early, late)
	}
}

// The same with the floors on at a twentieth: no site is asked twice at once, and
// each in its rhythm, across all nodes.
func TestManySitesPolitely(t *testing.T) {
	const gap = 50 * time.Millisecond
	c := &manySites{network: newNetwork(t, "FALLOW_POLITE="+gap.String(), "FALLOW_CRAWL_SHARD_AGE=2s"), rss: map[int]int{}}
	c.build(25, 10)
	c.up(5)
	c.submit()
	j := c.watch()
	c.judge(j)
	for _, site := range c.sites {
		log := site.Log()
		m := lab.JudgeManners(log)
		if len(m) != 1 || m[0].MaxConcurrent > 1 {
			t.Errorf("%+v", m)
		}
		if took, least := log[len(log)-1].Start.Sub(log[0].Start), time.Duration(len(log)-1)*gap*9/10; took < least {
			t.Errorf("%d requests to %s within %s, want at least %s", len(log), log[0].Host, took, least)
		}
	}
}

func (c *manySites) build(sites, pages int) {
	c.t.Helper()
	for i := range sites {
		host := fmt.Sprintf("site%d.test", i)
		if err := c.dns.Set(host, netip.MustParseAddr("127.0.0.1")); err != nil {
			c.t.Fatal(err)
		}
		small := lab.NewSmall(lab.SmallConfig{Seed: uint64(i) + 1, Pages: pages, PageBytes: 1500})
		site, err := lab.ServeSite(c.ca, lab.SiteConfig{Hosts: []string{host}, Handler: small, LogEntries: 20 * pages})
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { _ = site.Close() })
		c.sites, c.small = append(c.sites, site), append(c.small, small)
		c.pages += int64(pages + pages/10 + 1)
	}
}

func (c *manySites) submit() {
	c.t.Helper()
	ask := api.NewJob{Dataset: "many", Purpose: "test", Scope: "site", MaxPages: 2*c.pages + 10_000, Near: 1}
	for _, s := range c.sites {
		ask.Seeds = append(ask.Seeds, s.URL())
	}
	var err error
	if c.job, err = c.api.Submit(c.t.Context(), ask); err != nil {
		c.t.Fatal(err)
	}
}

// killTimes kills the router evenly over the first half of the crawl.
func (c *manySites) killTimes(kills int) {
	for i := range kills {
		goal := c.pages * int64(i+1) / int64(2*kills+2)
		c.until(30*time.Minute, "the crawl moves", func(ctx context.Context) (bool, error) {
			j, err := c.api.Job(ctx, c.job)
			return j.Counts.Pages >= goal || j.Final(), err
		})
		time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Millisecond))))
		c.router.kill()
		c.startRouter()
	}
}

// watch notes the router's memory while the crawl goes on, and returns the job when
// it has ended.
func (c *manySites) watch() api.Job {
	var last api.Job
	c.until(2*time.Hour, "the crawl ends", func(ctx context.Context) (bool, error) {
		j, err := c.api.Job(ctx, c.job)
		if err != nil {
			return false, err
		}
		last = j
		percent := int(min(100, 100*j.Counts.Pages/c.pages)) / 10 * 10
		if j.Final() {
			percent = 100
		}
		if _, known := c.rss[percent]; !known || percent == 100 {
			c.rss[percent] = residentMB(c.t, c.router.cmd.Process.Pid)
		}
		return j.Final(), nil
	})
	return last
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

func residentMB(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := residentLine.FindSubmatch(status)
	if m == nil {
		t.Fatalf("no resident size in %s", status)
	}
	kb, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb >> 10
}

// judge holds the dataset against the truth of every site.
func (c *manySites) judge(j api.Job) {
	c.t.Helper()
	type place struct{ host, path string }
	times := map[place]int{}
	want := map[place]bool{}
	copies := map[place]place{}
	duplicates, forbidden := 0, 0
	for i, small := range c.small {
		host, truth := fmt.Sprintf("site%d.test", i), small.Truth()
		for _, path := range truth.Distinct {
			want[place{host, path}] = true
		}
		for path, original := range truth.Duplicates {
			copies[place{host, path}] = place{host, original}
		}
		duplicates += len(truth.Duplicates)
		forbidden += len(truth.Disallowed)
		obeyed(c.t, c.sites[i], small.Rules())
	}
	for _, r := range records(c.t, j) {
		at := place{r.Host, requestURI(c.t, r.URL)}
		if original, copied := copies[at]; copied {
			at = original
		}
		times[at]++
	}
	lost, doubled := 0, 0
	for at := range want {
		switch times[at] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	if lost+doubled > 0 || len(times) != len(want) {
		c.t.Errorf("of %d texts %d are lost and %d are there more than once; %d others", len(want), lost, doubled, len(times)-len(want)+lost)
	}
	if got := j.Counts.Duplicates.Exact; got != int64(duplicates) {
		c.t.Errorf("%d duplicates were dropped, want %d", got, duplicates)
	}
	if got := j.Counts.Forbidden; got != int64(forbidden) {
		c.t.Errorf("%d addresses counted as forbidden, want %d", got, forbidden)
	}
	accountedFor(c.t, j)
}
