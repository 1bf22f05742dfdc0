package page

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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
		if n := plainRun(text); n > 0 {
			w.flushSpace()
			w.buf = append(w.buf, text[:n]...)
			text = text[n:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		w.writeRune(r, pre)
		text = text[size:]
	}
}

// plainRun is the length of the leading text that can be copied as it is:
// visible ASCII with single spaces between, and letters of the commonest
// scripts, for which Unicode's tables need not be asked one by one.
func plainRun(text []byte) int {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c > ' ' && c < 0x7f:
			i++
		case c == ' ' && i > 0 && i+1 < len(text) && text[i+1] > ' ' && text[i+1] < 0x7f:
			i++
		case c < utf8.RuneSelf:
			return i
		default:
			r, size := utf8.DecodeRune(text[i:])
			if !settled(r) {
				return i
			}
			i += size
		}
	}
	return len(text)
}

// settled reports characters beyond ASCII that are visible, in NFC, and that
// neither compose with nor are reordered around any other. It need not know
// them all.
func settled(r rune) bool {
	switch {
	case r < 0x0400:
		return 0x00bf <= r && r <= 0x02ff
	case r < 0x0530: // Cyrillic
		return r <= 0x0482 || r >= 0x048a
	case r < 0x2010: // Hebrew, Arabic, Thai
		return 0x05d0 <= r && r <= 0x05ea || 0x0620 <= r && r <= 0x064a || 0x0e01 <= r && r <= 0x0e30
	case r < 0x3001: // punctuation
		return r <= 0x2027 || 0x2030 <= r && r <= 0x205e
	case r < 0x3400: // punctuation, kana
		return r <= 0x3029 || 0x3041 <= r && r <= 0x3096 || 0x30a1 <= r && r <= 0x30ff
	case r < 0xac00: // Han
		return r <= 0x4dbf || 0x4e00 <= r && r <= 0x9fff
	default: // Hangul syllables, full-width forms
		return r <= 0xd7a3 || 0xff01 <= r && r <= 0xff60
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
