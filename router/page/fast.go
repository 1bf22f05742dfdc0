package page

import (
	"bytes"
	"net/url"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// fastReader is the state of the single pass of mode Fast.
type fastReader struct {
	z    *html.Tokenizer
	head *headReader
	text *textWriter
	// skipped are the open elements whose text is left out, outermost first.
	skipped []atom.Atom
	pre     int // open <pre> elements
	inTitle bool
	attr    attrs
}

// maxSkipped bounds how deep left-out elements are followed.
const maxSkipped = 64

// readFast reads the tokens of a document once.
func readFast(page *Page, body []byte, base *url.URL, bounds Bounds) {
	f := &fastReader{
		z:    html.NewTokenizer(bytes.NewReader(body)),
		head: newHeadReader(bounds),
		text: newTextWriter(len(body), bounds.TextBytes),
	}
	// A token longer than the whole body cannot be; the reader fails on none.
	f.z.SetMaxBuf(0)
	for {
		switch f.z.Next() {
		case html.ErrorToken:
			f.head.fill(page, base)
			page.Text = f.text.finish()
			return
		case html.TextToken:
			f.chars()
		case html.StartTagToken:
			f.open(false)
		case html.SelfClosingTagToken:
			f.open(true)
		case html.EndTagToken:
			f.shut()
		}
	}
}

func (f *fastReader) chars() {
	switch {
	case f.inTitle:
		f.head.setTitle(f.z.Text())
	case len(f.skipped) == 0 && !f.text.full():
		f.text.write(f.z.Text(), f.pre > 0)
	}
}

func (f *fastReader) open(selfClosing bool) {
	name, hasAttr := f.z.TagName()
	tag := atom.Lookup(name)
	if tag == 0 {
		return
	}
	if wanted(tag) {
		f.attr = attrs{}
		for hasAttr {
			var key, value []byte
			key, value, hasAttr = f.z.TagAttr()
			f.attr.set(string(key), string(value))
		}
		f.head.element(tag, &f.attr)
	}
	switch {
	case leftOut(tag):
		if !selfClosing && len(f.skipped) < maxSkipped {
			f.skipped = append(f.skipped, tag)
		}
		f.text.breakLine()
	case tag == atom.Main || tag == atom.Article:
		// The main part is never inside a menu: one was left open.
		f.skipped = f.skipped[:0]
		f.text.breakLine()
	case tag == atom.Title:
		// An <svg> has titles too.
		f.inTitle = !selfClosing && len(f.skipped) == 0
	case tag == atom.Pre && !selfClosing:
		f.pre++
		f.text.breakLine()
	case breaksLine(tag):
		f.text.breakLine()
	case tag == atom.Td || tag == atom.Th:
		f.text.space = true
	}
}

func (f *fastReader) shut() {
	name, _ := f.z.TagName()
	tag := atom.Lookup(name)
	switch {
	case tag == 0:
	case tag == atom.Title:
		f.inTitle = false
	case leftOut(tag):
		f.unskip(tag)
	case tag == atom.Pre:
		f.pre = max(0, f.pre-1)
		f.text.breakLine()
	case breaksLine(tag):
		f.text.breakLine()
	}
}

// unskip closes the innermost left-out element of a name and those inside it.
func (f *fastReader) unskip(tag atom.Atom) {
	for i := len(f.skipped) - 1; i >= 0; i-- {
		if f.skipped[i] == tag {
			f.skipped = f.skipped[:i]
			return
		}
	}
}

// leftOut are elements whose text is not part of the document's own.
func leftOut(tag atom.Atom) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Math, atom.Iframe, atom.Object,
		atom.Select, atom.Textarea, atom.Button, atom.Nav, atom.Header, atom.Footer, atom.Aside, atom.Noframes, atom.Noembed:
		return true
	}
	return false
}

// breaksLine are elements that stand on lines of their own.
func breaksLine(tag atom.Atom) bool {
	switch tag {
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Body, atom.Head, atom.Br, atom.Hr,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Table, atom.Caption, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Pre, atom.Blockquote,
		atom.Figure, atom.Figcaption, atom.Form, atom.Fieldset, atom.Address, atom.Details, atom.Summary, atom.Center:
		return true
	}
	return false
}
