package lab

import (
	"cmp"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// SmallConfig configures a generated site. The same values make the same site,
// byte for byte.
type SmallConfig struct {
	// Seed of everything random.
	Seed uint64
	// Pages with a text of their own. Default 50.
	Pages int
	// PageBytes is about how long a page's HTML is. Default 4,096.
	PageBytes int
	// Links from each page to random others. Default 8.
	Links int
	// CopyEvery: one in that many pages is also served under /copy/. Default
	// 10; negative for none.
	CopyEvery int
	// ClosedEvery: one in that many pages links to a page under /closed/,
	// which robots.txt forbids. Default 10; negative for none.
	ClosedEvery int
}

// DefaultSmallConfig is fifty pages of 4 KiB with five copies and five closed
// pages.
func DefaultSmallConfig() SmallConfig {
	return SmallConfig{Seed: 1, Pages: 50, PageBytes: 4096, Links: 8, CopyEvery: 10, ClosedEvery: 10}
}

// Small is an http.Handler: a site whose pages are made up when asked for, in
// English, Russian, German and Japanese by turns. Pages are /p/0 to /p/N-1; /
// links to /p/0, page i to 2i+1 and 2i+2, so that all can be reached. It keeps
// no state and is safe for concurrent use.
type Small struct {
	cfg SmallConfig
}

// Truth is what a crawl of a Small site must find. All are paths.
type Truth struct {
	// Distinct are the pages with a text of their own, the home page first.
	Distinct []string
	// Duplicates maps a path to the page whose text it repeats.
	Duplicates map[string]string
	// Disallowed exist, are linked and are forbidden.
	Disallowed []string
	// Language maps a distinct path to FineWeb-2's code, such as "eng_Latn".
	Language map[string]string
}

// NewSmall fills in the defaults.
func NewSmall(cfg SmallConfig) *Small {
	d := DefaultSmallConfig()
	cfg.Pages = cmp.Or(cfg.Pages, d.Pages)
	cfg.PageBytes = cmp.Or(cfg.PageBytes, d.PageBytes)
	cfg.Links = cmp.Or(cfg.Links, d.Links)
	cfg.CopyEvery = cmp.Or(cfg.CopyEvery, d.CopyEvery)
	cfg.ClosedEvery = cmp.Or(cfg.ClosedEvery, d.ClosedEvery)
	return &Small{cfg: cfg}
}

// Rules is what /robots.txt says.
func (s *Small) Rules() Rules {
	return Rules{Disallow: []string{"/closed/"}, Sitemap: "/sitemap.xml"}
}

// Truth lists the whole site; it takes memory in proportion to Pages.
func (s *Small) Truth() Truth {
	t := Truth{
		Distinct:   []string{"/"},
		Duplicates: make(map[string]string),
		Language:   map[string]string{"/": "eng_Latn"},
	}
	for i := range s.cfg.Pages {
		own := "/p/" + strconv.Itoa(i)
		t.Distinct = append(t.Distinct, own)
		in := tongues[i%len(tongues)]
		t.Language[own] = in.code + "_" + in.script
		if every(s.cfg.CopyEvery, i) {
			t.Duplicates["/copy/"+strconv.Itoa(i)] = own
		}
		if every(s.cfg.ClosedEvery, i) {
			t.Disallowed = append(t.Disallowed, "/closed/"+strconv.Itoa(i))
		}
	}
	return t
}

// every picks the last of each n.
func every(n, i int) bool { return n > 0 && i%n == n-1 }

// ServeHTTP answers any method like GET.
func (s *Small) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	contentType := "text/html; charset=utf-8"
	var body string
	folder, number, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	i, err := strconv.Atoi(number)
	known := err == nil && i >= 0 && i < s.cfg.Pages && number == strconv.Itoa(i)
	switch {
	case r.URL.Path == "/robots.txt":
		contentType, body = "text/plain; charset=utf-8", s.Rules().Text(origin(r))
	case r.URL.Path == "/sitemap.xml":
		contentType, body = "application/xml", sitemap(origin(r), s.Truth().Distinct)
	case r.URL.Path == "/":
		body = s.page(tongues[0], rand.New(rand.NewPCG(s.cfg.Seed, 0)), "The front page", []string{"/p/0", "/sitemap.xml"})
	case known && folder == "p", known && folder == "copy" && every(s.cfg.CopyEvery, i):
		body = s.numbered(i)
	case known && folder == "closed" && every(s.cfg.ClosedEvery, i):
		body = s.page(tongues[0], rand.New(rand.NewPCG(s.cfg.Seed, ^uint64(i))), "Closed "+number, []string{"/"})
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write([]byte(body)) // the client is gone; the log has it
}

// numbered is page i. Its number stands in the text, so that no two pages can
// be equal however short they are.
func (s *Small) numbered(i int) string {
	random := rand.New(rand.NewPCG(s.cfg.Seed, uint64(i)+1))
	links := []string{"/"}
	for _, child := range []int{2*i + 1, 2*i + 2} {
		if child < s.cfg.Pages {
			links = append(links, "/p/"+strconv.Itoa(child))
		}
	}
	for range s.cfg.Links {
		links = append(links, "/p/"+strconv.Itoa(random.IntN(s.cfg.Pages)))
	}
	if every(s.cfg.CopyEvery, i) {
		links = append(links, "/copy/"+strconv.Itoa(i))
	}
	if every(s.cfg.ClosedEvery, i) {
		links = append(links, "/closed/"+strconv.Itoa(i))
	}
	in := tongues[i%len(tongues)]
	return s.page(in, random, in.words[i%len(in.words)]+" "+strconv.Itoa(i), links)
}

// page writes boilerplate around paragraphs until it is long enough.
func (s *Small) page(in tongue, random *rand.Rand, title string, links []string) string {
	var b strings.Builder
	b.Grow(s.cfg.PageBytes + 1024)
	title = html.EscapeString(title)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=%q><head><meta charset=\"utf-8\"><title>%s</title></head>\n<body>\n", in.htmlLang, title)
	b.WriteString(`<header><nav><a href="/">Start</a> <a href="/?utm_source=menu">Menu</a></nav></header>` + "\n")
	fmt.Fprintf(&b, "<main><article>\n<h1>%s</h1>\n", title)
	rest := 120 + 40*len(links) // what follows the text
	for first := true; first || b.Len()+rest < s.cfg.PageBytes; first = false {
		b.WriteString("<p>")
		for range 3 + random.IntN(4) {
			in.sentence(&b, random)
		}
		b.WriteString("</p>\n")
	}
	b.WriteString("</article></main>\n<aside><ul>\n")
	for _, l := range links {
		fmt.Fprintf(&b, "<li><a href=%q>%s</a></li>\n", l, l)
	}
	b.WriteString("</ul></aside>\n<footer><p>A generated page of the lab.</p></footer>\n</body></html>\n")
	return b.String()
}

// sentence writes five to sixteen words.
func (t tongue) sentence(b *strings.Builder, random *rand.Rand) {
	for i := range 5 + random.IntN(12) {
		if i > 0 {
			b.WriteString(t.space)
		}
		b.WriteString(t.words[random.IntN(len(t.words))])
	}
	b.WriteString(t.stop)
}
