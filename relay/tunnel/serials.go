package tunnel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// ErrReplayed says that a lease has opened a tunnel before.
var ErrReplayed = errors.New("lease has been used")

// ErrTooFast says that more leases came in than can be remembered.
var ErrTooFast = errors.New("too many leases in too short a time")

// maxSerials bounds what is remembered: 364 new tunnels a second for the 90
// seconds a lease can matter. No serial is forgotten early to make room.
const maxSerials = 32 << 10

// Serials remembers which leases have been used until they would be refused as
// expired anyway. It survives a restart through a file of 24-byte lines, serial
// and Unix milliseconds, appended before the lease is acted on. The lines are
// handed to the system but not forced to disk: that a power cut could lose them
// is bounded by the lease's own minute, and only the router that signed a lease
// could present it again. It is safe for concurrent use.
type Serials struct {
	mu    sync.Mutex
	used  map[wire.Serial]time.Time // until when it matters
	file  *os.File
	path  string
	filed int // lines in the file
}

const serialLine = len(wire.Serial{}) + 8

// OpenSerials reads the file at path, keeps what still matters at now, and
// rewrites it. A torn last line, left by a crash, is dropped.
func OpenSerials(path string, now time.Time) (*Serials, error) {
	s := &Serials{used: make(map[wire.Serial]time.Time), path: path}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read used leases: %w", err)
	}
	for ; len(old) >= serialLine && len(s.used) < maxSerials; old = old[serialLine:] {
		until := time.UnixMilli(int64(binary.BigEndian.Uint64(old[len(wire.Serial{}):])))
		if until.After(now) {
			s.used[wire.Serial(old)] = until
		}
	}
	if err := s.rewrite(); err != nil {
		return nil, err
	}
	return s, nil
}

// Use notes that the lease is used now. Errors are ErrReplayed, ErrTooFast, or
// that it could not be written down, in which case it must not be used.
func (s *Serials) Use(serial wire.Serial, notAfter, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until, ok := s.used[serial]; ok && until.After(now) {
		return ErrReplayed
	}
	if len(s.used) >= maxSerials {
		s.forget(now)
		if len(s.used) >= maxSerials {
			return ErrTooFast
		}
	}
	if s.filed >= 2*maxSerials {
		s.forget(now)
		if err := s.rewrite(); err != nil {
			return err
		}
	}
	// A whole second more, since the lease's own check allows up to the grace.
	until := notAfter.Add(wire.ClockGrace + time.Second)
	if _, err := s.file.Write(lineOf(serial, until)); err != nil {
		return fmt.Errorf("write down used lease: %w", err)
	}
	s.filed++
	s.used[serial] = until
	return nil
}

// forget drops what no longer matters; the caller holds mu.
func (s *Serials) forget(now time.Time) {
	for serial, until := range s.used {
		if !until.After(now) {
			delete(s.used, serial)
		}
	}
}

// rewrite replaces the file by what is remembered; the caller holds mu or is
// the only one to know s.
func (s *Serials) rewrite() error {
	buf := make([]byte, 0, len(s.used)*serialLine)
	for serial, until := range s.used {
		buf = append(buf, lineOf(serial, until)...)
	}
	fresh := s.path + ".new"
	if err := os.WriteFile(fresh, buf, 0o600); err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	file, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	s.file, s.filed = file, len(s.used)
	return nil
}

// Close closes the file.
func (s *Serials) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}

func lineOf(serial wire.Serial, until time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, serialLine), serial[:]...), uint64(until.UnixMilli()))
}
