package page

import (
	"math"
	"strings"
	"unicode"

	"github.com/RadhiFadlillah/whatlanggo"
)

// minLetters is how many letters a language can be told from; the script needs
// only one.
const minLetters = 10

// kanaShare of a text in Han and kana makes it Japanese: Chinese uses none.
const kanaShare = 0.05

// script is a Unicode script with its ISO 15924 code and, when one language
// alone is written in it (for our purpose), that language.
type script struct {
	table      *unicode.RangeTable
	code, only string
}

// scripts are tried in this order, the commonest first.
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

// indexes into scripts of those that Japanese mixes.
const (
	scriptHan      = 2
	scriptHiragana = 6
	scriptKatakana = 7
)

// fineweb are the detector's codes for which FineWeb-2 uses another, mostly
// that of the one language meant instead of the group.
var fineweb = map[string]string{
	"aka": "twi", "est": "ekk", "lav": "lvs", "kur": "kmr", "mlg": "plt", "nep": "npi",
	"ori": "ory", "orm": "gaz", "pes": "fas", "tgl": "fil", "uzb": "uzn",
}

// DetectLanguage tells the language of text, best given a few thousand bytes.
// Scripts of one language are told by the script; Score is then the share of
// letters in it, otherwise the smaller of that and the trigram detector's
// confidence.
func DetectLanguage(text string) Language {
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
	// Other scripts' words would only add noise to the trigrams.
	var options whatlanggo.Options
	if found.table == unicode.Cyrillic {
		options.Blacklist = ruledOut(text)
	}
	info := whatlanggo.DetectWithOptions(strings.Map(func(r rune) rune {
		if unicode.Is(found.table, r) || unicode.IsMark(r) {
			return r
		}
		return ' '
	}, text), options)
	code := info.Lang.Iso6393()
	if code == "" || info.Confidence <= 0 {
		return unknown
	}
	if better, ok := fineweb[code]; ok {
		code = better
	}
	return Language{code, found.code, round2(min(share, info.Confidence))}
}

// ruledOut are languages that a Cyrillic text cannot be in, by letters they lack. The
// trigrams alone often take Russian for Bulgarian.
func ruledOut(text string) map[whatlanggo.Lang]bool {
	switch {
	case strings.ContainsAny(text, "ыэ"):
		return map[whatlanggo.Lang]bool{whatlanggo.Bul: true, whatlanggo.Mkd: true, whatlanggo.Srp: true, whatlanggo.Ukr: true}
	case strings.ContainsAny(text, "іїє"):
		return map[whatlanggo.Lang]bool{whatlanggo.Bul: true, whatlanggo.Mkd: true, whatlanggo.Srp: true, whatlanggo.Rus: true}
	}
	return nil
}

// dominantScript is the index of the commonest script, how many letters the
// text has and which share of them is in it.
func dominantScript(text string) (which, letters int, share float64) {
	var counts [len(scripts)]int
	for _, r := range text {
		if r < 0x80 {
			if c := r | 0x20; c >= 'a' && c <= 'z' {
				counts[0]++
				letters++
			}
			continue
		}
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		for i := range scripts {
			if unicode.Is(scripts[i].table, r) {
				counts[i]++
				break
			}
		}
	}
	if letters == 0 {
		return 0, 0, 0
	}
	kana := counts[scriptHiragana] + counts[scriptKatakana]
	if float64(kana) > kanaShare*float64(kana+counts[scriptHan]) {
		counts[scriptHiragana] = kana + counts[scriptHan]
		counts[scriptHan], counts[scriptKatakana] = 0, 0
	}
	for i, n := range counts {
		if n > counts[which] {
			which = i
		}
	}
	if counts[which] == 0 {
		return 0, 0, 0 // letters of scripts that are not listed
	}
	return which, letters, float64(counts[which]) / float64(letters)
}

func round2(x float64) float64 { return math.Round(x*100) / 100 }
