package dedupe

import (
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Scratch is an Index for one pass over documents that exist already: on disk, so
// that their number is bounded by the disk, and gone when it is closed.
type Scratch struct {
	*Index
	db      *pebble.DB
	dir     string
	checked int
}

// scratchStep is how many documents are checked between two commits.
const scratchStep = 50_000

// scratchCache is Pebble's block cache for a Scratch, in bytes.
const scratchCache = 64 << 20

// OpenScratch makes an index in a new folder below dir, "" being the system's
// for temporary files. It takes about 2.5 KB of disk for a document of 500 words.
func OpenScratch(dir string, cfg Config) (*Scratch, error) {
	dir, err := os.MkdirTemp(dir, "fallow-dedupe-")
	if err != nil {
		return nil, fmt.Errorf("make room for an index: %w", err)
	}
	s := &Scratch{dir: dir}
	if err := s.open(cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("open an index in %s: %w", dir, err), os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Scratch) open(cfg Config) error {
	cache := pebble.NewCache(scratchCache)
	defer cache.Unref()
	o := &pebble.Options{Cache: cache, MemTableSize: 16 << 20, DisableWAL: true, Logger: silent{}, FormatMajorVersion: pebble.FormatNewest}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	var err error
	if s.db, err = pebble.Open(s.dir, o); err != nil {
		return err
	}
	if s.Index, err = Open(s.db, cfg); err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// Check is Index.Check; what it stages commits by itself. One caller at a time.
func (s *Scratch) Check(doc Document) (Verdict, error) {
	v, err := s.Index.Check(doc)
	if s.checked++; err != nil || s.checked%scratchStep != 0 {
		return v, err
	}
	b := s.db.NewBatch()
	staged := s.Seal(doc.Dataset)
	err = errors.Join(staged.CommitTo(b), b.Commit(pebble.NoSync), b.Close())
	staged.Committed()
	return v, err
}

// Close removes the index from disk.
func (s *Scratch) Close() error {
	s.Index.Close()
	return errors.Join(s.db.Close(), os.RemoveAll(s.dir))
}

// silent leaves Pebble's words out: its errors come back from calls. What it
// calls fatal can only be a disk that fails under a folder of temporary files.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(string, ...any)             {}
func (silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
