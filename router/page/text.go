package page

import (
	"bytes"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fallow-network/fallow/router/inert"
)

// textWriter gathers text and keeps Page.Text's promise: valid UTF-8, NFC, no
// control characters but newline and tab, white space folded. Outside
// preformatted text any white space is one space and lines are made by
// breakLine alone.
type textWriter struct {
	buf   []byte
	limit int
	space bool // a space is due before the next character of this line
	loose bool // something was written that may not be in NFC
}

// newTextWriter writes at most limit bytes; hint sizes the buffer.
func newTextWriter(hint, limit int) *textWriter {
	return &textWriter{buf: make([]byte, 0, min(hint, limit, 64<<10)), limit: limit}
}

// keptText is the largest buffer kept for the next page.
const keptText = 1 << 20

// texts are buffers of pages' texts.
var texts = sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }}

// newPageText is a writer of a whole page's text, whose buffer is used again.
func newPageText(limit int) *textWriter {
	return &textWriter{buf: (*texts.Get().(*[]byte))[:0], limit: limit}
}

// finishPage is finish for a writer of newPageText.
func (w *textWriter) finishPage() string {
	buf := w.buf
	text := w.finish()
	if cap(buf) <= keptText {
		texts.Put(&buf)
	}
	w.buf = nil
	return text
}

// breakLine starts a new line unless one was just started.
func (w *textWriter) breakLine() {
	w.trimLine()
	w.space = false
	if n := len(w.buf); n > 0 && w.buf[n-1] != '\n' {
		w.buf = append(w.buf, '\n')
	}
}

// trimLine drops white space from the end of the line being written.
func (w *textWriter) trimLine() { w.buf = bytes.TrimRight(w.buf, " \t") }

// full reports whether more text would be thrown away.
func (w *textWriter) full() bool { return len(w.buf) >= w.limit }

// write adds text; pre keeps its spaces and line ends.
func (w *textWriter) write(text []byte, pre bool) {
	for len(text) > 0 && !w.full() {
		if n := inert.RunBytes(text); n > 0 {
			w.flushSpace()
			w.buf = append(w.buf, text[:n]...)
			text = text[n:]
			continue
		}
		if !pre && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t') {
			w.space = true
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		w.writeRune(r, pre)
		text = text[size:]
	}
}

func (w *textWriter) writeRune(r rune, pre bool) {
	switch {
	case pre && (r == '\n' || r == '\u2028' || r == '\u2029'):
		w.trimLine()
		// At most one empty line in a row.
		if n := len(w.buf); n > 0 && !bytes.HasSuffix(w.buf, []byte("\n\n")) {
			w.buf = append(w.buf, '\n')
		}
		w.space = false
	case pre && r == '\t':
		w.buf = append(w.buf, '\t')
	case unicode.IsSpace(r), r == '\u200b':
		if pre && r != '\r' {
			w.buf = append(w.buf, ' ')
		} else if !pre {
			w.space = true
		}
	case dropped(r):
	default:
		w.flushSpace()
		w.buf = utf8.AppendRune(w.buf, r)
		w.loose = w.loose || r >= utf8.RuneSelf
	}
}

// flushSpace writes the space that is due, unless the line is empty.
func (w *textWriter) flushSpace() {
	if n := len(w.buf); w.space && n > 0 && w.buf[n-1] != '\n' {
		w.buf = append(w.buf, ' ')
	}
	w.space = false
}

// dropped are characters that carry nothing in running text: controls, soft
// hyphens, byte order marks, noncharacters. Joiners stay, scripts need them.
func dropped(r rune) bool {
	return unicode.IsControl(r) || r == '\u00ad' || r == '\ufeff' || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef
}

// finish is the text so far; the writer is spent.
func (w *textWriter) finish() string {
	text := w.buf
	if w.loose {
		text = norm.NFC.Bytes(text)
	}
	text = cut(text, w.limit)
	return string(bytes.TrimSpace(text))
}

// cut shortens text to at most n bytes, at a character.
func cut(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// oneLine is s as a title or an attribute: clean, on one line, at most n bytes.
func oneLine(s []byte, n int) string {
	w := newTextWriter(len(s), n)
	w.write(s, false)
	return w.finish()
}

// sample is the beginning of text, at most n bytes.
func sample(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
