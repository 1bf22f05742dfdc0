package language

import (
	"math"
	"strings"
	"unicode/utf8"
)

// minLetters is how many letters a language can be told from; the script needs
// only one.
const minLetters = 10

// maxLanguages bounds the languages of one script.
const maxLanguages = 64

// Detect tells the language of text, best given a few thousand bytes; it takes
// time in proportion. Scripts of one language are told by the script; Score is
// then the share of letters in it, otherwise the smaller of that and how clearly
// the best language stands out before the next. It is safe for concurrent use.
func Detect(text string) Language {
	unknown := Language{Code: "und", Script: "Zzzz"}
	which, letters, share := dominantScript(text)
	if letters == 0 {
		return unknown
	}
	found := scripts[which]
	unknown.Script = found.code
	switch {
	case letters < minLetters:
		return unknown
	case found.only != "":
		return Language{found.only, found.code, round2(share)}
	}
	var ruledOut string
	if which == scriptCyrillic {
		ruledOut = lacking(text)
	}
	code, confidence := models()[which].detect(text, uint8(which), ruledOut)
	if confidence <= 0 {
		return unknown
	}
	return Language{code, found.code, round2(min(share, confidence))}
}

// lacking are languages that a Cyrillic text cannot be in, since they lack letters
// of it. The trigrams alone often take Russian for Bulgarian.
func lacking(text string) string {
	switch {
	case strings.ContainsAny(text, "ыэ"):
		return "bul mkd srp ukr"
	case strings.ContainsAny(text, "іїє"):
		return "bul mkd srp rus"
	}
	return ""
}

// evidence is what a text says for each language: the sum of its trigrams'
// weights, and how many of the language's trigrams occur in it.
type evidence struct {
	weight  [maxLanguages]uint64
	matched [maxLanguages]uint32
}

// weigh reads the text's trigrams. Whatever is not of the script is a space:
// words of others would only add noise.
func (m *model) weigh(text string, script uint8) *evidence {
	counts := make([]uint32, len(m.starts)-1) // occurrences of each trigram
	touched := make([]uint16, 0, 512)
	table, cases := classes(), lowered()
	last, before := ' ', ' ' // the last character and the one before
	var grams trigram
	grams = grams.absorb(' ').absorb(' ')
	see := func(r rune) {
		grams = grams.absorb(r)
		if last != ' ' || before != ' ' && r != ' ' {
			if id := m.find(grams); id >= 0 {
				if counts[id] == 0 {
					touched = append(touched, uint16(id))
				}
				counts[id]++
			}
		}
		before, last = last, r
	}
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		if class := classOf(table, r); class != script && class != classMark {
			if last == ' ' && before == ' ' {
				continue // a third space says nothing more
			}
			r = ' '
		} else {
			r = lower(cases, r)
		}
		see(r)
	}
	if last != ' ' {
		see(' ')
	}
	e := new(evidence)
	for _, id := range touched {
		n := uint64(counts[id])
		for _, v := range m.votes[m.starts[id]:m.starts[id+1]] {
			e.weight[v.language] += n * uint64(v.weight)
			e.matched[v.language]++
		}
	}
	return e
}

// detect is the language with most evidence and how clearly: 1 when it exceeds
// the next by a margin that shrinks the more trigrams are matched, less in
// proportion below.
func (m *model) detect(text string, script uint8, ruledOut string) (string, float64) {
	e := m.weigh(text, script)
	best, second := -1, uint64(0)
	for i, code := range m.codes {
		if ruledOut != "" && strings.Contains(ruledOut, code) {
			continue
		}
		switch {
		case best < 0 || e.weight[i] > e.weight[best]:
			if best >= 0 {
				second = e.weight[best]
			}
			best = i
		case e.weight[i] > second:
			second = e.weight[i]
		}
	}
	first := e.weight[best]
	switch {
	case first == 0:
		return "", 0
	case second == 0:
		return m.codes[best], min(1, float64(first)/clearAlone)
	}
	margin := float64(first-second) / float64(second)
	clear := clearTrigrams/float64(e.matched[best]) + clearMargin
	return m.codes[best], round2(min(1, margin/clear))
}

// The margin from which the best language is certain is clearMargin and
// clearTrigrams shared by the trigrams matched; clearAlone is the evidence that
// makes one certain that no other has any for. Values of whatlang, which found
// them by trial.
const (
	clearMargin   = 0.05
	clearTrigrams = 12.0
	clearAlone    = 500.0
)

func round2(x float64) float64 { return math.Round(x*100) / 100 }
