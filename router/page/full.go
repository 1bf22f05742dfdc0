package page

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"github.com/markusmobius/go-trafilatura"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// fullExtractor and fullVersion name go-trafilatura as pinned in go.mod; a
// test holds them together.
const (
	fullExtractor = "go-trafilatura"
	fullVersion   = "v1.12.2"
)

// readFull builds the DOM once, reads links and head from it and extracts the
// main text. It returns why it could not, or empty; then the page is filled.
func readFull(page *Page, in Input, body []byte, base *url.URL, bounds Bounds) (degraded string) {
	document, err := html.Parse(bytes.NewReader(body))
	if err != nil { // in-memory reads do not fail: nested too deep
		return "nesting"
	}
	head := newHeadReader(bounds)
	nodes, articles := walk(document, head, bounds.Nodes)
	if nodes > bounds.Nodes {
		return "nodes"
	}
	levelArticles(articles)
	content, err := extract(document, base, false)
	if err != nil {
		return "extractor"
	}
	if content != nil && doubled(content) {
		return "short"
	}
	head.fill(page, in, base)
	if content != nil {
		w := newPageText(bounds.TextBytes)
		render(content, w)
		page.Text = w.finishPage()
	}
	page.Extractor, page.ExtractorVersion = fullExtractor, fullVersion
	return ""
}

// walk feeds elements to head in document order, guards preformatted text,
// gathers the <article> elements and counts nodes, giving up past limit.
func walk(document *html.Node, head *headReader, limit int) (nodes int, articles []*html.Node) {
	for n := range document.Descendants() {
		if nodes++; nodes > limit {
			return nodes, nil
		}
		if n.Type != html.ElementNode || n.Namespace != "" {
			continue
		}
		switch {
		case n.DataAtom == atom.Title && n.FirstChild != nil:
			head.setTitle([]byte(n.FirstChild.Data))
		case n.DataAtom == atom.Pre:
			guardPre(n)
		case n.DataAtom == atom.Article:
			articles = append(articles, n)
		}
		if traitsOf(n.DataAtom)&withAttrs != 0 {
			var a attrs
			for _, attr := range n.Attr {
				a.set(attr.Key, attr.Val)
			}
			head.element(n.DataAtom, &a)
			if n.DataAtom == atom.Script && n.FirstChild != nil {
				head.script([]byte(n.FirstChild.Data))
			}
		}
	}
	return nodes, articles
}

// levelArticles turns <article> elements into <div> when the first is not the
// bulk of them. The extractor takes the first article for the whole; in a
// forum thread or a list of declarations each part is one.
func levelArticles(articles []*html.Node) {
	if len(articles) < 2 {
		return
	}
	first, all := 0, 0
	for i, n := range articles {
		size := textSize(n)
		if all += size; i == 0 {
			first = size
		}
	}
	if 2*first >= all {
		return
	}
	for _, n := range articles {
		n.Data, n.DataAtom = "div", atom.Div
	}
}

// textSize is how many bytes of text are below a node, without those in an
// <article> further down, which is counted itself.
func textSize(n *html.Node) (size int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.Type == html.TextNode:
			size += len(strings.TrimSpace(c.Data))
		case c.Type == html.ElementNode && c.DataAtom != atom.Article:
			size += textSize(c)
		}
	}
	return size
}

// The extractor folds all white space, which ruins code. Inside <pre> each
// white character is disguised as a Unicode noncharacter, which no text
// contains, and restored when the text is written.
var (
	disguise = strings.NewReplacer("\n", "\ufdd0", "\t", "\ufdd1", " ", "\ufdd2")
	restore  = strings.NewReplacer("\ufdd0", "\n", "\ufdd1", "\t", "\ufdd2", " ")
)

// guardPre disguises the white space below a <pre>.
func guardPre(pre *html.Node) {
	for n := range pre.Descendants() {
		if n.Type == html.TextNode {
			n.Data = disguise.Replace(n.Data)
		}
	}
}

// extract runs go-trafilatura over a DOM, without its fallback (it costs half
// the speed and gains nothing) and without its search for a date. It works on
// clones, the DOM stays as it is. rich keeps links and pictures. nil without
// error: no main text. A panic in there is an error here.
func extract(document *html.Node, address *url.URL, rich bool) (content *html.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			content, err = nil, fmt.Errorf("extract main text: panic: %v", r)
		}
	}()
	result, err := trafilatura.ExtractDocument(document, trafilatura.Options{
		OriginalURL:     address,
		ExcludeComments: true,
		IncludeLinks:    rich,
		IncludeImages:   rich,
		HtmlDateMode:    trafilatura.Disabled,
	})
	if err != nil {
		return nil, nil // its only errors with these options: too little text
	}
	return result.ContentNode, nil
}

// doubled reports whether the last part of the content repeats all the others.
// Of a short document the extractor gives its paragraphs and then, in one
// paragraph without spaces between, the whole document.
func doubled(content *html.Node) bool {
	last := content.LastChild
	if last == nil || last.PrevSibling == nil {
		return false
	}
	var parts strings.Builder
	for c := content.FirstChild; c != last; c = c.NextSibling {
		squeeze(c, &parts)
	}
	if parts.Len() == 0 || parts.Len() > maxDoubled {
		return false
	}
	var whole strings.Builder
	squeeze(last, &whole)
	return strings.Contains(whole.String(), parts.String())
}

// maxDoubled is more than what the extractor takes for short, 100 characters.
const maxDoubled = 1024

// squeeze writes the text below a node without its white space.
func squeeze(n *html.Node, b *strings.Builder) {
	if n.Type == html.TextNode {
		for word := range strings.FieldsSeq(n.Data) {
			b.WriteString(word)
		}
	}
	for c := n.FirstChild; c != nil && b.Len() <= 4*maxDoubled; c = c.NextSibling {
		squeeze(c, b)
	}
}

// render writes the text below a node, a line a block.
func render(n *html.Node, w *textWriter) {
	switch n.Type {
	case html.TextNode:
		text := restore.Replace(n.Data)
		w.write([]byte(text), text != n.Data)
		return
	case html.ElementNode:
	default:
		return
	}
	// The extractor renames elements without renaming their atom.
	tag := traitsOf(atom.Lookup([]byte(n.Data)))
	block := tag&ownLine != 0
	if block {
		w.breakLine()
	}
	if tag&cell != 0 {
		w.space = true
	}
	for c := n.FirstChild; c != nil && !w.full(); c = c.NextSibling {
		render(c, w)
	}
	if block {
		w.breakLine()
	}
}
