package page

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// Unicode's own tables are the judge of the characters taken without them.
func TestDense(t *testing.T) {
	t.Parallel()
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		if dense := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul); isDense(r) != dense {
			t.Errorf("%U: dense is %t", r, !dense)
		}
	}
}

// EstimateTokens looks only at characters that may be dense; one by one it comes
// to the same.
func FuzzEstimateTokens(f *testing.F) {
	for _, text := range []string{"", "a", "plain words", "港長にすべてを", "река 川 ㄱ\u1100", "\xe1\xff\xf0", "12345678\xe4\xb8\xad"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dense, rest := 0, 0
		for _, r := range text {
			if isDense(r) {
				dense++
			}
		}
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			if !isDense(r) {
				rest += n
			}
			i += n
		}
		if got, want := EstimateTokens(text), int64(dense+(rest+3)/4); got != want {
			t.Fatalf("%q: %d, want %d", text, got, want)
		}
	})
}
