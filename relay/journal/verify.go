package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Report is what Verify found in a sound journal.
type Report struct {
	Entries uint64    `json:"entries"`
	First   uint64    `json:"first"` // number of the first entry; those before it are gone by retention
	Last    uint64    `json:"last"`  // number of the last entry
	From    time.Time `json:"from"`  // time of the first entry
	To      time.Time `json:"to"`    // time of the last entry
	Head    Hash      `json:"head"`  // hash of the last entry; zero without entries
}

// Damage is the first thing wrong with a journal.
type Damage struct {
	Segment string // file
	Offset  int64  // byte in it where the entry starts
	Entry   uint64 // number the entry has or should have
	Why     string
	// Torn says that a line without an end is the last thing in the journal: a
	// power cut left it, which the agent mends when it starts, or the agent was
	// just writing it.
	Torn bool
}

// Error names the entry and the place.
func (d *Damage) Error() string {
	return fmt.Sprintf("journal entry %d (%s, byte %d): %s", d.Entry, d.Segment, d.Offset, d.Why)
}

// Verify checks every entry and the chain that holds them. The error is a
// *Damage for the first entry that is wrong, or comes from the file system.
func (j *Journal) Verify() (Report, error) {
	j.mu.Lock()
	all := slices.Clone(j.segments)
	j.mu.Unlock()
	return verify(all)
}

// Verify is Journal.Verify for a directory that nobody need have open. There, a
// torn end that Open would cut off is damage too.
func Verify(dir string) (Report, error) {
	all, err := segments(dir)
	if err != nil {
		return Report{}, err
	}
	return verify(all)
}

func verify(all []segment) (Report, error) {
	var r Report
	for i, s := range all {
		var damage *Damage
		if i > 0 && s.first != r.Last+1 && r.Entries > 0 {
			return r, &Damage{Segment: s.path, Entry: r.Last + 1, Why: fmt.Sprintf("missing: the next segment starts with entry %d", s.first)}
		}
		err := scan(s.path, s.size, func(l line) bool {
			next := s.first
			if r.Entries > 0 {
				next = r.Last + 1
			}
			if why := r.fault(l, next); why != "" {
				end := i == len(all)-1 && l.offset+l.length == s.size
				damage = &Damage{s.path, l.offset, next, why, end && errors.Is(l.err, errNoEnd)}
				return false
			}
			r.take(l)
			return true
		})
		if err != nil {
			return r, err
		}
		if damage != nil {
			return r, damage
		}
	}
	return r, nil
}

// fault says what is wrong with l as entry number next, if anything.
func (r *Report) fault(l line, next uint64) string {
	switch {
	case l.err != nil:
		return l.err.Error()
	case l.entry.Seq != next:
		return fmt.Sprintf("its place is taken by entry %d", l.entry.Seq)
	case r.Entries > 0 && l.entry.Prev != r.Head:
		return "it does not follow from the entry before it, one of the two was replaced"
	case next == 1 && l.entry.Prev != Hash{}:
		return "the first entry of all follows from another"
	}
	return ""
}

func (r *Report) take(l line) {
	if r.Entries == 0 {
		r.First, r.From = l.entry.Seq, l.entry.Time
	}
	r.Entries++
	r.Last, r.To, r.Head = l.entry.Seq, l.entry.Time, l.hash
}
