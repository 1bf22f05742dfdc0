package inert

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain is Run character by character.
func plain(text string) int {
	end := 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == ' ' && i == end && i > 0: // one space is passed over
			i++
			continue
		case r > ' ' && r < 0x7f, r >= utf8.RuneSelf && r != utf8.RuneError && inert(r):
		default:
			return end
		}
		i += n
		end = i
	}
	return end
}

var texts = []string{
	"", " ", "a", " a", "a ", "a b", "a  b", "plain words and no end of them", "eight by8", "12345678 1234567  8",
	"tab\there", "del\x7f", "über Öl", "река и море", "река  и", "東京 の 川", "ㄱ", "e\u0301", "a \u0301", "a\xff", "a \xff", "\xd0", "\xe5\x80", "가나다 라",
	"ーヽ゛", "\u4dc0", "12345678\n", "1234567\n8", "1234567 \n", "1234567  ", "12345678 ", "12345678  ", "1234567é", "😀",
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		for pad := range 10 {
			padded := strings.Repeat("x", pad) + text
			if got, want := Run(padded), plain(padded); got != want {
				t.Errorf("%q: %d, want %d", padded, got, want)
			}
		}
	}
}

// Unicode's own tables are the judge of which characters need no look-up.
func TestCharacters(t *testing.T) {
	t.Parallel()
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		s := string(r)
		if Run(s) == 0 && Run("x"+s+"xxx") == 1 {
			continue
		}
		p := norm.NFC.PropertiesString(s)
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || !utf8.ValidRune(r) ||
			!norm.NFC.IsNormalString(s) || p.CCC() != 0 || !p.BoundaryBefore() {
			t.Errorf("%U is not inert", r)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, text := range texts {
		f.Add(text, "and ", " more")
	}
	f.Fuzz(func(t *testing.T, text, before, after string) {
		n := Run(text)
		if n != plain(text) || n != RunBytes([]byte(text)) {
			t.Fatalf("%q: %d, want %d", text, n, plain(text))
		}
		// Whatever stands around it, normalising leaves it as it is.
		before, after = strings.ToValidUTF8(before, ""), strings.ToValidUTF8(after, "")
		part := text[:n]
		whole := norm.NFC.String(before + part + after)
		if part != "" && whole != norm.NFC.String(before)+part+norm.NFC.String(after) {
			// A mark that follows the last character may compose with it.
			first, _ := utf8.DecodeRuneInString(after)
			if !norm.NFC.PropertiesString(after).BoundaryBefore() || !unicode.IsGraphic(first) {
				return
			}
			t.Fatalf("%q between %q and %q becomes %q", part, before, after, whole)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	for name, text := range map[string]string{
		"ascii":    strings.Repeat("plain words and no end of them, ", 1000),
		"cyrillic": strings.Repeat("река и старый город где каждое утро ", 1000),
		"japanese": strings.Repeat("港長にすべてを書き留めるように頼んだ人は", 1000),
	} {
		b.Run(name+"/floor-by-character", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				plain(text)
			}
		})
		b.Run(name+"/fallow", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Run(text)
			}
		})
	}
}
