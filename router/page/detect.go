package page

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

const (
	// detectBytes is how much is looked at, from the first high byte on.
	detectBytes = 4096
	// latinRun: in languages of the Latin alphabet accented letters stand
	// alone, so runs of high bytes are shorter than this on average.
	latinRun = 1.7
)

// guess is an encoding and how text in it is recognised: likely is the share
// of its characters beyond ASCII (of its byte pairs, for Chinese) that look
// right, need the least share that is convincing.
type guess struct {
	name   string
	need   float64
	likely func(name string, part []byte) float64
}

// guesses: alphabets by their most frequent letters, because several share
// one range of bytes; Japanese by kana; Korean by syllables; Chinese by the
// rows where both standards keep the common characters.
var guesses = [...]guess{
	{"windows-1251", 0.35, lettersOf("оеаинт")},
	{"koi8-r", 0.35, lettersOf("оеаинт")},
	{"iso-8859-5", 0.35, lettersOf("оеаинт")},
	{"windows-1253", 0.38, lettersOf("αοιετσν")},
	{"windows-1255", 0.35, lettersOf("יוהלאר")},
	{"windows-1256", 0.40, lettersOf("اليمنو")},
	{"windows-874", 0.30, lettersOf("านรอกเง")},
	{"shift_jis", 0.30, between(0x3041, 0x30fa)},
	{"euc-jp", 0.30, between(0x3041, 0x30fa)},
	{"euc-kr", 0.85, between(0xac00, 0xd7a3)},
	{"gb18030", 0.85, leadingIn(0xb0, 0xd7, 0xa1)},
	{"big5", 0.85, leadingIn(0xa4, 0xc6, 0x40)},
}

// detect guesses the encoding of a body that declares none. ASCII and UTF-8
// are certain; otherwise the most convincing guess is taken, and windows-1252,
// the rules' default, when none convinces.
func detect(body []byte) string {
	if utf8.Valid(body) {
		return "utf-8"
	}
	start := bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf })
	part := body[start:min(len(body), start+detectBytes)]
	best, bestRatio := "windows-1252", 1.0
	if meanHighRun(part) < latinRun {
		return best
	}
	for _, g := range guesses {
		if ratio := g.likely(g.name, part) / g.need; ratio > bestRatio {
			best, bestRatio = g.name, ratio
		}
	}
	return best
}

// meanHighRun is the average length of runs of bytes over 0x7f.
func meanHighRun(part []byte) float64 {
	high, runs := 0, 0
	inRun := false
	for _, c := range part {
		isHigh := c >= utf8.RuneSelf
		if isHigh {
			high++
			if !inRun {
				runs++
			}
		}
		inRun = isHigh
	}
	return float64(high) / float64(max(runs, 1))
}

func lettersOf(frequent string) func(string, []byte) float64 {
	return func(name string, part []byte) float64 {
		return decodedShare(name, part, func(r rune) bool { return strings.ContainsRune(frequent, r) })
	}
}

func between(low, high rune) func(string, []byte) float64 {
	return func(name string, part []byte) float64 {
		return decodedShare(name, part, func(r rune) bool { return r >= low && r <= high })
	}
}

// decodedShare decodes part and says which share of its characters beyond
// ASCII is likely; zero when too many cannot be decoded.
func decodedShare(name string, part []byte, likely func(rune) bool) float64 {
	enc, _ := charset.Lookup(name)
	decoded, err := enc.NewDecoder().Bytes(part)
	if err != nil {
		return 0
	}
	var good, high, broken int
	for _, r := range string(decoded) {
		if r < utf8.RuneSelf {
			continue
		}
		high++
		if r == utf8.RuneError {
			broken++
		} else if likely(r) {
			good++
		}
	}
	if broken > 2+high/50 { // the part may end inside a character
		return 0
	}
	return float64(good) / float64(max(high, 1))
}

// leadingIn reads pairs of bytes and says in which share the first is between
// low and high, or in the rows of punctuation, and the second at least trail.
func leadingIn(low, high, trail byte) func(string, []byte) float64 {
	return func(_ string, part []byte) float64 {
		good, pairs := 0, 0
		for i := 0; i+1 < len(part); i++ {
			lead := part[i]
			if lead < utf8.RuneSelf {
				continue
			}
			i++
			pairs++
			if (lead >= low && lead <= high || lead >= 0xa1 && lead <= 0xa3) && part[i] >= trail {
				good++
			}
		}
		return float64(good) / float64(max(pairs, 1))
	}
}
