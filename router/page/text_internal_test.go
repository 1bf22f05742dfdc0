package page

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Unicode's own tables are the judge of the characters taken without them.
func TestSettled(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		if dense := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul); isDense(r) != dense {
			t.Errorf("%U: dense is %t", r, !dense)
		}
		if !settled(r) {
			continue
		}
		s := string(r)
		p := norm.NFC.PropertiesString(s)
		if unicode.IsSpace(r) || dropped(r) || r == '\u200b' || !norm.NFC.IsNormalString(s) || p.CCC() != 0 || !p.BoundaryBefore() {
			t.Errorf("%U is not settled", r)
		}
	}
}
