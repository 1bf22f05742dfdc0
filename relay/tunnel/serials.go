package tunnel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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
// expired anyway. It survives a restart through a file of 28-byte lines, serial,
// Unix milliseconds and a checksum, appended before the lease is acted on. The
// lines are handed to the system but not forced to disk: that a power cut could
// lose them is bounded by the lease's own minute, and only the router that signed
// a lease could present it again. It is safe for concurrent use.
type Serials struct {
	open func(path string) (serialFile, error)
	path string

	mu    sync.Mutex
	used  map[wire.Serial]time.Time // until when it matters
	file  serialFile                // nil if it could not be opened
	filed int                       // lines in the file
	torn  bool                      // the file may end within a line: rewrite before the next
}

// serialFile is opened for appending.
type serialFile interface {
	Write([]byte) (int, error)
	Truncate(size int64) error
	Close() error
}

const (
	serialBody = len(wire.Serial{}) + 8
	serialLine = serialBody + crc32.Size
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenSerials reads the file at path, keeps what still matters at now, and
// rewrites it. A damaged line, left by a crash or a full disk, is dropped; the
// lines after it count, wherever they begin.
func OpenSerials(path string, now time.Time) (*Serials, error) {
	return openSerials(path, now, func(path string) (serialFile, error) {
		return os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	})
}

func openSerials(path string, now time.Time, open func(string) (serialFile, error)) (*Serials, error) {
	s := &Serials{open: open, path: path, used: make(map[wire.Serial]time.Time)}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read used leases: %w", err)
	}
	for len(old) >= serialLine {
		serial, until, ok := parseLine(old[:serialLine])
		if !ok {
			old = old[1:]
			continue
		}
		if until.After(now) {
			s.used[serial] = until
		}
		old = old[serialLine:]
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
	if s.torn || s.filed >= 2*maxSerials {
		s.forget(now)
		if err := s.rewrite(); err != nil {
			return err
		}
	}
	// A whole second more, since the lease's own check allows up to the grace.
	until := notAfter.Add(wire.ClockGrace + time.Second)
	if err := s.append(lineOf(serial, until)); err != nil {
		return err
	}
	s.used[serial] = until
	return nil
}

// append writes one line whole or takes it back; the caller holds mu.
func (s *Serials) append(line []byte) error {
	if _, err := s.file.Write(line); err != nil {
		if s.file.Truncate(int64(s.filed)*int64(serialLine)) != nil {
			s.torn = true
		}
		return fmt.Errorf("write down used lease: %w", err)
	}
	s.filed++
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
// the only one to know s. Until it succeeds nothing is appended, and the old file
// stays.
func (s *Serials) rewrite() error {
	s.torn = true
	buf := make([]byte, 0, len(s.used)*serialLine)
	for serial, until := range s.used {
		buf = append(buf, lineOf(serial, until)...)
	}
	fresh := s.path + ".new"
	if err := os.WriteFile(fresh, buf, 0o600); err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	if s.file != nil {
		_ = s.file.Close() // Windows renames onto no open file
		s.file = nil
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	file, err := s.open(s.path)
	if err != nil {
		return fmt.Errorf("rewrite used leases: %w", err)
	}
	s.file, s.filed, s.torn = file, len(s.used), false
	return nil
}

// Close closes the file.
func (s *Serials) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func lineOf(serial wire.Serial, until time.Time) []byte {
	line := append(make([]byte, 0, serialLine), serial[:]...)
	line = binary.BigEndian.AppendUint64(line, uint64(until.UnixMilli()))
	return binary.BigEndian.AppendUint32(line, crc32.Checksum(line, castagnoli))
}

// parseLine reads what lineOf wrote; ok is false for anything else.
func parseLine(line []byte) (serial wire.Serial, until time.Time, ok bool) {
	if crc32.Checksum(line[:serialBody], castagnoli) != binary.BigEndian.Uint32(line[serialBody:]) {
		return serial, until, false
	}
	until = time.UnixMilli(int64(binary.BigEndian.Uint64(line[len(serial):])))
	return wire.Serial(line[:len(serial)]), until, true
}
