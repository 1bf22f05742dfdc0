package page_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/page"
)

func TestParseFeed(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, c := range []struct {
		name, body string
		want       []page.Loc
		err        error
	}{
		{"rss 2", `<rss version="2.0"><channel><title>x</title><link>https://a.test/</link><atom:link href="https://a.test/feed" rel="self"/>
			<item><title>1</title><link> https://a.test/1#c </link><pubDate>Tue, 03 Feb 2026 04:05:06 GMT</pubDate></item>
			<item><guid>https://a.test/2</guid></item><item><guid isPermaLink="false">urn:x</guid></item>
			<item><link><![CDATA[/3?a=1&b=2]]></link></item></channel></rss>`,
			[]page.Loc{{URL: "https://a.test/1", LastMod: day}, {URL: "https://a.test/2"}, {URL: "https://a.test/3?a=1&b=2"}}, nil},
		{"rss 1", `<rdf:RDF xmlns:rdf="r"><channel><items/></channel><item><link>https://a.test/1</link><dc:date>2026-02-03T04:05:06Z</dc:date></item></rdf:RDF>`,
			[]page.Loc{{URL: "https://a.test/1", LastMod: day}}, nil},
		{"atom", `<feed xmlns="http://www.w3.org/2005/Atom"><link href="https://a.test/"/><entry><link rel="edit" href="/edit"/><link href="p"/>
			<published>2020-01-01T00:00:00Z</published><updated>2026-02-03T04:05:06Z</updated></entry></feed>`,
			[]page.Loc{{URL: "https://a.test/blog/p", LastMod: day}}, nil},
		{"broken off", `<rss><channel><item><link>https://a.test/1</link></item><item><li`, []page.Loc{{URL: "https://a.test/1"}}, nil},
		{"a page", `<html><body>hello</body></html>`, nil, page.ErrNoFeed},
		{"other schemes", `<rss><channel><item><link>mailto:a@a.test</link></item><item><link>javascript:x</link></item></channel></rss>`, nil, nil},
	} {
		got, err := page.ParseFeed([]byte(c.body), "https://a.test/blog/feed.xml", page.SitemapBounds{})
		if !reflect.DeepEqual(got, c.want) || c.err != nil && !errors.Is(err, c.err) || c.name == "broken off" == (err == nil) && c.err == nil {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParseSiteFile(t *testing.T) {
	t.Parallel()
	const list = `<urlset><url><loc>https://a.test/1</loc></url></urlset>`
	one := []page.Loc{{URL: "https://a.test/1"}}
	whole := gzipped(t, list+strings.Repeat("<!-- padding to be cut -->", 4000))
	for _, c := range []struct {
		name  string
		body  []byte
		want  []page.Loc
		index bool
		fails bool
	}{
		{"xml", []byte(list), one, false, false},
		{"gzip", gzipped(t, list), one, false, false},
		{"broken gzip", whole[:len(whole)-9], one, false, true},
		{"index", []byte(`<sitemapindex><sitemap><loc>https://a.test/1</loc></sitemap></sitemapindex>`), one, true, false},
		{"text", []byte("\ufeffhttps://a.test/1\r\n# no\nftp://a.test/\n"), one, false, false},
		{"feed", []byte(`<rss><channel><item><link>/1</link></item></channel></rss>`), one, false, false},
		{"page", []byte(`<html></html>`), nil, false, true},
		{"gzip of nothing", []byte{0x1f, 0x8b, 8}, nil, false, true},
	} {
		got, err := page.ParseSiteFile(c.body, "https://a.test/map", page.SitemapBounds{})
		if !reflect.DeepEqual(got.Locs, c.want) || got.Index != c.index || c.fails != (err != nil) {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
	bomb := gzipped(t, strings.Repeat(" ", 3<<20))
	if _, err := page.ParseSiteFile(bomb, "https://a.test/", page.SitemapBounds{Bytes: 1 << 20}); !errors.Is(err, page.ErrTooLarge) {
		t.Errorf("a bomb: %v", err)
	}
}

func FuzzParseFeed(f *testing.F) {
	f.Add([]byte(`<rss><channel><item><link>/1</link><pubDate>Tue, 3 Feb 2026 04:05:06 GMT</pubDate></item>`))
	f.Add([]byte(`<feed><entry><link rel="alternate" href="&amp;"/></entry></feed>`))
	f.Add(gzipped(f, "https://a.test/1\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		b := page.SitemapBounds{Entries: 10, Bytes: 1 << 20}
		feed, _ := page.ParseFeed(body, "https://a.test/feed", b)
		file, _ := page.ParseSiteFile(body, "https://a.test/feed", b)
		for _, l := range append(feed, file.Locs...) {
			if !strings.HasPrefix(l.URL, "http://") && !strings.HasPrefix(l.URL, "https://") || len(l.URL) > 8192 {
				t.Fatalf("%q", l.URL)
			}
		}
		if len(feed) > 10 || len(file.Locs) > 10 {
			t.Fatal("more entries than the bound")
		}
	})
}
