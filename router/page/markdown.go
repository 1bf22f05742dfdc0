package page

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"
)

// Markdown is the main content of a document in CommonMark with GitHub's tables:
// headings, paragraphs, lists, quotes, code, tables, emphasis, and links and
// pictures with absolute addresses. The extractor decides what is content, as in
// mode Full; where it finds none, or the document is more than it may be given,
// the result is the text of mode Fast without mark-up. What is not HTML is its
// text.
//
// Errors and cost are those of Parse. The result has at most Bounds.TextBytes and
// is clean like Page.Text; characters that Markdown would read are escaped, so
// that no mark-up arises that was not the document's.
func Markdown(in Input, o Options) (string, error) {
	bounds := o.Bounds.withDefaults()
	page, err := Parse(in, Options{Mode: Fast, Bounds: bounds})
	if err != nil {
		return "", err
	}
	if formOf(page.MIME) != formHTML {
		return page.Text, nil
	}
	if text := markdownOf(in, bounds); text != "" {
		return text, nil
	}
	return escapeBlock(page.Text), nil
}

// markdownOf is empty when the extractor cannot be asked or finds nothing.
func markdownOf(in Input, bounds Bounds) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	body, _ := decode(in.Body, in.ContentType)
	address, err := url.Parse(in.URL)
	if err != nil {
		return ""
	}
	document, err := html.Parse(bytes.NewReader(body))
	if err != nil { // nested too deep
		return ""
	}
	head := newHeadReader(bounds)
	nodes, articles := walk(document, head, bounds.Nodes)
	if nodes > bounds.Nodes {
		return ""
	}
	levelArticles(articles)
	resolve := head.links.resolver(address)
	for n := range document.Descendants() {
		settleAddresses(n, resolve)
	}
	content, err := extract(document, address, true)
	if err != nil || content == nil || doubled(content) {
		return ""
	}
	w := &markdownWriter{resolve: resolve, left: bounds.TextBytes}
	w.blocks(content, "")
	return strings.TrimSpace(string(cut(norm.NFC.Bytes(w.out), bounds.TextBytes)))
}

// settleAddresses makes the addresses of links and pictures absolute, which the
// extractor does in a way of its own.
func settleAddresses(n *html.Node, resolve resolver) {
	if n.Type != html.ElementNode || n.DataAtom != atom.A && n.DataAtom != atom.Img {
		return
	}
	for i, a := range n.Attr {
		if a.Namespace == "" && (a.Key == "href" || a.Key == "src") {
			if address := resolve.absolute(strings.Trim(a.Val, " \t\r\n\f")); address != "" {
				n.Attr[i].Val = address
			}
		}
	}
}

// markdownWriter writes blocks, each behind the prefix of the lists and quotes it
// stands in.
type markdownWriter struct {
	out     []byte
	left    int // bytes that may still be written
	resolve resolver
	tight   bool // in a list: no empty line before the next block
}

// line writes lines behind prefix.
func (w *markdownWriter) lines(prefix, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(prefix+line, " ")
		if w.left -= len(line) + 1; w.left < 0 {
			return
		}
		w.out = append(append(w.out, line...), '\n')
	}
}

// block writes a block with an empty line before it. first is the prefix of its
// first line, which differs in a list.
func (w *markdownWriter) block(first, prefix, text string) {
	if text == "" || w.left <= 0 {
		return
	}
	if len(w.out) > 0 && !w.tight {
		w.lines("", strings.TrimRight(prefix, " "))
	}
	w.tight = false
	head, rest, more := strings.Cut(text, "\n")
	w.lines(first, head)
	if more {
		w.lines(prefix, rest)
	}
}

// blocks writes what is below a node: runs of inline nodes as paragraphs, the
// other nodes as the blocks they are.
func (w *markdownWriter) blocks(n *html.Node, prefix string) {
	first := prefix
	w.blocksFrom(n, &first, prefix)
}

// blocksFrom is blocks whose first line has a prefix of its own; first becomes
// prefix once it is written.
func (w *markdownWriter) blocksFrom(n *html.Node, first *string, prefix string) {
	var run inlineWriter
	run.resolve = w.resolve
	flush := func() {
		if text := run.finish(); text != "" {
			w.block(*first, prefix, text)
			*first = prefix
		}
		run = inlineWriter{resolve: w.resolve}
	}
	for c := n.FirstChild; c != nil && w.left > 0; c = c.NextSibling {
		if c.Type == html.ElementNode && w.isBlock(c) {
			flush()
			w.element(c, first, prefix)
			continue
		}
		run.node(c)
	}
	flush()
}

