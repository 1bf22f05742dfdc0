package page_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/page"
)

func TestParseSitemap(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	const open = `<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`
	for _, c := range []struct {
		name, body string
		want       []page.Loc
		index      bool
		err        error
	}{
		{
			"plain", open + `<url><loc> https://a.test/x?a=1&amp;b=2#f
</loc><lastmod>2026-02-03</lastmod><priority>1</priority></url><url><loc>https://a.test</loc></url></urlset>`,
			[]page.Loc{{URL: "https://a.test/x?a=1&b=2", LastMod: day}, {URL: "https://a.test/"}},
			false, nil,
		},
		{
			"index", `<sitemapindex><sitemap><loc>https://a.test/1.xml.gz</loc><lastmod>2026-02-03T01:00:00+01:00</lastmod></sitemap></sitemapindex>`,
			[]page.Loc{{URL: "https://a.test/1.xml.gz", LastMod: day}},
			true, nil,
		},
		{
			"prefix and images", `<sm:urlset xmlns:sm="x" xmlns:image="y"><sm:url><sm:loc>https://a.test/p</sm:loc><image:image><image:loc>https://a.test/i.png</image:loc></image:image></sm:url></sm:urlset>`,
			[]page.Loc{{URL: "https://a.test/p"}},
			false, nil,
		},
		{
			"bare ampersand, cdata, entity", open + `<url><loc>https://a.test/?a=1&b=2</loc></url><url><loc><![CDATA[https://a.test/<x>]]></loc></url><url><loc>https://a.test/caf&eacute;</loc></url></urlset>`,
			[]page.Loc{{URL: "https://a.test/?a=1&b=2"}, {URL: "https://a.test/%3Cx%3E"}, {URL: "https://a.test/caf%C3%A9"}},
			false, nil,
		},
		{
			"useless addresses", open + `<url><loc>/relative</loc></url><url><loc>ftp://a.test/</loc></url><url></url><url><loc>https://a.test/` + strings.Repeat("x", 3000) + `</loc></url></urlset>`,
			nil, false, nil,
		},
		{
			"latin", "<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>https://a.test/caf\xe9</loc></url></urlset>",
			[]page.Loc{{URL: "https://a.test/caf%C3%A9"}},
			false, nil,
		},
		{
			"breaks off", open + `<url><loc>https://a.test/1</loc></url><url><loc>https://a.te`,
			[]page.Loc{{URL: "https://a.test/1"}},
			false, io.ErrUnexpectedEOF,
		},
		{"html", `<html><body>not found</body></html>`, nil, false, page.ErrNoSitemap},
		{"empty", ``, nil, false, page.ErrNoSitemap},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, index, err := page.ParseSitemap([]byte(c.body), page.SitemapBounds{})
			if !errors.Is(err, c.err) || index != c.index || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %v, %v, %v; want %v, %v, %v", got, index, err, c.want, c.index, c.err)
			}
		})
	}
}

func TestParseSitemapKeepsBounds(t *testing.T) {
	t.Parallel()
	body := []byte("<urlset>" + strings.Repeat("<url><loc>https://a.test/x</loc></url>", 60_000) + "</urlset>")
	locs, _, err := page.ParseSitemap(body, page.SitemapBounds{})
	if err != nil || len(locs) != 50_000 {
		t.Errorf("got %d entries, %v", len(locs), err)
	}
	if _, _, err := page.ParseSitemap(body, page.SitemapBounds{Bytes: 1000}); !errors.Is(err, page.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	// Nesting costs nothing: no stack is kept.
	if _, _, err := page.ParseSitemap([]byte("<urlset>"+strings.Repeat("<a>", 1<<20)), page.SitemapBounds{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}
