package language

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// kanaShare of a text in Han and kana makes it Japanese: Chinese uses none.
const kanaShare = 0.05

// script is a Unicode script with its ISO 15924 code and, when one language
// alone is written in it (for our purpose), that language.
type script struct {
	table      *unicode.RangeTable
	code, only string
}

var scripts = [...]script{
	{unicode.Latin, "Latn", ""},
	{unicode.Cyrillic, "Cyrl", ""},
	{unicode.Han, "Hani", "cmn"},
	{unicode.Arabic, "Arab", ""},
	{unicode.Devanagari, "Deva", ""},
	{unicode.Hangul, "Hang", "kor"},
	{unicode.Hiragana, "Jpan", "jpn"},
	{unicode.Katakana, "Jpan", "jpn"},
	{unicode.Greek, "Grek", "ell"},
	{unicode.Hebrew, "Hebr", ""},
	{unicode.Thai, "Thai", "tha"},
	{unicode.Bengali, "Beng", "ben"},
	{unicode.Tamil, "Taml", "tam"},
	{unicode.Telugu, "Telu", "tel"},
	{unicode.Kannada, "Knda", "kan"},
	{unicode.Malayalam, "Mlym", "mal"},
	{unicode.Gujarati, "Gujr", "guj"},
	{unicode.Gurmukhi, "Guru", "pan"},
	{unicode.Oriya, "Orya", "ory"},
	{unicode.Sinhala, "Sinh", "sin"},
	{unicode.Myanmar, "Mymr", "mya"},
	{unicode.Khmer, "Khmr", "khm"},
	{unicode.Lao, "Laoo", "lao"},
	{unicode.Tibetan, "Tibt", "bod"},
	{unicode.Georgian, "Geor", "kat"},
	{unicode.Armenian, "Armn", "hye"},
	{unicode.Ethiopic, "Ethi", ""},
	{unicode.Thaana, "Thaa", "div"},
}

// indexes into scripts of those that something is decided by.
const (
	scriptLatin    = 0
	scriptCyrillic = 1
	scriptHan      = 2
	scriptHiragana = 6
	scriptKatakana = 7
)

// Classes of a character beside the indexes into scripts.
const (
	classNone   = 0xff // no letter, or a letter of a script that is not listed
	classLetter = 0xfe // a letter of such a script
	classMark   = 0xfd // a mark, which belongs to the letter before it
)

// classes says for each character of the basic plane what it is: asking
// Unicode's tables one by one is most of the work otherwise.
var classes = sync.OnceValue(func() *[1 << 16]uint8 {
	var c [1 << 16]uint8
	for i := range c {
		c[i] = classNone
	}
	fill := func(table *unicode.RangeTable, class uint8, only func(rune) bool) {
		for _, r := range table.R16 {
			for at := int(r.Lo); at <= int(r.Hi); at += int(r.Stride) {
				if only(rune(at)) {
					c[at] = class
				}
			}
		}
	}
	fill(unicode.L, classLetter, func(rune) bool { return true })
	for i := len(scripts) - 1; i >= 0; i-- {
		fill(scripts[i].table, uint8(i), unicode.IsLetter)
	}
	fill(unicode.M, classMark, func(rune) bool { return true })
	return &c
})

// classOf is the class of any character.
func classOf(table *[1 << 16]uint8, r rune) uint8 {
	if r < 1<<16 {
		return table[r]
	}
	switch {
	case unicode.Is(unicode.Han, r): // the only letters in number beyond the basic plane
		return scriptHan
	case unicode.IsLetter(r):
		return classLetter
	}
	return classNone
}

// dominantScript is the index of the commonest script, how many letters the
// text has and which share of them is in it.
func dominantScript(text string) (which, letters int, share float64) {
	var counts [256]int
	table := classes()
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			counts[table[c]]++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		counts[classOf(table, r)]++
		i += size
	}
	letters = counts[classLetter]
	for _, n := range counts[:len(scripts)] {
		letters += n
	}
	if letters == 0 {
		return 0, 0, 0
	}
	kana := counts[scriptHiragana] + counts[scriptKatakana]
	if float64(kana) > kanaShare*float64(kana+counts[scriptHan]) {
		counts[scriptHiragana] = kana + counts[scriptHan]
		counts[scriptHan], counts[scriptKatakana] = 0, 0
	}
	for i, n := range counts[:len(scripts)] {
		if n > counts[which] {
			which = i
		}
	}
	if counts[which] == 0 {
		return 0, 0, 0 // letters of scripts that are not listed
	}
	return which, letters, float64(counts[which]) / float64(letters)
}