// isBlock reports whether a node stands on lines of its own, or holds one that does.
func (w *markdownWriter) isBlock(n *html.Node) bool {
	tag := atom.Lookup([]byte(n.Data))
	if tag == atom.Br {
		return false
	}
	if traitsOf(tag)&ownLine != 0 {
		return true
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && w.isBlock(c) {
			return true
		}
	}
	return false
}

func (w *markdownWriter) element(n *html.Node, first *string, prefix string) {
	own := func(text string) {
		if text != "" {
			w.block(*first, prefix, text)
			*first = prefix
		}
	}
	switch tag := atom.Lookup([]byte(n.Data)); tag {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		if text := w.inline(n); text != "" {
			own(strings.Repeat("#", int(n.Data[1]-'0')) + " " + strings.ReplaceAll(text, "\n", " "))
		}
	case atom.Pre:
		own(fence(preText(n)))
	case atom.Hr:
		own("---")
	case atom.Ul, atom.Ol:
		w.list(n, tag == atom.Ol, first, prefix)
	case atom.Blockquote:
		start := *first + "> "
		before := len(w.out)
		w.blocksFrom(n, &start, prefix+"> ")
		if len(w.out) > before {
			*first = prefix
		}
	case atom.Table:
		own(w.table(n))
	default:
		w.blocksFrom(n, first, prefix)
	}
}

// list writes the items of a list, and what stands between them as items too.
func (w *markdownWriter) list(n *html.Node, numbered bool, first *string, prefix string) {
	number := 0
	for c := n.FirstChild; c != nil && w.left > 0; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		number++
		mark := "- "
		if numbered {
			mark = strconv.Itoa(number) + ". "
		}
		start := *first + mark
		before := len(w.out)
		w.tight = number > 1 && len(w.out) > 0
		w.blocksFrom(c, &start, prefix+strings.Repeat(" ", len(mark)))
		w.tight = false
		if len(w.out) == before {
			number--
			continue
		}
		*first = prefix
	}
}

// table is a table of GitHub's kind, its first row the head; every cell is one
// line.
func (w *markdownWriter) table(n *html.Node) string {
	var rows [][]string
	columns := 0
	for c := range n.Descendants() {
		if c.Type != html.ElementNode || c.Data != "tr" {
			continue
		}
		var row []string
		for cell := c.FirstChild; cell != nil; cell = cell.NextSibling {
			if cell.Type == html.ElementNode && (cell.Data == "td" || cell.Data == "th") {
				text := strings.ReplaceAll(w.inline(cell), "\n", " ")
				row = append(row, strings.ReplaceAll(text, "|", `\|`))
			}
		}
		if strings.Join(row, "") != "" {
			rows = append(rows, row)
			columns = max(columns, len(row))
		}
	}
	if columns > maxColumns {
		return ""
	}
	var b strings.Builder
	for i, row := range rows {
		if b.Len() > w.left {
			break
		}
		for k := range columns {
			cell := ""
			if k < len(row) {
				cell = row[k]
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", columns) + "|\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxColumns is how wide a table may be.
const maxColumns = 200

// inline is all text below a node as one run.
func (w *markdownWriter) inline(n *html.Node) string {
	run := inlineWriter{resolve: w.resolve}
	run.children(n)
	return run.finish()
}

// preText is the text of preformatted text as it stands.
func preText(n *html.Node) string {
	w := newTextWriter(256, 1<<20)
	for c := range n.Descendants() {
		switch {
		case c.Type == html.TextNode:
			w.write([]byte(restore.Replace(c.Data)), true)
		case c.Type == html.ElementNode && c.Data == "br":
			w.write([]byte("\n"), true)
		}
	}
	return strings.Trim(w.finish(), "\n")
}

// fence is code between fences longer than any in it.
func fence(code string) string {
	if strings.TrimSpace(code) == "" {
		return ""
	}
	marks := "```"
	for strings.Contains(code, marks) {
		marks += "`"
	}
	return marks + "\n" + code + "\n" + marks
}
