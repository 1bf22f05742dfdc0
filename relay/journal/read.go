package journal

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Bounds of one Read.
const (
	DefaultLimit = 1000
	MaxLimit     = 10_000
)

// Filter chooses entries; its zero value chooses the newest DefaultLimit.
type Filter struct {
	Since time.Time // entries at or after it
	Site  string    // entries whose host is it or lies under it
	Kinds []Kind    // entries of these kinds; none means all
	Limit int       // at most this many, the newest; 0 is DefaultLimit, never over MaxLimit
}

func (f Filter) matches(e Entry) bool {
	site := strings.ToLower(strings.TrimSuffix(f.Site, "."))
	return !e.Time.Before(f.Since) &&
		(site == "" || e.Host == site || strings.HasSuffix(e.Host, "."+site)) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind))
}

// Read returns the chosen entries in the order they were written. Damaged lines
// are left out; Verify tells of them.
func (j *Journal) Read(f Filter) ([]Entry, error) {
	j.mu.Lock()
	all := slices.Clone(j.segments)
	j.mu.Unlock()
	return read(all, f)
}

// Read is Journal.Read for a directory that nobody need have open.
func Read(dir string, f Filter) ([]Entry, error) {
	all, err := segments(dir)
	if err != nil {
		return nil, err
	}
	return read(all, f)
}

func read(all []segment, f Filter) ([]Entry, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	var out []Entry
	for _, s := range slices.Backward(all) {
		found, older, err := readSegment(s, f, limit-len(out))
		if errors.Is(err, fs.ErrNotExist) {
			break // retention was faster
		}
		if err != nil {
			return nil, err
		}
		out = append(found, out...)
		if len(out) == limit || older {
			break
		}
	}
	return out, nil
}

// readSegment returns the newest limit matches in s, and whether s reaches back
// beyond f.Since.
func readSegment(s segment, f Filter, limit int) (found []Entry, older bool, err error) {
	err = scan(s.path, s.size, func(l line) bool {
		if l.err != nil {
			return true
		}
		older = older || l.entry.Time.Before(f.Since)
		if f.matches(l.entry) {
			if len(found) >= 2*limit {
				found = append(found[:0], found[limit:]...)
			}
			found = append(found, l.entry)
		}
		return true
	})
	return found[max(0, len(found)-limit):], older, err
}
