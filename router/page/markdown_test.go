package page_test

import (
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/page"
)

// filler makes a document long enough for the extractor to believe in it.
var filler = strings.Repeat("<p>The harbour master wrote down the height of the river every morning, and what the boats had brought.</p>\n", 6)

func markdown(t *testing.T, body string) string {
	t.Helper()
	text, err := page.Markdown(page.Input{Body: []byte("<html><body><main><article>" + body + filler + "</article></main></body></html>"), ContentType: "text/html", URL: "https://site.test/a/b"}, page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, text, true)
	before, _, found := strings.Cut(text, "The harbour master wrote down")
	if !found {
		t.Fatalf("no content: %q", text)
	}
	return strings.TrimSpace(before)
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ html, want string }{
		"headings":  {"<h2>On <em>rivers</em></h2><p>They are long enough to be worth a sentence.</p>", "## On *rivers*\n\nThey are long enough to be worth a sentence."},
		"link":      {"<p>A sentence with <a href='../c?x=(1)'>a link</a> in the middle of it, and <a href='javascript:x'>none</a>.</p>", "A sentence with [a link](https://site.test/c?x=%281%29) in the middle of it, and none."},
		"emphasis":  {"<p>Some <strong>strong</strong> and some <i>slanted</i> words in a sentence with <code>co`de</code>.</p>", "Some **strong** and some *slanted* words in a sentence with ``co`de``."},
		"list":      {"<ul><li>One item of the list</li><li>Another item of it</li></ul>", "- One item of the list\n- Another item of it"},
		"numbered":  {"<ol><li>First item of the list</li><li>Second item of it</li></ol>", "1. First item of the list\n2. Second item of it"},
		"code":      {"<pre>if x {\n\treturn ```\n}</pre>", "````\nif x {\n\treturn ```\n}\n````"},
		"quote":     {"<blockquote><p>Somebody said this long ago.</p><p>And this, too.</p></blockquote>", "> Somebody said this long ago.\n>\n> And this, too."},
		"table":     {"<table><tr><th>Year</th><th>Height</th></tr><tr><td>1906</td><td>a|b</td></tr></table>", "| Year | Height |\n| --- | --- |\n| 1906 | a\\|b |"},
		"escapes":   {"<p># not a heading, *not* strong, [not](a link), &lt;b&gt;, snake_case and _not_ &amp;amp;</p>", "\\# not a heading, \\*not\\* strong, \\[not\\](a link), \\<b>, snake_case and \\_not\\_ \\&amp;"},
		"no item":   {"<p>1906. That was the year of the flood.</p><p>- and so on, with more words to it</p>", "1906\\. That was the year of the flood.\n\n\\- and so on, with more words to it"},
		"line ends": {"<p>One line of an address<br>and another line of it</p>", "One line of an address\nand another line of it"},
	} {
		if got := markdown(t, c.html); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, c.want)
		}
	}
}

// What the extractor makes nothing of is plain text, and so is what is not HTML.
func TestMarkdownFallsBack(t *testing.T) {
	t.Parallel()
	for contentType, c := range map[string][2]string{
		"text/html":        {"<p>Short.</p><p># x</p>", "Short.\n\\# x"},
		"application/json": {`{"a": "*b*"}`, `{"a": "*b*"}`},
	} {
		got, err := page.Markdown(page.Input{Body: []byte(c[0]), ContentType: contentType, URL: "https://site.test/"}, page.Options{})
		if err != nil || got != c[1] {
			t.Errorf("%s gives %q, %v", c[0], got, err)
		}
	}
	deep := strings.Repeat("<div>", 600) + "Deep down there."
	if got, err := page.Markdown(page.Input{Body: []byte(deep), ContentType: "text/html", URL: "https://site.test/"}, page.Options{}); err != nil || got != "Deep down there." {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := page.Markdown(page.Input{Body: []byte("x"), ContentType: "image/png", URL: "https://site.test/"}, page.Options{}); err == nil {
		t.Error("a picture has a Markdown")
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{article, "<table><tr><td><table><tr><td>x", "<ul><li><ol><li><pre>a\n\n b", "<a href=x><a href=y>z", "<blockquote><ul><li>a<p>b", strings.Repeat("<ul><li>", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		text, err := page.Markdown(page.Input{Body: []byte(filler + body + filler), ContentType: "text/html", URL: "https://site.test/a/b"}, page.Options{Bounds: page.Bounds{TextBytes: 5000, Nodes: 3000}})
		if err != nil {
			t.Fatal(err)
		}
		checkText(t, text, true)
		if len(text) > 2*5000 {
			t.Fatalf("%d bytes", len(text))
		}
	})
}
