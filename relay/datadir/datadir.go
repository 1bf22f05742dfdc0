// Package datadir holds a node's data directory for one process at a time, so
// that two agents never share an identity, a journal or a set of receipts.
//
// It knows nothing of what lies in the directory. Package relay holds it while
// an agent runs; commands hold it while they change files of a stopped agent.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrHeld says that another process holds the directory.
var ErrHeld = errors.New("data directory is in use")

// lockName is the file that is locked. It stays behind; only the lock counts.
const lockName = "agent.lock"

// Hold is a held directory.
type Hold struct{ file *os.File }

// Take makes dir if needed, closes it to other users (mode 0700) and holds it
// until Release or the end of the process, however that comes. The error wraps
// ErrHeld if another process has it.
func Take(dir string) (*Hold, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("close data directory to others: %w", err)
	}
	file, err := lock(filepath.Join(dir, lockName))
	if errors.Is(err, ErrHeld) {
		return nil, fmt.Errorf("%w: %s: an agent is running there already", ErrHeld, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return &Hold{file: file}, nil
}

// Release lets go of the directory.
func (h *Hold) Release() error { return h.file.Close() }
