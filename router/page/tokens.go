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
	for _, r := range text {
		if r >= firstDense && isDense(r) {
			dense++
			denseBytes += utf8.RuneLen(r)
		}
	}
	return int64(dense + (len(text)-denseBytes+bytesPerToken-1)/bytesPerToken)
}

// firstDense is the lowest character that may be dense, a Hangul letter.
const firstDense = 0x1100

// isDense reports characters that are about a token each.
func isDense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}
