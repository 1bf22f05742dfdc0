package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the longest text that a person writes into the books, in bytes.
const MaxText = 500

// IsText says whether s can stand in an epoch file: printable UTF-8 in one
// line, at most MaxText bytes.
func IsText(s string) bool {
	return len(s) <= MaxText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isPlain says whether s is short printable ASCII, which has one form in JSON.
func isPlain(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
