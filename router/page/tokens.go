package page

import (
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// bytesPerToken is what byte-pair vocabularies of large models average on
// text with spaces between words.
const bytesPerToken = 4

// EstimateTokens estimates how many tokens a large model's tokenizer would
// make of text: one for each Han, kana or Hangul character, and one for every
// four bytes of all the rest, rounded up. No tokenizer is run: expect it
// within about a third of any one of them, and use it for sums, not for
// limits.
func EstimateTokens(text string) int64 {
	dense, denseBytes := 0, 0
	for i := 0; i < len(text); {
		// Eight bytes none of which begins a character of three or more are passed
		// over; that may end within a character, whose rest begins none either.
		if i+8 <= len(text) {
			p := text[i : i+8]
			w := uint64(p[0]) | uint64(p[1])<<8 | uint64(p[2])<<16 | uint64(p[3])<<24 |
				uint64(p[4])<<32 | uint64(p[5])<<40 | uint64(p[6])<<48 | uint64(p[7])<<56
			first := bits.TrailingZeros64(w&(w<<1)&(w<<2)&0x8080808080808080) / 8
			if i += first; first == 8 {
				continue
			}
		}
		switch c := text[i]; {
		case c < firstDenseLead:
			i++
		case 0xe5 <= c && c <= 0xe9 && i+2 < len(text) && text[i+1]&0xc0 == 0x80 && text[i+2]&0xc0 == 0x80: // Han, all of them
			dense++
			denseBytes += 3
			i += 3
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			if isDense(r) {
				dense++
				denseBytes += size
			}
			i += size
		}
	}
	return int64(dense + (len(text)-denseBytes+bytesPerToken-1)/bytesPerToken)
}

// firstDenseLead is the first byte of the lowest character that may be dense, a
// Hangul letter; bytes below never begin one.
const firstDenseLead = 0xe1

// isDense reports characters that are about a token each.
func isDense(r rune) bool {
	switch { // the bulk of them, without a search in tables
	case 0x3041 <= r && r <= 0x3096, 0x30a1 <= r && r <= 0x30fa, 0x4e00 <= r && r <= 0x9fff, 0xac00 <= r && r <= 0xd7a3:
		return true
	case r < 0x1100 || 0x2010 <= r && r <= 0x2027:
		return false
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}
