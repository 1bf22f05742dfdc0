package bench_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gocolly/colly/v2"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/page"
)

// inFlight is how many pages are fetched at once, by us and by colly.
const inFlight = 16

// BenchmarkCrawl is pages per CPU-second of the router's process alone, from the
// job's submission to the published dataset: gate, frontier, tunnels through
// three nodes, links, duplicates, Parquet and receipts. The peer is colly as its
// documentation shows it, following links by OnHTML, on the same pages directly.
//
// Mode fast does what colly does and more; mode full, the default, also
// extracts each page's main text.
//
// Pages come in three shapes. A magazine is marked up as publishers do; that is
// what the comparison is about. Prose is nearly all text with hardly an element
// between, which favours colly: it builds a tree of few nodes and does nothing
// with the text, while we clean, digest, tell the language of and store every
// byte. The documentation's pages are real ones.
//
// The peer's pool of idle connections has room for every fetch; as it comes, with
// room for two, colly dials all the time, which is "peer-colly-default-pool".
func BenchmarkCrawl(b *testing.B) {
	for _, load := range []struct {
		name string
		site siteConfig
	}{
		{"magazine-60KB", siteConfig{Shape: shapeMagazine, Pages: 1000, PageBytes: 60 << 10}},
		{"magazine-240KB", siteConfig{Shape: shapeMagazine, Pages: 300, PageBytes: 240 << 10}},
		{"prose-60KB", siteConfig{Shape: shapeProse, Pages: 1000, PageBytes: 60 << 10}},
		{"prose-240KB", siteConfig{Shape: shapeProse, Pages: 300, PageBytes: 240 << 10}},
		{"godocs", siteConfig{Shape: shapeDocs}},
	} {
		b.Run(load.name, func(b *testing.B) {
			b.Run("peer-colly", func(b *testing.B) { crawlWithColly(b, load.site, inFlight) })
			b.Run("peer-colly-default-pool", func(b *testing.B) { crawlWithColly(b, load.site, http.DefaultMaxIdleConnsPerHost) })
			b.Run("fallow-fast", func(b *testing.B) { crawl(b, load.site, page.Fast) })
			b.Run("fallow-full", func(b *testing.B) { crawl(b, load.site, page.Full) })
		})
	}
}

func crawl(b *testing.B, load siteConfig, mode page.Mode) {
	dir := b.TempDir()
	var pagesDone, cpu, peak float64
	for i := range b.N {
		dir := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		var site siteReady
		load.CA = filepath.Join(dir, "ca.pem")
		defer start(b, "site", load, &site).stop()
		var ready routerReady
		router := start(b, "router", routerConfig{Dir: filepath.Join(dir, "router"), CA: load.CA, Mode: mode, Fetches: inFlight}, &ready)
		for n := range 3 {
			defer start(b, "node", nodeConfig{Dir: filepath.Join(dir, fmt.Sprint("node", n)), Routers: ready.Nodes, DNS: site.DNS}, nil).stop()
		}
		client := clientOf(b, ready, 3)
		spent := watch(router)
		job := finished(b, client, site.URL)
		cpu += spent.seconds()
		pagesDone += float64(job.Counts.Pages)
		all, _ := router.memory()
		peak = max(peak, all)
		checkCrawl(b, job, load)
		router.stop()
	}
	reportCrawl(b, pagesDone, cpu, peak)
}

func reportCrawl(b *testing.B, pages, cpu, peak float64) {
	b.ReportMetric(pages/cpu, "pages/cpu-s")
	b.ReportMetric(1000*cpu/pages, "cpu-ms/page")
	b.ReportMetric(peak/(1<<20), "MB-RSS")
}

// clientOf waits until count nodes share.
func clientOf(b testing.TB, ready routerReady, count int) *api.Client {
	b.Helper()
	client, err := api.NewClient(ready.API)
	if err != nil {
		b.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		nodes, err := client.Nodes(b.Context(), api.Page{})
		if err != nil {
			b.Fatal(err)
		}
		if nodes.Sharing >= count {
			return client
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d nodes within a minute", nodes.Sharing, count)
		}
	}
}

