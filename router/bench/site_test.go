package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

// siteHost is the name of the site that everything is fetched from.
const siteHost = "bench.fallow.test"

// siteConfig is the site's role: pages to crawl, and bytes to carry.
type siteConfig struct {
	CA        string // file to write the authority's certificate to
	Pages     int
	PageBytes int
	Shape     shape
}

// shape is what the pages are like.
type shape string

const (
	// shapeMagazine is the mark-up of an ordinary publisher: a tenth of a page of
	// 60 KB is text, a quarter of one of 240 KB.
	shapeMagazine shape = "magazine"
	// shapeProse is nearly all text, in four scripts.
	shapeProse shape = "prose"
	// shapeDocs is Go's documentation, its pages as they are.
	shapeDocs shape = "docs"
)

type siteReady struct {
	URL  string
	Addr string
	DNS  string
}

func playSite(config []byte) (part, error) {
	var cfg siteConfig
	if err := json.Unmarshal(config, &cfg); err != nil {
		return part{}, err
	}
	ca, err := lab.NewCA(time.Now)
	if err != nil {
		return part{}, err
	}
	if err := ca.WriteFile(cfg.CA); err != nil {
		return part{}, err
	}
	dns, err := lab.ServeDNS(lab.DefaultDNSConfig())
	if err != nil {
		return part{}, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/bytes/{n}", serveBytes)
	var pages http.Handler
	switch cfg.Shape {
	case shapeMagazine:
		pages = lab.NewMagazine(lab.MagazineConfig{Seed: 1, Pages: cfg.Pages, PageBytes: cfg.PageBytes})
	case shapeDocs:
		if pages, err = lab.NewGoDocs(context.Background(), lab.GoDocsConfig{}); err != nil {
			return part{}, err
		}
	default:
		pages = lab.NewSmall(lab.SmallConfig{
			Seed: 1, Pages: cfg.Pages, PageBytes: cfg.PageBytes, Links: 60, ClosedEvery: -1,
		})
	}
	mux.Handle("/", pages)
	site, err := lab.ServeSite(ca, lab.SiteConfig{Hosts: []string{siteHost}, Handler: mux})
	if err != nil {
		return part{}, err
	}
	return part{
		ready: siteReady{URL: site.URL(), Addr: site.Addr(), DNS: dns.Addr()},
		stop:  func() error { return errors.Join(site.Close(), dns.Close()) },
	}, nil
}

var zeros [32 << 10]byte

// serveBytes answers with n bytes.
func serveBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for n > 0 {
		wrote, err := w.Write(zeros[:min(n, len(zeros))])
		if err != nil {
			return // the client is gone
		}
		n -= wrote
	}
}
