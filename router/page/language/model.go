package language

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

//go:embed trigrams.txt
var profiles string

// perLanguage is how many trigrams of a language are known; the commonest
// weighs so much, the next one less.
const perLanguage = 300

// trigram is three characters, 21 bits each.
type trigram uint64

// absorb is t's last two characters and r.
func (t trigram) absorb(r rune) trigram { return (t<<21 | trigram(r)) & (1<<63 - 1) }

// model tells the languages of one script apart: for each trigram it knows what
// it says for which language. It is not changed once built.
type model struct {
	codes []string
	// slots is an open hash table of trigrams, a power of two long and at most
	// half full. Zero is an empty slot.
	slots []slot
	// What trigram n says is in votes[starts[n]:starts[n+1]].
	starts []uint32
	votes  []vote
}

type slot struct {
	key trigram
	id  uint16
}

// vote is what one occurrence of a trigram speaks for a language.
type vote struct {
	language uint8
	weight   uint16
}

// models are those of the scripts that several languages share, by index into
// scripts; nil for the others. The data is ours, so a fault in it is a panic
// that a test would see.
var models = sync.OnceValue(func() (all [len(scripts)]*model) {
	lines := make(map[string][][2]string)
	for line := range strings.Lines(profiles) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		script, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		code, grams, _ := strings.Cut(rest, "\t")
		lines[script] = append(lines[script], [2]string{code, grams})
	}
	for i, s := range scripts {
		if s.only == "" && lines[s.code] != nil {
			all[i] = newModel(lines[s.code])
		}
	}
	return all
})

func newModel(languages [][2]string) *model {
	m := &model{}
	ids := make(map[trigram]int)
	var votes [][]vote
	for n, l := range languages {
		m.codes = append(m.codes, l[0])
		runes := []rune(strings.ReplaceAll(l[1], "_", " "))
		if len(runes) != 3*perLanguage {
			panic("language: profile of " + l[0] + " is not whole")
		}
		for rank := range perLanguage {
			key := trigram(0).absorb(runes[3*rank]).absorb(runes[3*rank+1]).absorb(runes[3*rank+2])
			id, known := ids[key]
			if !known {
				id = len(votes)
				ids[key] = id
				votes = append(votes, nil)
			}
			votes[id] = append(votes[id], vote{uint8(n), uint16(perLanguage - rank)})
		}
	}
	size := 1
	for size < 2*len(ids) {
		size *= 2
	}
	m.slots = make([]slot, size)
	for key, id := range ids {
		at := m.place(key)
		for m.slots[at].key != 0 {
			at = (at + 1) & (size - 1)
		}
		m.slots[at] = slot{key, uint16(id)}
	}
	for _, of := range votes {
		m.starts = append(m.starts, uint32(len(m.votes)))
		m.votes = append(m.votes, of...)
	}
	m.starts = append(m.starts, uint32(len(m.votes)))
	return m
}

// place is where the search for a trigram begins.
func (m *model) place(key trigram) int {
	return int(uint64(key)*0x9e3779b97f4a7c15>>32) & (len(m.slots) - 1)
}

// find is the number of a known trigram, or -1.
func (m *model) find(key trigram) int {
	for at := m.place(key); ; at = (at + 1) & (len(m.slots) - 1) {
		switch m.slots[at].key {
		case key:
			return int(m.slots[at].id)
		case 0:
			return -1
		}
	}
}

// lowered are the lower-case forms of the characters where most alphabets with
// two cases stand.
var lowered = sync.OnceValue(func() *[0x600]uint16 {
	var l [0x600]uint16
	for r := range l {
		l[r] = uint16(unicode.ToLower(rune(r)))
	}
	return &l
})

func lower(table *[0x600]uint16, r rune) rune {
	if r < rune(len(table)) {
		return rune(table[r])
	}
	return unicode.ToLower(r)
}
