package personal_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fallow-network/fallow/router/page/personal"
)

// found are numbers and addresses made up for this test, or those that the
// standards give as examples.
var found = map[personal.Kind][]string{
	personal.Email: {"a@b.example", "First.Last+tag@sub.example-site.co.uk", "x_1%y@example.museum"},
	personal.Phone: {
		"+44 20 7946 0958", "+1 (212) 555-0147", "+49(0)30 901820", "0049 30 9018 2000", "(212) 555-0147", "212-555-0147", "1-212-555-0147", "212.555.0147",
		"+33123456789", "+81-3-1234-5678",
	},
	personal.IBAN: {"GB82WEST12345698765432", "DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606", "NO93 8601 1117 947"},
	personal.NationalID: {
		"12345678Z", "X1234567L", "RSSMRA85T10A562S", "44051401359", "529.982.247-25", "811218-9876", "131052-308T", "85.07.30-033.28",
		"11010519491231002X", "2341 2341 2346", "219-09-9999", "255081416802538", "880101-1234568", "10000000146", "AB123456C",
	},
}

// missed look alike and are none.
var missed = []string{
	"@handle", "a@b", "a@b.c", "icon@2x.png", "lib@1.2.3", "user@", "@example.org", ".@example.org", "a@-b.example",
	"2026-03-01", "12:30:45", "192.168.100.200", "1234567", "1,234,567.89", "10.1000/182-12345", "ISBN 978-3-16-148410-0", "123-456-7890", "112-555-0147",
	"+0123456789", "+1234567", "+12345678901234567", "v1.2.3-20240101123456-abcdef", "0000000000", "0x1234567890",
	"GB82WEST12345698765433", "XX82WEST12345698765432", "DE89 3704 0044 0532 0130 0", "de89370400440532013000",
	"12345678A", "X1234567A", "RSSMRA85T10A562T", "44051401358", "529.982.247-26", "111.111.111-11", "811218-9875", "131052-308U", "85.07.30-033.29",
	"110105194912310021", "2341 2341 2347", "666-09-9999", "900-09-9999", "219-00-9999", "255081416802539", "10000000147", "BG123456C", "AB123456E",
	"https://example.org/?id=44051401359", "item_44051401359", "#12345678Z", "44051401359-1", "abc44051401359",
}

func TestCount(t *testing.T) {
	t.Parallel()
	for kind, list := range found {
		for _, text := range list {
			for _, around := range [][2]string{{"", ""}, {"Write to ", "."}, {"(", ")"}, {"これは", "です"}, {"«", "»,"}, {"line\n", "\nline"}} {
				if text[0] == '(' && around[0] == "(" {
					continue
				}
				whole := around[0] + text + around[1]
				var want personal.Counts
				want[kind] = 1
				if got := personal.Count(whole); got != want {
					t.Errorf("%q has %v, want %v", whole, got, want)
				}
				placeholder := [...]string{"[email]", "[phone]", "[iban]", "[id]"}[kind]
				if got, counts := personal.Redact(whole); got != around[0]+placeholder+around[1] || counts != want {
					t.Errorf("%q becomes %q, %v", whole, got, counts)
				}
			}
		}
	}
	for _, text := range missed {
		if got := personal.Count("see " + text + " there"); got.Any() {
			t.Errorf("%q has %v", text, got)
		}
	}
}

// A word before a number says what it is.
func TestPhoneLabels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"Tel.: 030 901820": 1, "Telephone 020 7946 0958": 1, "Téléphone : 01 23 45 67 89": 1, "Тел. 8 495 123-45-67": 1, "電話：03-1234-5678": 1,
		"Fax 901 8200 and tel 901 8201": 2, "Hotel 030 901820": 0, "Model 030 901820": 0, "tel 12 rooms, 1234567 guests": 0,
		"call us: 555 0147 88": 1, "recall 1234567": 0,
	} {
		if got := personal.Count(text); got[personal.Phone] != want {
			t.Errorf("%q has %v, want %d", text, got, want)
		}
	}
}

func TestRedactSeveral(t *testing.T) {
	t.Parallel()
	got, counts := personal.Redact("Ann <ann@site.example>, +44 20 7946 0958, bob@site.example; 44051401359.")
	if want := "Ann <[email]>, [phone], [email]; [id]."; got != want || counts != (personal.Counts{2, 1, 0, 1}) {
		t.Errorf("%q, %v", got, counts)
	}
	if got, counts := personal.Redact("nothing here"); got != "nothing here" || counts.Any() {
		t.Errorf("%q, %v", got, counts)
	}
}

func FuzzRedact(f *testing.F) {
	for _, list := range found {
		f.Add(strings.Join(list, " "))
		f.Add(strings.Join(list, ","))
	}
	f.Add(strings.Join(missed, " "))
	f.Add("tel\xff1234567@é.example")
	f.Fuzz(func(t *testing.T, text string) {
		got, counts := personal.Redact(text)
		if counts != personal.Count(text) || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("%q becomes %q, %v and %v", text, got, counts, personal.Count(text))
		}
		sum := 0
		for i, p := range []string{"[email]", "[phone]", "[iban]", "[id]"} {
			if n := strings.Count(got, p) - strings.Count(text, p); n < 0 || n > counts[i] {
				t.Fatalf("%q becomes %q with %v", text, got, counts)
			}
			sum += counts[i]
		}
		if sum == 0 && got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
	})
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat("In 1906 the river rose by 2.5 metres, and nobody at harbour@site.example answered +44 20 7946 0958. ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		personal.Count(text)
	}
}
