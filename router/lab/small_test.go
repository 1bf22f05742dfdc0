package lab_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/lab"
)

func serve(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://small.test"+path, nil))
	return w.Code, w.Body.String()
}

func TestSmallTellsTheTruth(t *testing.T) {
	t.Parallel()
	small := lab.NewSmall(lab.SmallConfig{Seed: 7, Pages: 203})
	truth := small.Truth()
	if len(truth.Distinct) != 204 || len(truth.Duplicates) != 20 || len(truth.Disallowed) != 20 {
		t.Fatalf("truth has %d, %d, %d", len(truth.Distinct), len(truth.Duplicates), len(truth.Disallowed))
	}
	reached := make(map[string]string)
	queue := []string{"/"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if _, seen := reached[path]; seen || !small.Rules().Allowed(path) || path == "/sitemap.xml" {
			continue
		}
		code, body := serve(t, small, path)
		if code != http.StatusOK {
			t.Fatalf("%s answers %d", path, code)
		}
		reached[path] = body
		for _, ref := range hrefs(t, []byte(body)) {
			queue = append(queue, resolve(t, path, ref))
		}
	}
	texts := make(map[string]string)
	for _, path := range truth.Distinct {
		body, ok := reached[path]
		if !ok {
			t.Errorf("%s cannot be reached", path)
		}
		if other, twice := texts[body]; twice {
			t.Errorf("%s and %s are equal", path, other)
		}
		texts[body] = path
	}
	for copied, original := range truth.Duplicates {
		if reached[copied] == "" || reached[copied] != reached[original] {
			t.Errorf("%s is no copy of %s", copied, original)
		}
	}
	if want := len(truth.Distinct) + len(truth.Duplicates); len(reached) != want {
		t.Errorf("reached %d pages, truth knows %d", len(reached), want)
	}
	for _, path := range truth.Disallowed {
		if code, _ := serve(t, small, path); code != http.StatusOK || small.Rules().Allowed(path) {
			t.Errorf("%s answers %d and allowed is %v", path, code, small.Rules().Allowed(path))
		}
	}
}

func TestSmallIsDeterministic(t *testing.T) {
	t.Parallel()
	cfg := lab.SmallConfig{Seed: 3, Pages: 20, PageBytes: 60 << 10, Links: 60}
	_, a := serve(t, lab.NewSmall(cfg), "/p/5")
	_, b := serve(t, lab.NewSmall(cfg), "/p/5")
	if a != b {
		t.Error("one seed, two pages")
	}
	if len(a) < 59<<10 || len(a) > 62<<10 {
		t.Errorf("the page has %d bytes, want about %d", len(a), cfg.PageBytes)
	}
	cfg.Seed = 4
	if _, c := serve(t, lab.NewSmall(cfg), "/p/5"); a == c {
		t.Error("two seeds, one page")
	}
	for _, path := range []string{"/p/20", "/p/-1", "/p/05", "/copy/0", "/closed/0", "/p/x", "/none"} {
		if code, _ := serve(t, lab.NewSmall(cfg), path); code != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", path, code)
		}
	}
	if _, body := serve(t, lab.NewSmall(cfg), "/sitemap.xml"); strings.Count(body, "<loc>") != 21 {
		t.Errorf("sitemap is\n%s", body)
	}
}

func BenchmarkSmallPage(b *testing.B) {
	small := lab.NewSmall(lab.SmallConfig{Pages: 1000, PageBytes: 60 << 10, Links: 60})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "https://small.test/p/8", nil)
	for b.Loop() {
		w := httptest.NewRecorder()
		w.Body = &bytes.Buffer{}
		small.ServeHTTP(w, r)
		b.SetBytes(int64(w.Body.Len()))
	}
}
