package page_test

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"golang.org/x/net/html"

	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/page"
)

// BenchmarkPage compares both modes with the bare parser on one generated page
// of 60 KB, 60 links, in English.
func BenchmarkPage(b *testing.B) {
	small := lab.NewSmall(lab.SmallConfig{Pages: 1000, PageBytes: 60 << 10, Links: 60})
	w := httptest.NewRecorder()
	small.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), "GET", "https://small.test/p/8", nil))
	in := page.Input{Body: w.Body.Bytes(), ContentType: w.Header().Get("Content-Type"), URL: "https://small.test/p/8"}
	b.Run("html.Parse", func(b *testing.B) {
		b.SetBytes(int64(len(in.Body)))
		for b.Loop() {
			if _, err := html.Parse(bytes.NewReader(in.Body)); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, mode := range []page.Mode{page.Fast, page.Full} {
		b.Run(mode.String(), func(b *testing.B) {
			b.SetBytes(int64(len(in.Body)))
			for b.Loop() {
				if _, err := page.Parse(in, page.Options{Mode: mode}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
