package earnings

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/wire"
)

// DirName is the name of the statements' folder within a data directory.
const DirName = "statements"

const (
	maxFile = 64 << 10 // bytes of one statement
	// maxStatements bounds how many are kept; the oldest of the same router go
	// first. At one a day that is eleven years.
	maxStatements = 4096
)

// ErrTwoRoots says that a router has signed two different roots for one epoch.
// Both are kept: together they convict it.
var ErrTwoRoots = errors.New("the router has signed two different roots for this epoch")

// Book is the folder of statements, one file each. It is safe for concurrent use
// within one process.
type Book struct {
	dir string
	mu  sync.Mutex
}

// OpenBook uses the folder in a data directory; it is made when the first
// statement comes.
func OpenBook(dataDir string) *Book { return &Book{dir: filepath.Join(dataDir, DirName)} }

func (b *Book) path(router wire.Key, epoch uint64) string {
	return filepath.Join(b.dir, fmt.Sprintf("%s-%020d.json", router, epoch))
}

// Keep stores s durably. A statement of the same epoch with the same root replaces
// the one held. With another root the first stays, the second is put beside it as
// evidence, and the error wraps ErrTwoRoots.
func (b *Book) Keep(s *Statement) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return fmt.Errorf("make folder of statements: %w", err)
	}
	path := b.path(s.Router, s.Epoch)
	held, err := readStatement(path)
	switch {
	case err == nil && !bytes.Equal(held.Root, s.Root):
		return errors.Join(ErrTwoRoots, write(strings.TrimSuffix(path, ".json")+".conflict", s))
	case err == nil && bytes.Equal(held.Leaf, s.Leaf):
		return nil
	}
	if err := write(path, s); err != nil {
		return err
	}
	return b.bound(s.Router)
}

func write(path string, s *Statement) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode statement: %w", err)
	}
	return durable.WriteFile(path, append(text, '\n'))
}

// bound removes the oldest statements of router while there are too many.
func (b *Book) bound(router wire.Key) error {
	names, err := filepath.Glob(filepath.Join(b.dir, router.String()+"-*.json"))
	if err != nil || len(names) <= maxStatements {
		return err
	}
	slices.Sort(names)
	for _, name := range names[:len(names)-maxStatements] {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("remove old statement: %w", err)
		}
	}
	return nil
}

// Get is the statement of an epoch. The error wraps fs.ErrNotExist if there is
// none, and ErrProof if it was altered since.
func (b *Book) Get(router wire.Key, epoch uint64) (*Statement, error) {
	return readStatement(b.path(router, epoch))
}

// All is every statement that still proves itself, by router and epoch, and what
// is wrong with the others.
func (b *Book) All() (all []*Statement, damaged []error) {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("read statements: %w", err)}
	}
	for _, e := range entries {
		path := filepath.Join(b.dir, e.Name())
		switch filepath.Ext(path) {
		case ".json":
			s, err := readStatement(path)
			if err != nil {
				damaged = append(damaged, err)
				continue
			}
			all = append(all, s)
		case ".conflict":
			if s, err := readStatement(path); err == nil {
				damaged = append(damaged, fmt.Errorf("epoch %d of router %s: %w; keep %s and show it to other node owners", s.Epoch, s.Router, ErrTwoRoots, path))
			}
		}
	}
	slices.SortFunc(all, func(a, b *Statement) int {
		return cmp.Or(bytes.Compare(a.Router[:], b.Router[:]), cmp.Compare(a.Epoch, b.Epoch))
	})
	return all, damaged
}

func readStatement(path string) (*Statement, error) {
	text, err := durable.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	s := new(Statement)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrProof, err)
	}
	if err := s.Verify(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
