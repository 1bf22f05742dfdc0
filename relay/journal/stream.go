package journal

import (
	"errors"
	"io/fs"
)

// Written is an entry as it lies on disk.
type Written struct {
	Entry Entry
	Hash  Hash
	// JSON is the very bytes Hash was made of, after the line "fallow-journal-v1";
	// the next entry's prev is the Hash. Valid until yield returns.
	JSON []byte
}

// Stream gives every entry of dir that f chooses, oldest first, to yield, until
// that returns an error, which Stream returns. Filter.Limit does not count. One
// entry at a time is in memory. It needs no agent and disturbs none. Lines that
// are no entries are left out and counted, except for a torn end, which is an
// entry that is just being written.
func Stream(dir string, f Filter, yield func(Written) error) (damaged int, err error) {
	all, err := segments(dir)
	if err != nil {
		return 0, err
	}
	for i, s := range all {
		var stopped error
		err := scan(s.path, s.size, func(l line) bool {
			torn := i == len(all)-1 && l.offset+l.length == s.size && errors.Is(l.err, errNoEnd)
			switch {
			case l.err != nil && !torn:
				damaged++
			case l.err == nil && f.matches(l.entry):
				stopped = yield(Written{l.entry, l.hash, l.body})
			}
			return stopped == nil
		})
		if stopped != nil {
			return damaged, stopped
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // retention was faster
			return damaged, err
		}
	}
	return damaged, nil
}
