package frontier

import (
	"math/bits"
)

// A table of fingerprints holds each 64-bit fingerprint in one 8-byte slot, in
// segments that grow by an eighth when they are about five sixths full: between 9.6
// and 11 bytes for a fingerprint, where doubling would take up to 21. A segment
// of its own per part of the key space means that growing copies one part, not the
// whole, so that there is never a second table beside the first.
const (
	segmentStart = 16      // slots
	segmentMost  = 1 << 17 // slots; a table whose segments have reached it splits them
	slotBytes    = 8
)

// fingers is a set of fingerprints in memory. It is not safe for concurrent use.
// Its zero value is empty and ready.
type fingers struct {
	bits     uint // the upper bits of a fingerprint name its segment
	segments []segment
	n        int
	slots    int
}

type segment struct {
	slots []uint64 // 0 is empty
	n     int
}

// bytes is the memory the slots take.
func (t *fingers) bytes() int64 { return slotBytes * int64(t.slots) }

// settle keeps 0, which marks an empty slot, out of the set.
func settle(fp uint64) uint64 { return max(fp, 1) }

func (t *fingers) has(fp uint64) bool {
	if t.segments == nil {
		return false
	}
	fp = settle(fp)
	return t.segments[fp>>(64-t.bits)].find(fp, t.bits)
}

// reserve gets an empty table ready for about n fingerprints, so that it need not
// grow while they come.
func (t *fingers) reserve(n int) {
	for n>>t.bits > segmentMost*3/4 {
		t.bits++
	}
	size := n>>t.bits*5/4 + segmentStart
	t.segments = make([]segment, 1<<t.bits)
	for i := range t.segments {
		t.segments[i].slots = newSlots(size)
	}
	t.slots = size << t.bits
}

// add puts fp in and reports whether it was new.
func (t *fingers) add(fp uint64) bool {
	if t.segments == nil {
		t.segments = []segment{{slots: newSlots(segmentStart)}}
		t.slots = segmentStart
	}
	fp = settle(fp)
	s := &t.segments[fp>>(64-t.bits)]
	if !s.put(fp, t.bits) {
		return false
	}
	t.n++
	if s.n*6 < len(s.slots)*5 {
		return true
	}
	if len(s.slots) >= segmentMost {
		t.split()
		return true
	}
	t.slots -= len(s.slots)
	*s = s.moved(max(len(s.slots)*9/8, s.n+segmentStart), t.bits)
	t.slots += len(s.slots)
	return true
}

// split halves every segment, one after the other.
func (t *fingers) split() {
	halves := make([]segment, 0, 2*len(t.segments))
	t.slots = 0
	for i := range t.segments {
		old := &t.segments[i]
		size := old.n*5/8 + segmentStart // each half is about four fifths full
		pair := [2]segment{{slots: newSlots(size)}, {slots: newSlots(size)}}
		for _, fp := range old.slots {
			if fp == 0 {
				continue
			}
			half := &pair[fp>>(63-t.bits)&1]
			if half.n*10 >= len(half.slots)*9 { // the halves are uneven
				*half = half.moved(len(half.slots)*9/8+segmentStart, t.bits+1)
			}
			half.put(fp, t.bits+1)
		}
		freeSlots(old.slots)
		old.slots = nil
		halves = append(halves, pair[0], pair[1])
		t.slots += len(pair[0].slots) + len(pair[1].slots)
	}
	t.bits++
	t.segments = halves
}

// free gives the memory back; the table is empty afterwards.
func (t *fingers) free() {
	for i := range t.segments {
		freeSlots(t.segments[i].slots)
	}
	*t = fingers{}
}

// home is the slot where the search for fp begins. What the bits above chose the
// segment by says nothing within it.
func (s *segment) home(fp uint64, skip uint) int {
	at, _ := bits.Mul64(fp<<skip, uint64(len(s.slots)))
	return int(at)
}

func (s *segment) find(fp uint64, skip uint) bool {
	for i := s.home(fp, skip); ; {
		switch s.slots[i] {
		case fp:
			return true
		case 0:
			return false
		}
		if i++; i == len(s.slots) {
			i = 0
		}
	}
}

// put adds fp unless it is there; there must be an empty slot.
func (s *segment) put(fp uint64, skip uint) bool {
	for i := s.home(fp, skip); ; {
		switch s.slots[i] {
		case fp:
			return false
		case 0:
			s.slots[i] = fp
			s.n++
			return true
		}
		if i++; i == len(s.slots) {
			i = 0
		}
	}
}

// moved is s with another number of slots; s itself is given back.
func (s *segment) moved(slots int, skip uint) segment {
	bigger := segment{slots: newSlots(slots)}
	for _, fp := range s.slots {
		if fp != 0 {
			bigger.put(fp, skip)
		}
	}
	freeSlots(s.slots)
	return bigger
}
