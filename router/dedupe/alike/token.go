package alike

import (
	"math/bits"
	"unicode/utf8"
)

// tokens calls yield with the hash of each token of text, in order. A token is a
// run of letters, digits and marks in lower case; in scripts that write without
// spaces it is one letter with its marks. Everything else only separates.
func tokens(text string, yield func(hash uint64)) {
	var hash uint64 // 0: between tokens
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch class := ascii[c]; {
			case class != 0:
				hash = step(hash, uint64(class))
			case hash != 0:
				yield(hash)
				hash = 0
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch kindOf(r) {
		case kindMark:
			if hash != 0 {
				hash = step(hash, uint64(r))
			}
		case kindUnspaced:
			if hash != 0 {
				yield(hash)
			}
			hash = step(0, uint64(r))
			if !marked(text[i:]) {
				yield(hash)
				hash = 0
			}
		case kindLetter:
			hash = step(hash, uint64(lower(r)))
		default:
			if hash != 0 {
				yield(hash)
				hash = 0
			}
		}
	}
	if hash != 0 {
		yield(hash)
	}
}

// ascii is the lower-case letter or digit that a byte stands for in a token, 0
// for what separates.
var ascii = func() (table [utf8.RuneSelf]byte) {
	for c := range table {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			table[c] = byte(c)
		case 'A' <= c && c <= 'Z':
			table[c] = byte(c) + 'a' - 'A'
		}
	}
	return table
}()

// marked reports whether text goes on with a combining mark.
func marked(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return r >= utf8.RuneSelf && kindOf(r) == kindMark
}

// unspaced reports letters of scripts that write without spaces between words.
// The commonest come first, for this is asked for every such letter.
func unspaced(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r < 0x1100:
		return r < 0x0f00 || // Thai, Lao
			r <= 0x0fff || // Tibetan, which parts syllables only
			r <= 0x109f // Burmese
	case r < 0x3041:
		return 0x1780 <= r && r <= 0x17ff || // Khmer
			0x1950 <= r && r <= 0x19df || // Tai Le, New Tai Lue
			0x1a20 <= r && r <= 0x1aaf || // Tai Tham
			0x3005 <= r && r <= 0x3007
	case r <= 0x30ff: // kana
		return true
	case r < 0xac00:
		return 0x3400 <= r && r <= 0x9fff || 0x31f0 <= r && r <= 0x31ff || 0xa980 <= r && r <= 0xa9df || // Han, kana, Javanese
			0xaa60 <= r && r <= 0xaadf // more Burmese, Tai Viet
	default:
		return 0xf900 <= r && r <= 0xfaff || 0xff66 <= r && r <= 0xff9d || 0x20000 <= r && r <= 0x3ffff
	}
}

// step adds a character to the hash of a token; it never returns 0.
func step(hash, c uint64) uint64 {
	return (bits.RotateLeft64(hash, 23)^c)*0x9e3779b97f4a7c15 | 1
}

// mix spreads every bit of x over the result (the finaliser of MurmurHash3, by
// A. Appleby, who put it in the public domain).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
