package dedupe

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normaliseSlowly says what normalise means, character by character.
func normaliseSlowly(text string) string {
	var b strings.Builder
	space := false
	for _, c := range text {
		switch {
		case unicode.IsSpace(c):
			space = b.Len() > 0
			continue
		case invisible(c):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(c)
	}
	return norm.NFC.String(b.String())
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{
		"", " a  b ", "\ta\u00a0b\u00ad", "e\u0301te\u0301", "\u1100\u1161\u11a8 \uac00\u11a8", "Привет, мир", "世界\u3000です。か\u3099",
		"\xff\xfe", "й и\u0306", "a \u0301", "\u0627\u0653", "1 世 2", "a\u200bb", "\u2126\u212b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := string(normalise(text)), normaliseSlowly(text); got != want {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
	})
}
