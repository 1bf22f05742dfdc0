package page_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fallow-network/fallow/router/page"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		article, "", "plain", "\xff\xfe<\x00p\x00", "<svg><title>x</title>", "<pre>\n\n\n \t a\u2028b</pre>",
		"<base href='//b.test/x/'><a href='?q'>", strings.Repeat("<table>", 40), "<p>e\u0301\u0327\u0301", "<plaintext>a<b>", "<a href='/\xff%2'>",
	} {
		f.Add([]byte(s), "text/html", true)
		f.Add([]byte(s), "text/plain; charset=shift_jis", false)
		f.Add([]byte(s), "", false)
	}
	bounds := page.Bounds{Links: 50, LinkBytes: 300, Metas: 10, MetaBytes: 64, TitleBytes: 40, TextBytes: 5000, Nodes: 3000}
	f.Fuzz(func(t *testing.T, body []byte, contentType string, fast bool) {
		o := page.Options{Bounds: bounds}
		if fast {
			o.Mode = page.Fast
		}
		p, err := page.Parse(page.Input{Body: body, ContentType: contentType, URL: "https://site.test/a/b"}, o)
		if err != nil {
			if strings.Contains(err.Error(), "panic") {
				t.Fatal(err)
			}
			return
		}
		checkText(t, p.Text, true)
		checkText(t, p.Title, false)
		if len(p.Text) > bounds.TextBytes || len(p.Title) > bounds.TitleBytes || len(p.Links) > bounds.Links || len(p.Metas) > bounds.Metas {
			t.Fatalf("over a bound: %d, %d, %d, %d", len(p.Text), len(p.Title), len(p.Links), len(p.Metas))
		}
		for _, m := range p.Metas {
			checkText(t, m.Name, false)
			checkText(t, m.Content, false)
		}
		for _, l := range p.Links {
			u, err := url.Parse(l.URL)
			if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Contains(l.URL, "#") || len(l.URL) > bounds.LinkBytes || !utf8.ValidString(l.URL) {
				t.Fatalf("link %q: %v", l.URL, err)
			}
		}
		if len(p.Language.Code) != 3 || len(p.Language.Script) != 4 || p.Language.Score < 0 || p.Language.Score > 1 {
			t.Fatalf("language %+v", p.Language)
		}
	})
}

func checkText(t *testing.T, s string, lines bool) {
	t.Helper()
	if !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) || strings.TrimSpace(s) != s {
		t.Fatalf("%q is not clean", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) && (!lines || r != '\n' && r != '\t') {
			t.Fatalf("%q has the control character %U", s, r)
		}
	}
}

func FuzzParseSitemap(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="iso-8859-1"?><urlset><url><loc>https://a.test/&amp;</loc><lastmod>2026</lastmod></url></urlset>`))
	f.Add([]byte(`<sitemapindex><sitemap><loc><![CDATA[http://b.test]]></loc></sitemap>`))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><urlset>&a;`))
	f.Fuzz(func(t *testing.T, body []byte) {
		locs, _, _ := page.ParseSitemap(body, page.SitemapBounds{Entries: 10})
		if len(locs) > 10 {
			t.Fatalf("%d entries", len(locs))
		}
		for _, l := range locs {
			u, err := url.Parse(l.URL)
			if err != nil || u.Host == "" || strings.Contains(l.URL, "#") {
				t.Fatalf("entry %q: %v", l.URL, err)
			}
		}
	})
}
