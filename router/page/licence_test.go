package page_test

import (
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/page"
)

func TestLicence(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]page.Licence{
		"": {},
		"<a rel='license' href='https://creativecommons.org/licenses/by-sa/4.0/'>CC</a>":                                              {ID: "CC-BY-SA-4.0", Source: "link"},
		"<link rel='next LICENSE' href='//www.creativecommons.org/licenses/by/3.0/de/deed.en'>":                                       {ID: "CC-BY-3.0-DE", Source: "link"},
		"<base href='https://other.test/x/'><a rel=license href='terms'>Terms</a>":                                                    {ID: "https://other.test/x/terms", Source: "link"},
		"<p>Under <a href='https://creativecommons.org/publicdomain/zero/1.0/'>CC0</a>":                                               {ID: "CC0-1.0", Source: "link"},
		"<a href='https://creativecommons.org/licenses/by/4.0/'>a</a><a href='https://creativecommons.org/licenses/by-nc/2.0/'>b</a>": {},
		"<a href='https://creativecommons.org/about'>about</a>":                                                                       {}, // no licence of theirs
		"<a rel=license href=/a>a</a><a rel=license href=/b>b</a>":                                                                    {},
		"<meta name='dcterms.license' content='https://www.gnu.org/licenses/fdl-1.3.html'>":                                           {ID: "GFDL-1.3-only", Source: "meta"},
		"<meta name='license' content='All rights reserved'>":                                                                         {ID: "All rights reserved", Source: "meta"},
		"<script type='application/ld+json'>{\"@type\":\"Article\",\"license\":\"https://opensource.org/licenses/MIT\"}</script>":     {ID: "MIT", Source: "json-ld"},
		"<script type='application/ld+json; charset=utf-8'>{\"@graph\":[{\"@type\":\"Organization\",\"license\":\"no\"},{\"@type\":\"Dataset\",\"license\":{\"@type\":\"CreativeWork\",\"url\":\"https://spdx.org/licenses/ODbL-1.0.html\"}}]}</script>": {ID: "ODbL-1.0", Source: "json-ld"},
		"<script>{\"license\":\"https://opensource.org/licenses/MIT\"}</script><script type=application/ld+json></script><p>\"license\"":                                                                                                                 {},
		"<a rel=license href='https://www.apache.org/licenses/LICENSE-2.0.txt'>x</a><meta name=license content=other>":                                                                                                                                   {ID: "Apache-2.0", Source: "link"},
		"<a rel=license href='" + "https://x.test/" + strings.Repeat("x", 300) + "'>x</a>":                                                                                                                                                               {},
	} {
		for _, mode := range []page.Mode{page.Fast, page.Full} {
			body := "<html><head></head><body>" + html + "<p>" + filler
			p := parse(t, mode, "text/html", body)
			if p.Licence != want {
				t.Errorf("%s: %s names %+v, want %+v", mode, html, p.Licence, want)
			}
		}
	}
	p, err := page.Parse(page.Input{
		Body: []byte("<p>x"), ContentType: "text/html", URL: "https://site.test/a/b",
		LinkHeaders: []string{`</style.css>; rel=preload, <../terms>; title="a"; rel="license", <`},
	}, page.Options{})
	if err != nil || p.Licence != (page.Licence{ID: "https://site.test/terms", Source: "header"}) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestReadLinked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		blocks []string
		want   page.Linked
	}{
		{nil, page.Linked{}},
		{[]string{"{", `"text"`, `[[[["a"]]]]`, strings.Repeat("[", 5000), `{"@type":["a"],`}, page.Linked{}},
		{
			[]string{`{"@type":"BreadcrumbList","name":"crumbs"}`, `[{"@type":["NewsArticle","Article"],"headline":"On\n rivers","author":[{"@type":"Person","name":"Ann"},{"name":"Bob"}],
			"publisher":{"@type":"Organization","name":"The Riverside"},"datePublished":"2026-03-01","dateModified":7,"inLanguage":{"@type":"Language","alternateName":"en"},"license":["https://a.test/l"]}]`},
			page.Linked{Type: "NewsArticle", Headline: "On rivers", Author: "Ann", Publisher: "The Riverside", Published: "2026-03-01", Language: "en", License: "https://a.test/l"},
		},
		{[]string{`{"@type":"WebPage","mainEntity":{"@type":"Question","name":"Why?"}}`}, page.Linked{Type: "Question", Headline: "Why?"}},
		{[]string{`{"@type":"Article","name":"` + strings.Repeat("x", 300<<10) + `"}`}, page.Linked{}},
	} {
		if got := page.ReadLinked(c.blocks); got != c.want {
			t.Errorf("%.100q: %+v, want %+v", c.blocks, got, c.want)
		}
	}
	p := parse(t, page.Fast, "text/html", "<script type='Application/LD+JSON'> {\"a\":1} </script><svg><script type=application/ld+json>[]</script></svg><script>x</script><p>text")
	if len(p.JSONLD) != 2 || p.JSONLD[0] != `{"a":1}` || p.JSONLD[1] != "[]" || p.Text != "text" {
		t.Errorf("%q, %q", p.JSONLD, p.Text)
	}
}

func FuzzReadLinked(f *testing.F) {
	for _, s := range []string{`{"@type":"Article","author":[{"name":"x"}]}`, `{"@graph":[{"@graph":{}}]}`, `[{"license":{"@id":"y"}}]`, `{"mainEntity":{"mainEntity":{}}}`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got := page.ReadLinked([]string{a, b})
		for _, s := range []string{got.Type, got.Headline, got.Author, got.Publisher, got.Published, got.Modified, got.Language, got.License} {
			checkText(t, s, false)
			if len(s) > 512 {
				t.Fatalf("%d bytes", len(s))
			}
		}
	})
}
