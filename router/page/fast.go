package page

import (
	"net/url"

	"golang.org/x/net/html/atom"
)

// fastReader is the state of the single pass of mode Fast.
type fastReader struct {
	scan scanner
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
func readFast(page *Page, in Input, body []byte, base *url.URL, bounds Bounds) {
	f := &fastReader{
		scan: scanner{src: body},
		head: newHeadReader(bounds),
		text: newPageText(bounds.TextBytes),
	}
	for {
		switch f.scan.next() {
		case tokenEnd:
			f.head.fill(page, in, base)
			page.Text = f.text.finishPage()
			return
		case tokenText:
			f.chars()
		case tokenOpen:
			f.open()
		case tokenClose:
			f.shut()
		}
	}
}

func (f *fastReader) chars() {
	s := &f.scan
	switch {
	case f.head.inLinked:
		f.head.script(s.text)
		f.head.inLinked = false
	case f.inTitle:
		f.head.setTitle(unescapeText(s.text, s.verbatim, s.escaped, true))
	case len(f.skipped) == 0 && !f.text.full():
		// Only in preformatted text do line ends differ from spaces.
		f.text.write(unescapeText(s.text, s.verbatim, s.escaped, f.pre > 0), f.pre > 0)
	}
}

func (f *fastReader) open() {
	e := f.scan.element
	if e.has(withAttrs) {
		f.attr.read(&f.scan)
		f.head.element(e.atom, &f.attr)
	}
	switch {
	case e.has(leftOut):
		if !f.scan.selfClosing && len(f.skipped) < maxSkipped {
			f.skipped = append(f.skipped, e.atom)
		}
		f.text.breakLine()
	case e.has(mainPart):
		// It is never inside a menu: one was left open.
		f.skipped = f.skipped[:0]
		f.text.breakLine()
	case e.atom == atom.Title:
		// An <svg> has titles too.
		f.inTitle = !f.scan.selfClosing && len(f.skipped) == 0
	case e.atom == atom.Pre && !f.scan.selfClosing:
		f.pre++
		f.text.breakLine()
	case e.has(ownLine):
		f.text.breakLine()
	case e.has(cell):
		f.text.space = true
	}
}

func (f *fastReader) shut() {
	e := f.scan.element
	switch {
	case e.atom == atom.Title:
		f.inTitle = false
	case e.has(leftOut):
		f.head.inLinked = false // the script was empty
		f.unskip(e.atom)
	case e.atom == atom.Pre:
		f.pre = max(0, f.pre-1)
		f.text.breakLine()
	case e.has(ownLine):
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
