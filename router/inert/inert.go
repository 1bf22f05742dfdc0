// Package inert finds the parts of a text that cleaning and normalising leave as
// they are: visible characters with single spaces between, in NFC, that neither
// compose with nor are reordered around any other. Nearly all text is of that
// kind, and asking Unicode's tables for each character costs many times as much
// as copying or hashing it.
//
// It knows nothing of pages or digests; router/page and router/dedupe decide by
// it what needs a closer look. It allocates nothing and keeps no state.
package inert

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// Words of eight bytes: the lowest and the highest bit of each, and spaces.
const (
	lows   = 0x0101010101010101
	highs  = 0x8080808080808080
	spaces = 0x2020202020202020
)

// Run is the length of the beginning of text that is inert whatever stands
// before and after it. It begins and ends with a visible character; two spaces
// in a row end it. Broken UTF-8 ends it too.
func Run(text string) int {
	i := 0
	for i < len(text) {
		i = letters(text, i)
		if i == len(text) {
			return i
		}
		c := text[i]
		switch {
		case c > ' ' && c < 0x7f:
			i = ascii(text, i+1)
		case c == ' ':
			// It counts with the visible character after it.
			if i == 0 || i+1 == len(text) || !visible(text, i+1) {
				return i
			}
			i++
		case c < utf8.RuneSelf:
			return i
		default:
			n := letter(text, i)
			if n == 0 {
				return i
			}
			i += n
		}
	}
	return i
}

// RunBytes is Run of bytes.
func RunBytes(text []byte) int { return Run(unsafe.String(unsafe.SliceData(text), len(text))) }

// letters is the end of the characters from i on that are inert by their first
// byte, with single spaces between. It leaves the last bytes of text to others.
func letters(text string, i int) int {
	for i+4 <= len(text) {
		p := text[i : i+4]
		w := uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
		a := &always[p[0]]
		if w&a.mask == a.want {
			i += int(a.length)
			continue
		}
		if p[0] != ' ' || i == 0 {
			break
		}
		if a = &always[p[1]]; w>>8&a.mask != a.want {
			break
		}
		i += 1 + int(a.length)
	}
	return i
}

// ascii is the end of the visible ASCII with single spaces between that goes on
// at i after a visible character; it ends with one.
func ascii(text string, i int) int {
	for ; i+8 <= len(text); i += 8 {
		w := word(text, i)
		// A byte's high bit is set where it is not inert by itself: below 0x20,
		// above 0x7e, or a space after a space. Carries between bytes reach only
		// those after one that is not inert, where we stop anyway.
		blank := zeros(w ^ spaces)
		stop := (w-spaces)&^w&highs | (w+lows)&highs | w&highs | blank&(blank<<8)
		if text[i-1] == ' ' {
			stop |= blank & 0x80
		}
		if stop == 0 {
			continue
		}
		i += bits.TrailingZeros64(stop) / 8
		return back(text, i)
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' || c >= 0x7f || c == ' ' && text[i-1] == ' ' {
			break
		}
	}
	return back(text, i)
}

// back leaves out a space at the end: it is for Run to say what follows it.
func back(text string, i int) int {
	if text[i-1] == ' ' {
		return i - 1
	}
	return i
}

// zeros has the high bit of each byte of w set that is zero.
func zeros(w uint64) uint64 { return ^((w&^uint64(highs) + ^uint64(highs)) | w | ^uint64(highs)) }

func word(text string, i int) uint64 {
	p := text[i : i+8]
	return uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 |
		uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
}

// visible reports whether an inert character other than a space stands at i.
func visible(text string, i int) bool {
	c := text[i]
	return c > ' ' && c < 0x7f || c >= utf8.RuneSelf && letter(text, i) > 0
}

// always tells by its first byte how long a character is that is inert whatever
// its other bytes are: Latin and IPA, Cyrillic, Han, Hangul. The other bytes,
// under mask, are as wanted; of other characters they never are.
var always = func() (a [256]struct {
	mask, want uint32
	length     uint8
}) {
	for lead := range a {
		switch {
		case 0xc3 <= lead && lead <= 0xcb, lead == 0xd0, lead == 0xd1:
			a[lead].mask, a[lead].want, a[lead].length = 0xc000, 0x8000, 2
		case 0xe5 <= lead && lead <= 0xe9, lead == 0xeb, lead == 0xec:
			a[lead].mask, a[lead].want, a[lead].length = 0xc0c000, 0x808000, 3
		default:
			a[lead].want = 1
		}
	}
	return a
}()

// letter is the length of the character beyond ASCII at i if it is inert, else 0.
func letter(text string, i int) int {
	r, n := utf8.DecodeRuneInString(text[i:])
	if inert(r) {
		return n
	}
	return 0
}

// inert reports characters beyond ASCII that are visible, in NFC, and that
// neither compose with nor are reordered around any other: no marks, no
// conjoining jamo, nothing that decomposes for good. It need not know them all.
func inert(r rune) bool {
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
