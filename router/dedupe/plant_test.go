package dedupe_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
)

// planted is a document of a corpus whose truth is known.
type planted struct {
	id, site, text string
	language       int
	kind           plantedKind
	of             int     // the earlier document it was made from; -1: none
	jaccard        float64 // with that one, by reference; 1 for exact copies
}

type plantedKind int

const (
	original  plantedKind = iota
	exactCopy             // under another address
	nearCopy
	twin // shares its site's template with others and has contents of its own
)

// planter makes a corpus: 20 sites in 5 languages with exact copies under other
// addresses, near copies from 0.5 to 0.95, and pages that are mostly template.
type planter struct {
	r         *rand.Rand
	docs      []planted
	templates [][2][]string // by site: what stands above and below every twin's contents
}

const (
	plantSites     = 20
	plantLanguages = 5
)

// plant makes a corpus of about 2.6 documents for each of n originals a site.
func plant(seed uint64, n int) []planted {
	p := &planter{r: newRand(seed)}
	for site := range plantSites {
		p.templates = append(p.templates, [2][]string{
			p.prose(site%plantLanguages, 60+p.r.IntN(120)), p.prose(site%plantLanguages, 120+p.r.IntN(200)),
		})
	}
	for range n {
		for site := range plantSites {
			base := p.add(planted{site: siteName(site), language: site % plantLanguages, of: -1, jaccard: 0}, p.prose(site%plantLanguages, p.length()))
			if p.r.IntN(3) == 0 {
				p.copyOf(base)
			}
			if p.r.IntN(5) > 0 {
				p.alter(base)
			}
			if p.r.IntN(2) == 0 {
				p.twin(site)
			}
		}
	}
	return p.docs
}

func siteName(site int) string { return fmt.Sprintf("site%d.example", site) }

// length is 50 to 400 words, now and then up to 3,000.
func (p *planter) length() int {
	if p.r.IntN(12) == 0 {
		return 400 + p.r.IntN(2600)
	}
	return 50 + p.r.IntN(350)
}

func (p *planter) add(d planted, words []string) int {
	if d.text == "" {
		d.text = join(d.language, words)
	}
	d.id = fmt.Sprintf("%s/%d", d.site, len(p.docs))
	p.docs = append(p.docs, d)
	return len(p.docs) - 1
}

func (p *planter) copyOf(base int) {
	d := p.docs[base]
	d.text = " " + strings.Join(strings.Split(d.text, " "), " \n") + "\u200b"
	d.site, d.kind, d.of, d.jaccard = siteName(p.r.IntN(plantSites)), exactCopy, base, 1
	p.add(d, nil)
}

// alter adds a near copy. Passages are replaced on other sites only: on one
// site, pages that differ in nothing but a passage are pages on one template.
func (p *planter) alter(base int) {
	d := p.docs[base]
	words := split(d.language, d.text)
	aim := 0.5 + 0.45*p.r.Float64()
	changed := int(float64(len(words)) * (1 - aim) / (1 + aim))
	way := p.r.IntN(5)
	if way > 0 && p.r.IntN(3) > 0 {
		d.site = siteName(p.r.IntN(plantSites))
	}
	if way == 0 {
		for d.site == p.docs[base].site {
			d.site = siteName(p.r.IntN(plantSites))
		}
	}
	at := p.r.IntN(max(1, len(words)-changed))
	switch way {
	case 0: // a passage replaced
		words = append(append(append([]string{}, words[:at]...), p.prose(d.language, changed)...), words[at+changed:]...)
	case 1: // a passage left out
		words = append(append([]string{}, words[:at]...), words[at+changed:]...)
	case 2: // a passage put in
		words = append(append(append([]string{}, words[:at]...), p.prose(d.language, 2*changed)...), words[at:]...)
	default: // words replaced here and there, each of which breaks five shingles
		words = append([]string{}, words...)
		for range max(1, changed/5) {
			words[p.r.IntN(len(words))] = p.word(d.language)
		}
	}
	text := join(d.language, words)
	d.kind, d.of, d.jaccard = nearCopy, base, jaccard(d.language, d.text, text)
	d.text = text
	p.add(d, nil)
}

// twin adds a page that is mostly its site's template, with 25 to 80 words of
// its own: what two of them share comes to as much as 0.9.
func (p *planter) twin(site int) {
	d := planted{site: siteName(site), language: site % plantLanguages, kind: twin, of: -1}
	words := append(append([]string{}, p.templates[site][0]...), p.prose(d.language, 25+p.r.IntN(55))...)
	p.add(d, append(words, p.templates[site][1]...))
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func (p *planter) prose(language, n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = p.word(language)
	}
	return words
}

// word draws as in real text: few words make up most of it.
func (p *planter) word(language int) string {
	rank := int(float64(5000) * p.r.Float64() * p.r.Float64() * p.r.Float64())
	r := rand.New(rand.NewPCG(uint64(rank), uint64(language)))
	alphabet := []rune([]string{"etaoinshrdlucmfw", "enisratdhulcgmäöü", "оеаинтсрвлкмдпуя", "", ""}[language])
	switch language {
	case 3:
		return string(rune(0x4e00 + rank))
	case 4:
		if rank%3 == 0 {
			return string(rune(0x5000 + rank))
		}
		return string(rune(0x3042 + rank%80))
	}
	word := make([]rune, 2+r.IntN(8))
	for i := range word {
		word[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(word)
}

// join writes sentences: capitals and punctuation that shingles do not see.
func join(language int, words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch end := i%11 == 10; {
		case language >= 3 && end:
			w += "。"
		case language < 3 && end:
			w += ". "
		case language < 3:
			w += " "
		}
		if i%11 == 0 {
			first := []rune(w)
			first[0] = unicode.ToUpper(first[0])
			w = string(first)
		}
		b.WriteString(w)
	}
	return b.String()
}

// split is join undone.
func split(language int, text string) []string {
	if language < 3 {
		return strings.Fields(strings.ReplaceAll(strings.ToLower(text), ".", ""))
	}
	return strings.Split(strings.ReplaceAll(text, "。", ""), "")
}

// jaccard is the similarity by definition, on strings and with other code than
// the one under test.
func jaccard(language int, a, b string) float64 {
	grams := func(text string) map[string]bool {
		words, set := split(language, text), map[string]bool{}
		for i := range len(words) - 4 {
			set[strings.Join(words[i:i+5], " ")] = true
		}
		return set
	}
	x, y := grams(a), grams(b)
	both := 0
	for g := range x {
		if y[g] {
			both++
		}
	}
	return float64(both) / float64(len(x)+len(y)-both)
}
