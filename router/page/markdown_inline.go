package page

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// inlineWriter writes the text of one paragraph.
type inlineWriter struct {
	out     strings.Builder
	space   bool // one is due before the next character
	depth   int  // marks it stands between
	resolve resolver
}

// maxMarks is how many marks may stand around each other; each makes a copy of
// what is inside.
const maxMarks = 4

// finish is the paragraph, escaped where its lines would be read as blocks.
func (w *inlineWriter) finish() string { return escapeBlock(strings.TrimSpace(w.out.String())) }

func (w *inlineWriter) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c)
	}
}

func (w *inlineWriter) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(restore.Replace(n.Data))
		return
	case html.ElementNode:
	default:
		return
	}
	switch atom.Lookup([]byte(n.Data)) {
	case atom.Br:
		w.space = false
		w.out.WriteByte('\n')
	case atom.Strong, atom.B:
		w.around("**", n)
	case atom.Em, atom.I:
		w.around("*", n)
	case atom.Del, atom.S, atom.Strike:
		w.around("~~", n)
	case atom.Code, atom.Kbd, atom.Samp, atom.Tt:
		w.code(n)
	case atom.A:
		w.link(n)
	case atom.Img:
		w.picture(n)
	case atom.Script, atom.Style, atom.Template, atom.Noscript:
	case atom.P, atom.Div, atom.Li, atom.Td, atom.Th, atom.Tr:
		w.space = true
		w.children(n)
		w.space = true
	default:
		w.children(n)
	}
}

// text writes escaped text with white space folded.
func (w *inlineWriter) text(s string) {
	for i, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u200b':
			w.space = true
			continue
		case dropped(r):
			continue
		}
		w.flush()
		if escaped(r, s[:i], s[i+utf8.RuneLen(r):]) {
			w.out.WriteByte('\\')
		}
		w.out.WriteRune(r)
	}
}

func (w *inlineWriter) flush() {
	if w.space && w.out.Len() > 0 && !strings.HasSuffix(w.out.String(), "\n") {
		w.out.WriteByte(' ')
	}
	w.space = false
}

// escaped reports whether Markdown would read r as mark-up between before and
// after. An underscore within a word is none.
func escaped(r rune, before, after string) bool {
	switch r {
	case '\\', '`', '*', '[', ']', '<', '~':
		return true
	case '&': // might begin a character reference
		return after != "" && (after[0] == '#' || letter(after[0]))
	case '_':
		last, _ := utf8.DecodeLastRuneInString(before)
		next, _ := utf8.DecodeRuneInString(after)
		return !wordly(last) || !wordly(next)
	}
	return false
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// inner is what is below n, by itself.
func (w *inlineWriter) inner(n *html.Node) string {
	sub := inlineWriter{resolve: w.resolve, depth: w.depth + 1}
	sub.children(n)
	return strings.TrimSpace(sub.out.String())
}

// around writes what is below n between marks.
func (w *inlineWriter) around(marks string, n *html.Node) {
	if w.depth >= maxMarks {
		w.children(n)
		return
	}
	if text := w.inner(n); text != "" {
		w.flush()
		w.out.WriteString(marks + text + marks)
	}
}

// code writes a span of code between backticks, more of them than in it.
func (w *inlineWriter) code(n *html.Node) {
	t := newTextWriter(64, 1<<16)
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			t.write([]byte(restore.Replace(c.Data)), false)
		}
	}
	text := t.finish()
	if text == "" {
		return
	}
	marks := "`"
	for strings.Contains(text, marks) {
		marks += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	w.flush()
	w.out.WriteString(marks + text + marks)
}

// link writes a link, or only its text when it leads nowhere on the web.
func (w *inlineWriter) link(n *html.Node) {
	if w.depth >= maxMarks {
		w.children(n)
		return
	}
	text, address := w.inner(n), w.address(n, "href")
	if text == "" {
		return
	}
	w.flush()
	if address == "" || strings.Contains(text, "](") {
		w.out.WriteString(text) // a link in a link would be read as two
		return
	}
	w.out.WriteString("[" + strings.ReplaceAll(text, "\n", " ") + "](" + address + ")")
}

func (w *inlineWriter) picture(n *html.Node) {
	address := w.address(n, "src")
	if address == "" {
		return
	}
	alt := inlineWriter{}
	alt.text(attrOf(n, "alt"))
	w.flush()
	w.out.WriteString("![" + strings.TrimSpace(alt.out.String()) + "](" + address + ")")
}

// address is an attribute as an absolute address that can stand in brackets.
func (w *inlineWriter) address(n *html.Node, key string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", " ", "%20").
		Replace(w.resolve.absolute(strings.Trim(attrOf(n, key), " \t\r\n\f")))
}

func attrOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == key {
			return a.Val
		}
	}
	return ""
}

// escapeBlock escapes what would make a block of a line of text.
func escapeBlock(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		line = strings.TrimLeft(line, " \t")
		b.WriteString(line[:blockMark(line)])
		if blockMark(line) < len(line) && startsBlock(line) {
			b.WriteByte('\\')
		}
		b.WriteString(line[blockMark(line):])
	}
	return b.String()
}

// blockMark is where in a line the character stands that would have to be
// escaped: after the digits of a numbered item, else at the beginning.
func blockMark(line string) int {
	digits := 0
	for digits < len(line) && '0' <= line[digits] && line[digits] <= '9' {
		digits++
	}
	if digits > 0 && digits < 10 && digits < len(line) && (line[digits] == '.' || line[digits] == ')') {
		return digits
	}
	return 0
}

// startsBlock reports whether Markdown would read a line as the beginning of a
// heading, quote, item, rule or fence.
func startsBlock(line string) bool {
	if at := blockMark(line); at > 0 {
		return at+1 == len(line) || line[at+1] == ' '
	}
	switch line[0] {
	case '#', '>':
		return true
	case '+', '-', '=':
		return len(line) == 1 || line[1] == ' ' || line[1] == line[0]
	}
	return false
}
