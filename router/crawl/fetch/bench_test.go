package fetch_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/gocolly/colly/v2"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFetch fetches a page of 60 KB over local TLS with keep-alive: by a
// plain http.Client that reads and discards, which is the floor, and by Fetch.
// The server's share is in all figures alike.
func BenchmarkFetch(b *testing.B) {
	body := gibberish(60 << 10)
	for _, h2 := range []bool{false, true} {
		url, tr := server(b, h2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			_, _ = w.Write(body)
		})
		measure := func(name string, fetch func() error) {
			b.Run(fmt.Sprintf("%s/h2=%v", name, h2), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				start := cpu()
				for b.Loop() {
					if err := fetch(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(cpu()-start)/float64(b.N)/1e3, "cpu-us/op")
			})
		}
		client := &http.Client{Transport: tr}
		measure("floor", func() error {
			resp, err := client.Get(url)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		})
		f := newFetcher(fetch.Limits{})
		measure("fetch", func() error {
			_, err := f.Fetch(context.Background(), tr, url)
			return err
		})
		c := colly.NewCollector(colly.AllowURLRevisit())
		c.WithTransport(tr)
		measure("stock colly", func() error { return c.Visit(url) })
	}
}

// BenchmarkCollector compares the two ways to a collector of one's own.
func BenchmarkCollector(b *testing.B) {
	base := colly.NewCollector()
	b.Run("clone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = base.Clone()
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = colly.NewCollector()
		}
	})
}
