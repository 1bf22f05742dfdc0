package page

import (
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
		c := text[i]
		switch {
		case c < firstDenseLead:
			i++
			for i+8 <= len(text) && text[i]|text[i+1]|text[i+2]|text[i+3]|text[i+4]|text[i+5]|text[i+6]|text[i+7] < utf8.RuneSelf {
				i += 8
			}
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
