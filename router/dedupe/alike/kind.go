package alike

import (
	"sync"
	"unicode"
)

// kind is what a character is to tokens.
type kind uint8

const (
	kindNone     kind = iota // separates
	kindMark                 // belongs to the character before it
	kindUnspaced             // a token of its own
	kindLetter               // a letter or digit in a run
)

// plane and lowered hold the kinds of the basic plane and the lower-case forms of
// the characters where most alphabets with two cases stand: asking Unicode's
// tables for each character is most of the work otherwise.
var (
	plane = sync.OnceValue(func() *[1 << 16]kind {
		var p [1 << 16]kind
		for r := range rune(len(p)) {
			p[r] = kindByTables(r)
		}
		return &p
	})
	lowered = sync.OnceValue(func() *[0x600]rune {
		var l [0x600]rune
		for r := range rune(len(l)) {
			l[r] = unicode.ToLower(r)
		}
		return &l
	})
)

func kindOf(r rune) kind {
	if r < 1<<16 {
		return plane()[r]
	}
	return kindByTables(r)
}

func kindByTables(r rune) kind {
	switch {
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r):
		return kindMark
	case unspaced(r):
		return kindUnspaced
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		return kindLetter
	}
	return kindNone
}

func lower(r rune) rune {
	if r < 0x600 {
		return lowered()[r]
	}
	return unicode.ToLower(r)
}
