package frontier

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// errCorrupt marks a row that this code did not write.
var errCorrupt = errors.New("frontier: corrupt row")

// Rows are sequences of unsigned varints and length-prefixed strings. Site and
// job of an item are in its key.

func appendItem(b []byte, it *Item) []byte {
	b = binary.AppendUvarint(b, uint64(it.Depth))
	b = binary.AppendUvarint(b, uint64(it.Hops))
	b = binary.AppendUvarint(b, uint64(it.Attempts))
	b = binary.AppendUvarint(b, uint64(it.Priority))
	b = binary.AppendUvarint(b, millis(it.NotBefore))
	b = appendString(b, it.URL)
	b = appendString(b, it.Host)
	b = appendString(b, it.SURT)
	if it.Kind != Page {
		b = append(b, byte(it.Kind))
	}
	return b
}

func decodeItem(b []byte) (Item, error) {
	r := reader{rest: b}
	it := Item{
		Depth:     r.int(),
		Hops:      r.int(),
		Attempts:  r.int(),
		Priority:  uint8(r.uint(255)),
		NotBefore: fromMillis(r.uint(maxMillis)),
		URL:       r.string(maxURL),
		Host:      r.string(maxHost),
		SURT:      r.string(maxURL),
	}
	if len(r.rest) > 0 {
		it.Kind = Kind(r.uint(uint64(SiteFile)))
	}
	return it, r.end()
}

// siteRow is the state of a site that outlives its time in memory.
type siteRow struct {
	name     string
	wake     time.Time // when its fw row wants it looked at
	due      time.Time // no start before
	interval time.Duration
	slow     float64    // kept to a tenth
	addr     netip.Addr // zero if not known
}

func (s *siteRow) encode() []byte {
	b := binary.AppendUvarint(nil, millis(s.wake))
	b = binary.AppendUvarint(b, millis(s.due))
	b = binary.AppendUvarint(b, uint64(s.interval.Milliseconds()))
	b = appendString(b, s.name)
	b = binary.AppendUvarint(b, uint64(s.slow*10))
	return appendString(b, string(s.addr.AsSlice()))
}

func decodeSite(b []byte) (siteRow, error) {
	r := reader{rest: b}
	s := siteRow{
		wake:     fromMillis(r.uint(maxMillis)),
		due:      fromMillis(r.uint(maxMillis)),
		interval: time.Duration(r.uint(maxMillis)) * time.Millisecond,
		name:     r.string(maxHost),
	}
	if len(r.rest) > 0 { // rows of older versions end here
		s.slow = float64(r.uint(10*slowLimit)) / 10
		s.addr, _ = netip.AddrFromSlice([]byte(r.string(16)))
	}
	return s, r.end()
}

// jobRow is what is stored of a job.
type jobRow struct {
	name     string
	paused   bool
	dropping bool
	known    int
	done     int
}

func (j *jobRow) encode() []byte {
	var flags uint64
	if j.paused {
		flags |= 1
	}
	if j.dropping {
		flags |= 2
	}
	b := binary.AppendUvarint(nil, flags)
	b = binary.AppendUvarint(b, uint64(j.known))
	b = binary.AppendUvarint(b, uint64(j.done))
	return appendString(b, j.name)
}

func decodeJob(b []byte) (jobRow, error) {
	r := reader{rest: b}
	flags := r.uint(3)
	j := jobRow{
		paused:   flags&1 != 0,
		dropping: flags&2 != 0,
		known:    r.int(),
		done:     r.int(),
		name:     r.string(maxJob),
	}
	return j, r.end()
}

func encodeCount(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func decodeCount(b []byte) (int, error) {
	r := reader{rest: b}
	n := r.int()
	return n, r.end()
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

const (
	maxInt    = 1<<53 - 1 // of a count; keeps sums far from overflow
	maxMillis = 1<<43 - 1 // the year 2248; as a time.Duration it does not overflow
)

// reader consumes a row; the first fault sticks and empties it.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > limit {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) int() int { return int(r.uint(maxInt)) }

func (r *reader) string(limit uint64) string {
	n := r.uint(limit)
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) fail() { r.rest, r.bad = nil, true }

func (r *reader) end() error {
	if r.bad || len(r.rest) != 0 {
		return errCorrupt
	}
	return nil
}
