package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	segmentPrefix = "journal-"
	segmentSuffix = ".log"
	tornSuffix    = ".torn"
)

// segment is one file of the journal, named for the first entry in it.
type segment struct {
	path  string
	first uint64
	size  int64
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%020d%s", segmentPrefix, first, segmentSuffix))
}

// segments are the files in dir, oldest first.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var all []segment
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), segmentPrefix)
		number, ok2 := strings.CutSuffix(number, segmentSuffix)
		first, err := strconv.ParseUint(number, 10, 64)
		if !ok || !ok2 || err != nil {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // retention was faster
		}
		if err != nil {
			return nil, fmt.Errorf("list journal: %w", err)
		}
		all = append(all, segment{filepath.Join(dir, e.Name()), first, info.Size()})
	}
	slices.SortFunc(all, func(a, b segment) int { return strings.Compare(a.path, b.path) })
	return all, nil
}

// line is one line of a segment as it lies there.
type line struct {
	offset int64
	length int64 // line end included
	entry  Entry
	hash   Hash
	body   []byte // the JSON of entry as it lies there, until yield returns
	err    error  // wraps errLine when the line is no entry
}

var errNoEnd = fmt.Errorf("%w: it has no end", errLine)

// scan gives the lines of the first limit bytes of a file, until yield says
// stop. A line longer than any entry is given in pieces, each an error.
func scan(path string, limit int64, yield func(line) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(io.LimitReader(f, limit), maxLine)
	for offset := int64(0); ; {
		text, err := r.ReadSlice('\n')
		if len(text) > 0 {
			l := line{offset: offset, length: int64(len(text))}
			if err != nil {
				l.err = errNoEnd
			} else {
				l.entry, l.hash, l.err = decode(text[:len(text)-1])
				_, l.body, _ = bytes.Cut(text[:len(text)-1], []byte(" "))
			}
			if !yield(l) {
				return nil
			}
			offset += l.length
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("read journal: %w", err)
		}
	}
}

// lastWhole is the last line of s that is an entry, and whether there is one.
func lastWhole(s segment) (last line, found bool, err error) {
	err = scan(s.path, s.size, func(l line) bool {
		if l.err == nil {
			last, found = l, true
		}
		return true
	})
	return last, found, err
}

// startOf is the time of the first whole entry of s, or fallback without one.
func startOf(s segment, fallback time.Time) (time.Time, error) {
	start := fallback
	err := scan(s.path, s.size, func(l line) bool {
		if l.err == nil {
			start = l.entry.Time
		}
		return l.err != nil
	})
	return start, err
}
