// Package personal finds personal data in text that can be told by its form: mail
// addresses, telephone numbers, bank accounts (IBAN) and identity numbers of a
// dozen countries. Whatever carries a checksum counts only if that is right, and
// numbers without one only where their form or a word before them says what they
// are: it is better to overlook some than to take every number for a person.
//
// It does not find names, addresses or anything that must be understood. It keeps
// no state; only router/page and what records pages use it.
package personal

import "strings"

// Kind is a kind of personal data.
type Kind uint8

// The kinds.
const (
	Email Kind = iota
	Phone
	IBAN
	NationalID
	kinds
)

// placeholder is what stands in the place of what is redacted.
var placeholder = [kinds]string{"[email]", "[phone]", "[iban]", "[id]"}

// Counts says how many occurrences of each kind there are.
type Counts [kinds]int

// Any reports whether there is one at all.
func (c Counts) Any() bool { return c != Counts{} }

// span is an occurrence in a text.
type span struct {
	from, to int
	kind     Kind
}

// Count counts what is in text. It takes time in proportion to the text.
func Count(text string) (c Counts) {
	find(text, func(s span) { c[s.kind]++ })
	return c
}

// Redact is text with "[email]", "[phone]", "[iban]" or "[id]" in the place of
// each occurrence, and how many of each there were.
func Redact(text string) (string, Counts) {
	var c Counts
	var b strings.Builder
	done := 0
	find(text, func(s span) {
		c[s.kind]++
		b.WriteString(text[done:s.from])
		b.WriteString(placeholder[s.kind])
		done = s.to
	})
	if done == 0 {
		return text, c
	}
	b.WriteString(text[done:])
	return b.String(), c
}

// find calls found for each occurrence, in order; none overlap.
func find(text string, found func(span)) {
	done := 0 // nothing before is looked at again
	for i := 0; i < len(text); {
		switch class[text[i]] {
		case classAt:
			if from, to := mail(text, done, i); to > 0 {
				found(span{from, to, Email})
				done, i = to, to
				continue
			}
			i++
		case classDigit:
			from := i
			for from > done && alnum(text[from-1]) {
				from--
			}
			if to, kind := number(text, done, from); to > 0 {
				if kind == Phone {
					from = withMarks(text, done, from, to)
				}
				found(span{from, to, kind})
				done, i = to, to
				continue
			}
			for i < len(text) && alnum(text[i]) {
				i++ // no part of a word is looked at twice
			}
		default:
			i++
		}
	}
}

// number tells what begins with the word at from, which has a digit in it, and
// where it ends; 0 for nothing.
func number(text string, done, from int) (to int, kind Kind) {
	if from > 0 && inWord(text, done, from) {
		return 0, 0
	}
	if to = iban(text, from); to > 0 {
		return to, IBAN
	}
	if to = nationalID(text, from); to > 0 {
		return to, NationalID
	}
	if to = phone(text, done, from); to > 0 {
		return to, Phone
	}
	return 0, 0
}

// inWord reports whether what stands before from joins it to something longer: a
// letter beyond ASCII, or the marks inside of addresses, dates and versions.
func inWord(text string, done, from int) bool {
	switch c := text[from-1]; {
	case c >= 0x80:
		// Letters of scripts without spaces may stand right before a number.
		return c >= 0xc3 && c <= 0xcb
	case c == '_' || c == '=' || c == '&' || c == '%' || c == '#':
		return true
	case c == '.' || c == '-' || c == '/' || c == ':' || c == ',':
		return from > done+1 && alnum(text[from-2])
	}
	return false
}

// Classes of bytes that begin a search.
const (
	classAt    = 1
	classDigit = 2
)

var class = func() (c [256]uint8) {
	c['@'] = classAt
	for d := '0'; d <= '9'; d++ {
		c[d] = classDigit
	}
	return c
}()

func digit(c byte) bool { return '0' <= c && c <= '9' }

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }

func alnum(c byte) bool { return digit(c) || upper(c) || 'a' <= c && c <= 'z' }

// ends reports whether a number may end at i: nothing follows that belongs to it.
func ends(text string, i int) bool {
	return i == len(text) || !alnum(text[i]) && text[i] != '_' &&
		(i+1 == len(text) || text[i] != '-' && text[i] != '/' && text[i] != '.' || !digit(text[i+1]))
}
