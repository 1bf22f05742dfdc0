package dedupe

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"lukechampine.com/blake3"
)

// Digest returns 128 bits of BLAKE3 over the normalised text. Two texts have one
// digest if they differ only in
//
//   - how a character is composed (NFC),
//   - white space: any run counts as one space, none at the ends,
//   - control characters and the invisible soft hyphen, zero-width space, word
//     joiner and byte order mark, which count as nothing.
//
// Case and punctuation count. Broken UTF-8 counts as U+FFFD.
func Digest(text string) [16]byte {
	sum := blake3.Sum256(normalise(text))
	return [16]byte(sum[:16])
}

func normalise(text string) []byte {
	b := make([]byte, 0, len(text)+8)
	space, composed := false, true
	for i := 0; i < len(text); {
		if n := plainText(text[i:]); n > 0 {
			if space {
				b = append(b, ' ')
				space = false
			}
			b = append(b, text[i:i+n]...)
			i += n
			continue
		}
		c, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case unicode.IsSpace(c):
			space = len(b) > 0
			continue
		case invisible(c):
			continue
		}
		if space {
			b = append(b, ' ')
			space = false
		}
		b = utf8.AppendRune(b, c)
		composed = false // perhaps
	}
	if composed || norm.NFC.IsNormal(b) {
		return b
	}
	return norm.NFC.Bytes(b)
}

// plainText is the length of the leading text that normalises to itself whatever
// stands around it: visible ASCII with single spaces between, and letters of the
// commonest scripts. Deciding that for each character by Unicode's tables costs
// many times as much as the hash.
func plainText(text string) int {
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
			r, n := utf8.DecodeRuneInString(text[i:])
			if !inert(r) {
				return i
			}
			i += n
		}
	}
	return len(text)
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
	case r < 0x2010:
		return 0x05d0 <= r && r <= 0x05ea || 0x0620 <= r && r <= 0x064a || // Hebrew, Arabic
			0x0e01 <= r && r <= 0x0e30 // Thai
	case r < 0x3001:
		return r <= 0x2027 || 0x2030 <= r && r <= 0x205e // punctuation
	case r < 0x3400: // punctuation, kana
		return r <= 0x3029 || 0x3041 <= r && r <= 0x3096 || 0x30a1 <= r && r <= 0x30ff
	case r < 0xac00: // Han
		return r <= 0x4dbf || 0x4e00 <= r && r <= 0x9fff
	default: // Hangul syllables, full-width forms
		return r <= 0xd7a3 || 0xff01 <= r && r <= 0xff60
	}
}

func invisible(c rune) bool {
	switch c {
	case '\u00ad', '\u200b', '\u2060', '\ufeff':
		return true
	}
	return c < ' ' || 0x7f <= c && c <= 0x9f
}
