package lab_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"

	"github.com/fallow-network/fallow/router/lab"
)

func newGoDocs(t *testing.T) *lab.GoDocs {
	t.Helper()
	docs, err := lab.NewGoDocs(t.Context(), lab.GoDocsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func TestGoDocsStartsFast(t *testing.T) {
	t.Parallel()
	start := time.Now()
	docs := newGoDocs(t)
	took := time.Since(start)
	stats := docs.Stats()
	t.Logf("%+v in %v", stats, took)
	if took > time.Second {
		t.Errorf("listing took %v, want under 1 s", took)
	}
	if stats.Allowed < 200 || stats.Forbidden < 100 || stats.Duplicates < 20 || stats.Redirects == 0 || stats.Missing == 0 {
		t.Errorf("the site is too small: %+v", stats)
	}
}

// A breadth-first crawl that keeps the rules reaches every allowed page.
func TestGoDocsIsReachable(t *testing.T) {
	t.Parallel()
	docs := newGoDocs(t)
	site, client := newNetwork(t, "docs.fallow.test", docs)
	rules := docs.Rules()
	bodies := make(map[string]string)
	var missing, redirects int
	queue, seen := []string{"/"}, map[string]bool{"/": true}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		res, body := get(t, client, strings.TrimSuffix(site.URL(), "/")+path)
		var found []string
		switch res.StatusCode {
		case http.StatusOK:
			if path == "/sitemap.xml" {
				continue
			}
			bodies[path] = string(body)
			found = hrefs(t, body)
		case http.StatusNotFound:
			missing++
		case http.StatusMovedPermanently:
			redirects++
			found = []string{res.Header.Get("Location")}
		default:
			t.Fatalf("%s answers %d", path, res.StatusCode)
		}
		for _, ref := range found {
			next := resolve(t, path, ref)
			if next != "" && !seen[next] && rules.Allowed(next) {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if got := site.Disallowed(rules); len(got) != 0 {
		t.Errorf("%d forbidden requests", len(got))
	}
	stats := docs.Stats()
	if missing != stats.Missing || redirects != stats.Redirects {
		t.Errorf("met %d dead links and %d redirects, want %d and %d", missing, redirects, stats.Missing, stats.Redirects)
	}
	distinct := make(map[string]string)
	short := 0
	for path, body := range bodies {
		if other, twice := distinct[body]; twice && !strings.HasPrefix(path, "/mirror/") && !strings.HasPrefix(other, "/mirror/") {
			t.Errorf("%s and %s are equal", path, other)
		}
		distinct[body] = path
		if len(body) < 4000 {
			short++
		}
	}
	if len(distinct) < 200 || len(distinct) != stats.Allowed || len(bodies) != stats.Allowed+stats.Duplicates {
		t.Errorf("%d pages, %d distinct; the site claims %+v", len(bodies), len(distinct), stats)
	}
	for copied, original := range docs.Duplicates() {
		if a, b := bodies[copied], bodies[original]; a == "" || a != b {
			t.Errorf("%s differs from %s", copied, original)
		}
	}
	t.Logf("%d pages, %d distinct, %d under 4 kB", len(bodies), len(distinct), short)
}

// The sitemap, the rules and the index pages speak of the same pages.
func TestGoDocsSitemapAgreesWithRules(t *testing.T) {
	t.Parallel()
	docs := newGoDocs(t)
	site, client := newNetwork(t, "docs.fallow.test", docs)
	_, body := get(t, client, site.URL()+"sitemap.xml")
	var set struct {
		URLs []struct {
			Loc string `xml:"loc"`
		} `xml:"url"`
	}
	if err := xml.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	linked := make(map[string]bool)
	for _, path := range []string{"", "pkg", "mirror"} {
		_, page := get(t, client, site.URL()+path)
		for _, ref := range hrefs(t, page) {
			linked[resolve(t, "/", ref)] = true
		}
	}
	var paths []string
	for _, u := range set.URLs {
		path := "/" + strings.TrimPrefix(u.Loc, site.URL())
		paths = append(paths, path)
		if !docs.Rules().Allowed(path) {
			t.Errorf("the sitemap lists %s, which is forbidden", path)
		}
		if !linked[path] {
			t.Errorf("no index page links to %s", path)
		}
	}
	if len(paths) != docs.Stats().Allowed || !slices.Equal(paths, docs.AllowedPaths()) {
		t.Errorf("the sitemap lists %d pages, want %d", len(paths), docs.Stats().Allowed)
	}
	_, robots := get(t, client, site.URL()+"robots.txt")
	if !strings.Contains(string(robots), "Sitemap: "+site.URL()+"sitemap.xml\n") {
		t.Errorf("robots.txt names no sitemap:\n%s", robots)
	}
}

func TestGoDocsOddPages(t *testing.T) {
	t.Parallel()
	docs := newGoDocs(t)
	site, client := newNetwork(t, "docs.fallow.test", docs)

	res, body := get(t, client, site.URL()+"pkg/strconv")
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(body)
	if err != nil || res.Header.Get("Content-Type") != "text/html; charset=windows-1252" ||
		!bytes.Contains(body, []byte("Fallow\x92s")) || !bytes.Contains(decoded, []byte("Fallow’s")) {
		t.Errorf("strconv is not in windows-1252: %v, %v", res.Header, err)
	}
	if !bytes.Contains(body, []byte("ParseFloat")) {
		t.Error("strconv has no text")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL()+"pkg/net/http", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	zipped, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer zipped.Body.Close()
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.ContentLength <= 0 {
		t.Errorf("net/http comes as %v", zipped.Header)
	}
	if _, body := get(t, client, site.URL()+"pkg/testing/iotest"); !bytes.Contains(body, []byte(`<meta name="robots" content="noindex">`)) {
		t.Error("iotest has no noindex")
	}
	if res, _ := get(t, client, site.URL()+"pkg/encoding/ascii85"); res.Header.Get("X-Robots-Tag") != "noai, noimageai" {
		t.Errorf("ascii85 comes with %v", res.Header)
	}
	_, fmtPage := get(t, client, site.URL()+"pkg/fmt")
	for _, want := range []string{"Package fmt implements formatted I/O", "func Printf", "Example", `href="/pkg/io`, "utm_source="} {
		if !bytes.Contains(fmtPage, []byte(want)) {
			t.Errorf("the page of fmt lacks %q", want)
		}
	}
	for _, path := range []string{"internal/fmt", "pkg/internal/abi", "mirror/none", "pkg/none", "none"} {
		if res, _ := get(t, client, site.URL()+path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %d, want 404", path, res.StatusCode)
		}
	}
}

func TestGoDocsWithoutASourceTree(t *testing.T) {
	_, err := lab.NewGoDocs(t.Context(), lab.GoDocsConfig{Goroot: t.TempDir()})
	if err == nil {
		t.Error("an empty folder is a source tree")
	}
	t.Setenv("FALLOW_GOROOT", t.TempDir())
	_, err = lab.NewGoDocs(t.Context(), lab.GoDocsConfig{})
	if !errors.Is(err, lab.ErrNoGoroot) || !strings.Contains(err.Error(), "FALLOW_GOROOT") {
		t.Errorf("got %v", err)
	}
}

// Trees other than the toolchain's work too: build tags, broken files, links.
func TestGoDocsOfAnyTree(t *testing.T) {
	t.Parallel()
	real := t.TempDir()
	for name, text := range map[string]string{
		"fmt/fmt.go":                  "// Package fmt is ours.\npackage fmt\n\n// F does <b>not</b> bite, see [only/other.G].\nfunc F() {}\n",
		"fmt/broken.go":               "package fmt\nfunc {",
		"only/other/x.go":             "//go:build never\n\n// Package other is never built.\npackage other\n\n// G.\nfunc G() {}\n",
		"only/internal/y.go":          "package internal\n",
		"vendor/example.org/lib/z.go": "// Package lib is vendored.\npackage lib\n",
		"empty/testdata/t.go":         "package t\n",
	} {
		path := filepath.Join(real, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goroot := t.TempDir()
	if err := os.Symlink(real, filepath.Join(goroot, "src")); err != nil {
		t.Fatal(err)
	}
	docs, err := lab.NewGoDocs(t.Context(), lab.GoDocsConfig{Goroot: goroot})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/", "/pkg", "/mirror", "/pkg/example.org", "/pkg/only", "/pkg/example.org/lib", "/pkg/fmt", "/pkg/only/other"}
	if got := docs.AllowedPaths(); !slices.Equal(got, want) {
		t.Errorf("pages are %v, want %v", got, want)
	}
	site, client := newNetwork(t, "docs.test", docs)
	_, page := get(t, client, site.URL()+"pkg/fmt")
	if !bytes.Contains(page, []byte("&lt;b&gt;not")) || !bytes.Contains(page, []byte(`href="/pkg/only/other#G"`)) {
		t.Errorf("the page of fmt is\n%s", page)
	}
	if _, page := get(t, client, site.URL()+"pkg/only/other"); !bytes.Contains(page, []byte("never built")) {
		t.Errorf("the page of only/other is\n%s", page)
	}
}

// hrefs are the targets of a page's <a> elements.
func hrefs(t *testing.T, body []byte) []string {
	t.Helper()
	var out []string
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.StartTagToken:
			token := z.Token()
			for _, a := range token.Attr {
				if token.Data == "a" && a.Key == "href" {
					out = append(out, a.Val)
				}
			}
		}
	}
}

// resolve is a reference as a path without fragment and tracking parameters,
// empty when it leads elsewhere.
func resolve(t *testing.T, from, ref string) string {
	t.Helper()
	base := &url.URL{Path: from}
	u, err := base.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	if u.Host != "" {
		return ""
	}
	q := u.Query()
	for key := range q {
		if strings.HasPrefix(key, "utm_") {
			q.Del(key)
		}
	}
	u.RawQuery, u.Fragment = q.Encode(), ""
	return u.String()
}
