package personal

import "strings"

// Digits of a telephone number: E.164 allows 15; fewer than 7 are an extension.
const (
	minDigits = 7
	maxDigits = 15
)

// phone is the end of the telephone number that begins at from, 0 if there is
// none. It takes numbers with "+" or "00" and a country, those of North America as
// they are written there, and what a word like "tel" stands before.
func phone(text string, done, from int) int {
	if !digit(text[from]) {
		return 0
	}
	digits, groups, to := digitsOf(text, from)
	if digits < minDigits || digits > maxDigits || !ends(text, to) {
		return 0
	}
	start := withMarks(text, done, from, to)
	number := text[from:to]
	switch {
	case start < from && text[start] == '+':
		if number[0] == '0' || digits < 8 {
			return 0
		}
	case afterDigits(text, start):
		return 0
	case strings.HasPrefix(number, "00") && number[2] != '0' && groups > 1 && digits >= 10:
	case northAmerican(text[start:to]):
	case labelled(text[max(done, start-labelBytes):start]):
	default:
		return 0
	}
	return to
}

// withMarks is where the telephone number begins whose digits go from from to to:
// at a "+" before them, and at a bracket that is closed among them.
func withMarks(text string, done, from, to int) int {
	closing := strings.IndexByte(text[from:to], ')')
	if from > done && text[from-1] == '(' && closing >= 0 && !strings.Contains(text[from:from+closing], "(") {
		from--
	}
	if from > done && text[from-1] == '+' {
		from--
	}
	return from
}

// afterDigits reports whether what begins at from goes on after digits and a space.
func afterDigits(text string, from int) bool {
	return from >= 2 && text[from-1] == ' ' && digit(text[from-2])
}

// digitsOf counts the digits from on, in groups with at most two of the usual
// marks between them, and says where the last one ends.
func digitsOf(text string, from int) (digits, groups, to int) {
	gap := 3 // since the last digit; a group begins
	for i := from; i < len(text) && digits <= maxDigits; i++ {
		switch c := text[i]; {
		case digit(c):
			if gap > 0 {
				groups++
			}
			digits, gap, to = digits+1, 0, i+1
		case (c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/') && gap < 2:
			gap++
		default:
			return digits, groups, to
		}
	}
	return digits, groups, to
}

// northAmerican reports (555) 123-4567, 555-123-4567 and 555.123.4567, with or
// without 1 before, where area and exchange begin with 2 to 9.
func northAmerican(number string) bool {
	n := strings.TrimPrefix(strings.TrimPrefix(number, "1-"), "1 ")
	mark := byte('-')
	if strings.HasPrefix(n, "(") {
		area, rest, ok := strings.Cut(n[1:], ")")
		if !ok {
			return false
		}
		n = area + "-" + strings.TrimPrefix(rest, " ")
	} else if len(n) > 3 && n[3] == '.' {
		mark = '.'
	}
	if len(n) != 12 || n[3] != mark || n[7] != '-' && n[7] != mark || n[0] < '2' || n[4] < '2' {
		return false
	}
	for i := range len(n) {
		if i != 3 && i != 7 && !digit(n[i]) {
			return false
		}
	}
	return true
}

// labelBytes is how far before a number its label may begin.
const labelBytes = 24

// labels are words that say that a telephone number follows, in lower case.
var labels = [...]string{
	"tel", "phone", "fon", "mobile", "mobil", "cell", "fax", "call", "whatsapp", "teléfono", "telefono", "téléphone",
	"тел", "факс", "電話", "电话", "전화", "هاتف", "טלפון", "τηλ", "โทร",
}

// labelled reports whether text, which stands right before a number, ends in a
// label and at most a few marks.
func labelled(text string) bool {
	text = strings.TrimRight(strings.ToLower(text), " .:()+\u00a0\uff1a-#\n\t")
	for _, label := range labels {
		if i := strings.LastIndex(text, label); i >= 0 && len(text)-i-len(label) <= len("ephone") &&
			!strings.ContainsAny(text[i+len(label):], "0123456789,;]") && (i == 0 || !alnum(text[i-1])) {
			return true
		}
	}
	return false
}
