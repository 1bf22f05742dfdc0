package page_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"golang.org/x/net/html"

	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/page"
)

// BenchmarkPage is pages per CPU-second of Parse in both modes, on pages of an
// ordinary publisher and on such that are nearly all text. The floors are x/net's
// tokenizer over the same bytes, asked for the links, and its parser, whose tree
// full needs before it can begin.
func BenchmarkPage(b *testing.B) {
	magazine := func(size int) http.Handler {
		return lab.NewMagazine(lab.MagazineConfig{Pages: 1000, PageBytes: size})
	}
	prose := lab.NewSmall(lab.SmallConfig{Pages: 1000, PageBytes: 60 << 10, Links: 60})
	for _, load := range []struct {
		name string
		site http.Handler
	}{{"magazine-60KB", magazine(60 << 10)}, {"magazine-240KB", magazine(240 << 10)}, {"prose-60KB", prose}} {
		var pages []page.Input // one of each language
		for _, path := range []string{"/p/8", "/p/9", "/p/10", "/p/11"} {
			w := httptest.NewRecorder()
			load.site.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", "https://small.test"+path, nil))
			pages = append(pages, page.Input{Body: w.Body.Bytes(), ContentType: w.Header().Get("Content-Type"), URL: "https://small.test" + path})
		}
		b.Run(load.name, func(b *testing.B) {
			for name, read := range map[string]func(page.Input) error{
				"floor-tokenizer": func(in page.Input) error { tokens(in.Body); return nil },
				"floor-parse":     func(in page.Input) error { _, err := html.Parse(bytes.NewReader(in.Body)); return err },
				"fallow-fast":     func(in page.Input) error { _, err := page.Parse(in, page.Options{Mode: page.Fast}); return err },
				"fallow-full":     func(in page.Input) error { _, err := page.Parse(in, page.Options{Mode: page.Full}); return err },
			} {
				b.Run(name, func(b *testing.B) {
					began, n := cpuSeconds(b), 0
					for b.Loop() {
						if err := read(pages[n%len(pages)]); err != nil {
							b.Fatal(err)
						}
						n++
					}
					b.ReportMetric(float64(n)/(cpuSeconds(b)-began), "pages/cpu-s")
				})
			}
		})
	}
}

func tokens(body []byte) (links int) {
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return links
		case html.StartTagToken:
			if name, more := z.TagName(); len(name) == 1 && name[0] == 'a' {
				for more {
					_, _, more = z.TagAttr()
					links++
				}
			}
		}
	}
}

// cpuSeconds is the CPU time of this process so far.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
