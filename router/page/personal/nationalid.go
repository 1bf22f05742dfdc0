package personal

import "strings"

// A form is how an identity number is written: 9 a digit, A an upper-case letter,
// X either, anything else itself.
type form struct {
	pattern string
	right   func(id string) bool // the checksum, or what else makes it one
}

// forms are the identity numbers known. Numbers that are nothing but a few digits
// with a weak checksum are not among them: one in eleven of any would be right.
var forms = []form{
	{"99999999A", spanish},            // Spain, DNI
	{"A9999999A", spanish},            // Spain, NIE
	{"AAAAAA99A99A999A", italian},     // Italy, codice fiscale
	{"99999999999", polish},           // Poland, PESEL
	{"999.999.999-99", brazilian},     // Brazil, CPF
	{"999999-9999", swedish},          // Sweden, personnummer
	{"99999999-9999", swedish},        // the same with the century
	{"999999-999X", finnish},          // Finland, henkilötunnus
	{"999999A999X", finnish},          // the same, born since 2000
	{"99.99.99-999.99", belgian},      // Belgium, rijksregisternummer
	{"99999999999999999X", chinese},   // China, resident identity number
	{"9999 9999 9999", indian},        // India, Aadhaar
	{"999-99-9999", american},         // United States, social security number
	{"9 99 99 99 999 999 99", french}, // France, NIR
	{"999999999999999", french},       // the same in one
	{"999999-9999999", korean},        // South Korea, resident registration number
	{"99999999999", turkish},          // Türkiye, kimlik numarası
	{"AA999999A", british},            // United Kingdom, national insurance number
}

// nationalID is the end of the identity number that begins at from, 0 if there is
// none.
func nationalID(text string, from int) int {
	for i := range forms {
		f := &forms[i]
		to := from + len(f.pattern)
		if to <= len(text) && fits(f.pattern, text[from:to]) && ends(text, to) && f.right(text[from:to]) {
			return to
		}
	}
	return 0
}

func fits(pattern, text string) bool {
	for i := range len(pattern) {
		c := text[i]
		switch pattern[i] {
		case '9':
			if !digit(c) {
				return false
			}
		case 'A':
			if !upper(c) {
				return false
			}
		case 'X':
			if !digit(c) && !upper(c) {
				return false
			}
		default:
			if c != pattern[i] {
				return false
			}
		}
	}
	return true
}

// digits are the digits of an id as numbers.
func digits(id string) []int {
	list := make([]int, 0, 18)
	for i := range len(id) {
		if digit(id[i]) {
			list = append(list, int(id[i]-'0'))
		}
	}
	return list
}

func value(list []int) (n int) {
	for _, d := range list {
		n = n*10 + d
	}
	return n
}

func weighted(list []int, weights ...int) (sum int) {
	for i, w := range weights {
		sum += w * list[i]
	}
	return sum
}

// date reports whether month and day can be ones.
func date(month, day int) bool { return 1 <= month && month <= 12 && 1 <= day && day <= 31 }

func spanish(id string) bool {
	n := digits(id)
	switch at := strings.IndexByte("XYZ", id[0]); {
	case at >= 0:
		n = append([]int{at}, n...)
	case !digit(id[0]):
		return false
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[value(n)%23] == id[8]
}

func italian(id string) bool {
	odd := [36]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range 15 {
		n := int(id[i] - '0')
		if upper(id[i]) {
			n = int(id[i]-'A') + 10
		}
		if i%2 == 0 {
			sum += odd[n]
		} else {
			sum += n
			if n >= 10 {
				sum -= 10 // a letter counts from zero
			}
		}
	}
	return byte('A'+sum%26) == id[15]
}

func polish(id string) bool {
	n := digits(id)
	return (weighted(n, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)+n[10])%10 == 0 && date((n[2]%2)*10+n[3], n[4]*10+n[5])
}

func brazilian(id string) bool {
	n := digits(id)
	check := func(sum int) int { return (sum * 10 % 11) % 10 }
	return strings.Count(id, id[:1]) < 11 &&
		check(weighted(n, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == n[9] &&
		check(weighted(n, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == n[10]
}

func swedish(id string) bool {
	n := digits(id)
	if len(n) == 12 {
		if c := n[0]*10 + n[1]; c != 19 && c != 20 {
			return false
		}
		n = n[2:]
	}
	sum := 0
	for i, d := range n {
		if i%2 == 0 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return sum%10 == 0 && date(n[2]*10+n[3], n[4]*10+n[5])
}

func finnish(id string) bool {
	n := digits(id[:10])
	return strings.IndexByte("-ABCDEFUVWXY", id[6]) >= 0 && date(n[2]*10+n[3], n[0]*10+n[1]) &&
		"0123456789ABCDEFHJKLMNPRSTUVWXY"[value(n)%31] == id[10]
}

func belgian(id string) bool {
	n := digits(id)
	born, check := value(n[:9]), value(n[9:])
	return date(n[2]*10+n[3], n[4]*10+n[5]) && (97-born%97 == check || 97-(2_000_000_000+born)%97 == check)
}

func chinese(id string) bool {
	n := digits(id[:17])
	sum := weighted(n, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
	year := value(n[6:10])
	return "10X98765432"[sum%11] == id[17] && date(value(n[10:12]), value(n[12:14])) && 1900 <= year && year <= 2100
}

// Verhoeff's multiplication and permutation.
var (
	verhoeffTimes = [10][10]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
		{5, 9, 8, 7, 6, 0, 4, 3, 2, 1}, {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	}
	verhoeffTurn = [8][10]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
		{9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1}, {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
	}
)

func indian(id string) bool {
	n, c := digits(id), 0
	for i := range n {
		c = verhoeffTimes[c][verhoeffTurn[i%8][n[len(n)-1-i]]]
	}
	return c == 0 && n[0] > 1
}

// american has no checksum: areas 000, 666 and from 900 on are not given out.
func american(id string) bool {
	return id[:3] != "000" && id[:3] != "666" && id[0] != '9' && id[4:6] != "00" && id[7:] != "0000"
}

func french(id string) bool {
	n := digits(id)
	month := value(n[3:5])
	return (n[0] == 1 || n[0] == 2) && (1 <= month && month <= 12 || 20 <= month && month <= 42) &&
		97-value(n[:13])%97 == value(n[13:])
}

func korean(id string) bool {
	n := digits(id)
	return date(n[2]*10+n[3], n[4]*10+n[5]) && n[6] >= 1 && n[6] <= 8 &&
		(11-weighted(n, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11)%10 == n[12]
}

func turkish(id string) bool {
	n := digits(id)
	odd, even := n[0]+n[2]+n[4]+n[6]+n[8], n[1]+n[3]+n[5]+n[7]
	return n[0] > 0 && ((odd*7-even)%10+10)%10 == n[9] && (odd+even+n[9])%10 == n[10]
}

// british has no checksum either, but prefixes that are not given out and only
// four letters at the end.
func british(id string) bool {
	return strings.IndexByte("DFIQUV", id[0]) < 0 && strings.IndexByte("DFIOQUV", id[1]) < 0 &&
		!strings.Contains("BG GB KN NK NT TN ZZ", id[:2]) && strings.IndexByte("ABCD", id[len(id)-1]) >= 0
}
