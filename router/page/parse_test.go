package page_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/page"
)

// paragraph is long enough for an extractor to take seriously.
const paragraph = `The harbour master kept a ledger of every boat that came in after dark, and he wrote it in pencil
because ink froze in winter. Nobody had asked him to do it, and nobody read it until the year the river changed its bed.`

const article = `<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8">
<title>  The ledger &amp; the
 river </title>
<base href="/docs/">
<meta name="Robots" content="noai, nofollow"><meta property="og:title" content="Other">
<meta http-equiv="Content-Language" content="en">
<link rel="canonical" href="ledger"><link rel="alternate" hreflang="de" href="/de/ledger">
<link rel="stylesheet" href="/style.css"><link rel="next" href="?page=2">
<style>p { color: red }</style><script>var hidden = "<a href='/script'>no</a>";</script>
</head><body>
<header><a href="/">Home of the site</a> menu words</header>
<nav><ul><li><a href="one#part">First</a></li><li><a rel="nofollow" href="two">Second</a></li></ul></nav>
<main><article><h1>The ledger</h1>
<p>` + paragraph + `</p>
<p>Caf` + "e\u0301" + ` owners&nbsp;said	so, too.` + "\u0000\u0007\u00ad" + ` ` + paragraph + `</p>
<pre>if frozen {
	use(pencil)
}</pre>
<p>See <a href="two">the second part</a>, <a href="HTTPS://Other.test:8443/x?y=z#f">another site</a>,
<a href="mailto:a@b.test">mail</a>, <a href="javascript:void(0)">script</a>, <a href="#top">top</a>,
<a href="../up/./file%zz.html">up</a>, <a href="//cdn.test/a b">no scheme</a>, <a href=" \back ">back</a>. ` + paragraph + `</p>
</article></main>
<aside>Advertisement words</aside>
<footer>Footer words <a href="/about">About</a></footer>
</body></html>`

var articleLinks = []page.Link{
	{URL: "https://site.test/docs/ledger", Rel: page.RelCanonical},
	{URL: "https://site.test/de/ledger", Rel: page.RelAlternate},
	{URL: "https://site.test/docs/?page=2", Rel: page.RelNext},
	{URL: "https://site.test/"},
	{URL: "https://site.test/docs/one"},
	{URL: "https://site.test/docs/two"}, // once nofollow, once not
	{URL: "https://Other.test:8443/x?y=z"},
	{URL: "https://site.test/up/file%25zz.html"},
	{URL: "https://cdn.test/a%20b"},
	{URL: "https://site.test/back"},
	{URL: "https://site.test/about"},
}