// finished runs a job over the whole site.
func finished(b testing.TB, client *api.Client, url string) api.Job {
	b.Helper()
	id, err := client.Submit(b.Context(), api.NewJob{Dataset: "bench", Purpose: "a benchmark", Scope: "host", Seeds: []string{url}})
	if err != nil {
		b.Fatal(err)
	}
	for {
		job, err := client.Job(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		if job.Final() {
			return job
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// checkCrawl makes sure that the figures stand for a whole crawl: every page, and
// every copy found out.
func checkCrawl(b testing.TB, job api.Job, load siteConfig) {
	b.Helper()
	records, copies := int64(load.Pages), int64(1) // a magazine's front page is its first page
	if load.Shape == shapeProse {
		records, copies = records+1, records/10
	}
	whole := job.Counts.Records == records && job.Counts.Duplicates.Exact == copies
	if load.Shape == shapeDocs {
		whole = job.Counts.Records > 0 && len(job.Counts.Failed) == 0
	}
	if job.State != "done" || !whole {
		b.Fatalf("the crawl of %+v is %s with %+v", load, job.State, job.Counts)
	}
}

func crawlWithColly(b *testing.B, load siteConfig, idle int) {
	dir := b.TempDir()
	var pagesDone, cpu, peak float64
	for range b.N {
		var site siteReady
		load.CA = filepath.Join(dir, "ca.pem")
		defer start(b, "site", load, &site).stop()
		peer := start(b, "colly", collyConfig{CA: load.CA, Site: site, Idle: idle}, nil)
		spent := watch(peer)
		var fetched int64
		peer.ask("work", &fetched)
		cpu += spent.seconds()
		pagesDone += float64(fetched)
		all, _ := peer.memory()
		peak = max(peak, all)
		if fetched < int64(load.Pages) {
			b.Fatalf("colly fetched %d of %d pages", fetched, load.Pages)
		}
		peer.stop()
	}
	reportCrawl(b, pagesDone, cpu, peak)
}

// collyConfig is the peer's role.
type collyConfig struct {
	CA   string
	Site siteReady
	Idle int // connections kept
}

func playColly(config []byte) (part, error) {
	var told collyConfig
	if err := json.Unmarshal(config, &told); err != nil {
		return part{}, err
	}
	transport, err := directTransport(told.CA, told.Site.Addr)
	if err != nil {
		return part{}, err
	}
	transport.MaxIdleConnsPerHost = told.Idle
	return part{work: func() (any, error) { return runColly(transport, told.Site.URL) }}, nil
}

// runColly is the crawl of colly's documentation, with as many fetches at once
// as ours has. Pages count each time they are fetched: without locking, colly
// fetches some twice.
func runColly(transport http.RoundTripper, url string) (int64, error) {
	var pages atomic.Int64
	c := colly.NewCollector(colly.Async(true))
	c.WithTransport(transport)
	if err := c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: inFlight}); err != nil {
		return 0, err
	}
	c.OnResponse(func(*colly.Response) { pages.Add(1) })
	c.OnError(func(*colly.Response, error) { pages.Add(1) })                                // dead links, and redirects to pages it has seen
	c.OnHTML("a[href]", func(e *colly.HTMLElement) { _ = e.Request.Visit(e.Attr("href")) }) // refuses what it has seen
	if err := c.Visit(url); err != nil {
		return 0, err
	}
	c.Wait()
	return pages.Load(), nil
}

// directTransport reaches the site without a node. Its pool holds a connection
// for each fetch, where the default of two would dial all the time.
func directTransport(caFile, address string) (*http.Transport, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + caFile)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.MaxIdleConnsPerHost = inFlight
	t.DialContext = dialTo(address)
	return t, nil
}
