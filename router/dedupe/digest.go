package dedupe

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/router/inert"
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
		if n := inert.Run(text[i:]); n > 0 {
			if space {
				b = append(b, ' ')
				space = false
			}
			b = append(b, text[i:i+n]...)
			i += n
			continue
		}
		if text[i] == ' ' || text[i] == '\n' {
			space = len(b) > 0
			i++
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

func invisible(c rune) bool {
	switch c {
	case '\u00ad', '\u200b', '\u2060', '\ufeff':
		return true
	}
	return c < ' ' || 0x7f <= c && c <= 0x9f
}