func parse(t *testing.T, mode page.Mode, contentType, body string) *page.Page {
	t.Helper()
	p, err := page.Parse(page.Input{Body: []byte(body), ContentType: contentType, URL: "https://site.test/a/b?c"}, page.Options{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseArticle(t *testing.T) {
	t.Parallel()
	for _, mode := range []page.Mode{page.Full, page.Fast} {
		t.Run(mode.String(), func(t *testing.T) {
			p := parse(t, mode, "text/html", article)
			if p.Title != "The ledger & the river" || p.Lang != "en-GB" || p.Charset != "utf-8" || p.MIME != "text/html" ||
				p.Canonical != "https://site.test/docs/ledger" || p.Mode != mode || p.Degraded != "" {
				t.Errorf("page is %+v", p)
			}
			if !slices.Equal(p.Links, articleLinks) {
				t.Errorf("links are\n%v, want\n%v", p.Links, articleLinks)
			}
			if !slices.Contains(p.Metas, page.Meta{Name: "robots", Content: "noai, nofollow"}) ||
				!slices.Contains(p.Metas, page.Meta{Name: "og:title", Content: "Other"}) ||
				!slices.Contains(p.Metas, page.Meta{Name: "content-language", Content: "en"}) {
				t.Errorf("metas are %v", p.Metas)
			}
			for _, want := range []string{"harbour master", "Caf\u00e9 owners said so, too. The", "The ledger\n", "see", "the second part"} {
				if !strings.Contains(strings.ToLower(p.Text), strings.ToLower(want)) {
					t.Errorf("the text lacks %q:\n%s", want, p.Text)
				}
			}
			for _, unwanted := range []string{"menu words", "Footer words", "Advertisement", "hidden", "color", "First", "\u00ad", "\u0007"} {
				if strings.Contains(p.Text, unwanted) {
					t.Errorf("the text has %q:\n%s", unwanted, p.Text)
				}
			}
			if p.Language.String() != "eng_Latn" || p.Language.Score < 0.5 || p.TokenEstimate < 100 || p.Extractor == "" || p.ExtractorVersion == "" {
				t.Errorf("language %+v, %d tokens, extractor %s %s", p.Language, p.TokenEstimate, p.Extractor, p.ExtractorVersion)
			}
			if !strings.Contains(p.Text, "{\n\tuse(pencil)\n}") {
				t.Errorf("preformatted text lost its shape:\n%s", p.Text)
			}
		})
	}
}

func TestParseOtherTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body, mime, text string }{
		{"plain", "text/plain; charset=utf-8", "one  two\r\n\tthree\r\n\r\n\r\n\r\nfour \x00\x1b[0m", "text/plain", "one  two\n\tthree\n\nfour [0m"},
		{"plain latin", "text/plain; charset=iso-8859-1", "caf\xe9", "text/plain", "café"},
		{"json", "application/json", `{"a": "b"}`, "application/json", `{"a": "b"}`},
		{"ld+json", "application/ld+json", `{}`, "application/ld+json", `{}`},
		{"sniffed json", "", ` [1]`, "application/json", `[1]`},
		{"sniffed html", "", `<html><body><p>` + paragraph, "text/html", strings.ReplaceAll(paragraph, "\n", " ")},
		{"sniffed text", "", "just words", "text/plain", "just words"},
		{"broken header", "text/html; charset", "<p>" + paragraph, "text/html", strings.ReplaceAll(paragraph, "\n", " ")},
		{"xhtml", "application/xhtml+xml", `<?xml version="1.0"?><html><body><p>` + paragraph + `</p></body></html>`, "application/xhtml+xml", strings.ReplaceAll(paragraph, "\n", " ")},
		{"empty", "text/html", "", "text/html", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parse(t, page.Full, c.contentType, c.body)
			if p.MIME != c.mime || p.Text != c.text {
				t.Errorf("got %s %q, want %s %q", p.MIME, p.Text, c.mime, c.text)
			}
			if p.Text == "" && (p.Language.String() != "und_Zzzz" || p.TokenEstimate != 0) {
				t.Errorf("an empty page is %+v", p)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	ok := page.Input{Body: []byte("<p>x"), ContentType: "text/html", URL: "https://a.test/"}
	for _, contentType := range []string{"image/png", "application/pdf", "text/css", "application/xml"} {
		in := ok
		in.ContentType = contentType
		if _, err := page.Parse(in, page.Options{}); !errors.Is(err, page.ErrUnsupported) {
			t.Errorf("%s: %v", contentType, err)
		}
	}
	if _, err := page.Parse(ok, page.Options{Bounds: page.Bounds{BodyBytes: 3}}); !errors.Is(err, page.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	for _, address := range []string{"", "/a", "ftp://a.test/", "https://%zz/", "https:///x"} {
		in := ok
		in.URL = address
		if _, err := page.Parse(in, page.Options{}); err == nil {
			t.Errorf("address %q was taken", address)
		}
	}
}

func TestParseKeepsBounds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<title>" + strings.Repeat("ä", 100) + "</title>")
	for i := range 50 {
		b.WriteString(`<meta name="m` + string(rune('a'+i%26)) + `" content="` + strings.Repeat("é", 100) + `">`)
		b.WriteString(`<a href="/` + strings.Repeat("x", i+1) + `">` + paragraph + `</a>`)
	}
	bounds := page.Bounds{Links: 20, LinkBytes: 40, Metas: 7, MetaBytes: 31, TitleBytes: 21, TextBytes: 1001}
	for _, mode := range []page.Mode{page.Full, page.Fast} {
		p, err := page.Parse(page.Input{Body: []byte(b.String()), ContentType: "text/html; charset=utf-8", URL: "https://a.test/"},
			page.Options{Mode: mode, Bounds: bounds})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Links) != 20 || len(p.Metas) != 7 || len(p.Metas[0].Content) != 30 || len(p.Title) != 20 || len(p.Text) > 1001 {
			t.Errorf("%v: %d links, %d metas of %d, title %d, text %d", mode, len(p.Links), len(p.Metas), len(p.Metas[0].Content), len(p.Title), len(p.Text))
		}
	}
}

func TestParseDegrades(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<div>", 600) + "<p>" + paragraph + `</p><a href="/x">x</a>`
	wide := strings.Repeat("<i>w</i>", 5000) + "<p>" + paragraph + `</p><a href="/x">x</a>`
	for name, body := range map[string]string{"nesting": deep, "nodes": wide} {
		p, err := page.Parse(page.Input{Body: []byte(body), ContentType: "text/html", URL: "https://a.test/"},
			page.Options{Bounds: page.Bounds{Nodes: 5000}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Degraded != name || p.Mode != page.Fast || p.Extractor != "fallow-fast" ||
			!strings.Contains(p.Text, "harbour master") || len(p.Links) != 1 {
			t.Errorf("%s: %s, %v, %s, %d links", name, p.Degraded, p.Mode, p.Extractor, len(p.Links))
		}
	}
}

// A menu that is never closed must not swallow the page.
func TestFastFindsTheMainPart(t *testing.T) {
	t.Parallel()
	p := parse(t, page.Fast, "text/html; charset=utf-8", `<body><nav><p>menu<main><p>`+paragraph+`</p></main><svg><title>icon</title><path/></svg><p>After</p><table><tr><td>a<td>b</table>`)
	if !strings.HasPrefix(p.Text, "The harbour") || strings.Contains(p.Text, "menu") || strings.Contains(p.Text, "icon") || p.Title != "" ||
		!strings.HasSuffix(p.Text, "\nAfter\na b") {
		t.Errorf("title %q, text:\n%s", p.Title, p.Text)
	}
}

func TestExtractorVersionIsThePinnedOne(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, page.Full, "text/html", article)
	if want := "github.com/markusmobius/" + p.Extractor + " " + p.ExtractorVersion; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod does not pin %s", want)
	}
}

func TestEstimateTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 0, "a": 1, "four": 1, "fives": 2, "東京タワー": 5, "東京 go": 3, "Москва": 3, "서울": 2} {
		if got := page.EstimateTokens(text); got != want {
			t.Errorf("EstimateTokens(%q) = %d, want %d", text, got, want)
		}
	}
}

// The extractor alone would take the first post for the thread.
func TestFullReadsAllPostsOfAThread(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("<body><main>")
	for _, name := range []string{"Anna", "Boris", "Chen", "Dina"} {
		b.WriteString("<article><h2>" + name + "</h2><p>" + name + " writes: " + strings.Repeat(paragraph+" ", 3) + "</p></article>")
	}
	p := parse(t, page.Full, "text/html", b.String())
	for _, name := range []string{"Anna", "Boris", "Chen", "Dina"} {
		if !strings.Contains(p.Text, name+" writes") {
			t.Errorf("%s's post is missing:\n%s", name, p.Text)
		}
	}
	// A teaser below the article does not change what the article is.
	p = parse(t, page.Full, "text/html", "<body><article><p>"+strings.Repeat(paragraph+" ", 3)+"</p></article><div><article><p>Read this teaser next.</p></article></div>")
	if !strings.Contains(p.Text, "harbour") || strings.Contains(p.Text, "teaser") {
		t.Errorf("the text is\n%s", p.Text)
	}
}

// Pages made to be slow stay cheap in both modes: nothing here is quadratic.
func TestParseSurvivesHostilePages(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"misnested":  strings.Repeat("<b><i><a href=/x><p>t", 300),
		"siblings":   strings.Repeat("<p>word word</p>", 4000),
		"attributes": "<p " + strings.Repeat("a=b c ", 20_000) + ">x",
		"white pre":  "<pre>a" + strings.Repeat(" \t \u200b\n", 20_000),
		"combining":  "<p>a" + strings.Repeat("\u0301\u0327", 30_000),
		"nested":     strings.Repeat(strings.Repeat("<div>", 400)+"x"+strings.Repeat("</div>", 400), 10),
		"unclosed":   strings.Repeat("<nav><svg><title>", 5000),
	} {
		for _, mode := range []page.Mode{page.Full, page.Fast} {
			start := time.Now()
			parse(t, mode, "text/html; charset=utf-8", body)
			// Milliseconds each; the limit leaves room for a busy machine.
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s in mode %v took %v", name, mode, took)
			}
		}
	}
}

// Of a page too short for the extractor nothing is said twice.
func TestShortPage(t *testing.T) {
	t.Parallel()
	for _, mode := range []page.Mode{page.Full, page.Fast} {
		p := parse(t, mode, "text/html", "<p>Closed on Mondays.</p><p>Open otherwise.</p>")
		if p.Text != "Closed on Mondays.\nOpen otherwise." {
			t.Errorf("%s: %q", mode, p.Text)
		}
	}
}
