package tunnel_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/tunnel"
	"github.com/fallow-network/fallow/relay/wire"
)

func open(t testing.TB, path string, now time.Time) *tunnel.Serials {
	t.Helper()
	s, err := tunnel.OpenSerials(path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSerialsAreUsedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "used")
	now := time.Unix(1_800_000_000, 0)
	s := open(t, path, now)
	serial, notAfter := wire.NewSerial(), now.Add(wire.LeaseWindow)
	if err := s.Use(serial, notAfter, now); err != nil {
		t.Fatal(err)
	}
	if err := s.Use(serial, notAfter, now); !errors.Is(err, tunnel.ErrReplayed) {
		t.Errorf("used twice: %v", err)
	}
	last := notAfter.Add(wire.ClockGrace) // the last moment its lease passes
	if err := open(t, path, last).Use(serial, notAfter, last); !errors.Is(err, tunnel.ErrReplayed) {
		t.Errorf("after a restart: %v", err)
	}
	later := last.Add(2 * time.Second)
	open(t, path, later)
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("file of %d bytes once all have expired, %v", info.Size(), err)
	}
}

// A line torn anywhere costs nothing but itself.
func TestSerialsSurviveATornLine(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	path := filepath.Join(t.TempDir(), "used")
	s := open(t, path, now)
	serials := []wire.Serial{wire.NewSerial(), wire.NewSerial(), wire.NewSerial()}
	for _, serial := range serials {
		if err := s.Use(serial, now, now); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := len(whole) / len(serials)
	for torn := range serials {
		for lost := 1; lost < line; lost++ {
			damaged := slices.Concat(whole[:torn*line], whole[torn*line+lost:])
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := tunnel.OpenSerials(path, now)
			if err != nil {
				t.Fatal(err)
			}
			for i, serial := range serials {
				if err := s.Use(serial, now, now); errors.Is(err, tunnel.ErrReplayed) != (i != torn) {
					t.Fatalf("line %d without %d bytes, lease %d: %v", torn, lost, i, err)
				}
			}
			_ = s.Close()
		}
	}
}

// The disk fills up within a line and later has room again: no lease that opened
// a tunnel does so again after a restart.
func TestSerialsSurviveAFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	for name, truncate := range map[string]error{"taken back": nil, "not taken back": errors.New("nor anything else")} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			path := filepath.Join(t.TempDir(), "used")
			disk := &tunnel.FaultyDisk{Room: -1, Full: full, Truncate: truncate}
			s, err := tunnel.OpenSerialsOn(disk, path, now)
			if err != nil {
				t.Fatal(err)
			}
			var used []wire.Serial
			use := func() error {
				serial := wire.NewSerial()
				err := s.Use(serial, now, now)
				if err == nil {
					used = append(used, serial)
				}
				return err
			}
			for range 3 {
				for range 2 {
					if err := use(); err != nil {
						t.Fatal(err)
					}
				}
				disk.Room = 7
				if err := use(); !errors.Is(err, full) {
					t.Fatalf("on a full disk: %v", err)
				}
				disk.Room = -1
			}
			if err := use(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Size() != int64(28*len(used)) {
				t.Errorf("a file of %d bytes for %d leases, %v", info.Size(), len(used), err)
			}
			_ = s.Close()
			s = open(t, path, now)
			for i, serial := range used {
				if err := s.Use(serial, now, now); !errors.Is(err, tunnel.ErrReplayed) {
					t.Errorf("lease %d after a restart: %v", i, err)
				}
			}
		})
	}
}

func TestSerialsAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := open(t, filepath.Join(t.TempDir(), "used"), now)
	var err error
	n := 0
	for ; err == nil && n < 40_000; n++ {
		err = s.Use(wire.NewSerial(), now, now)
	}
	if !errors.Is(err, tunnel.ErrTooFast) || n != 32<<10+1 {
		t.Fatalf("after %d leases: %v", n, err)
	}
	now = now.Add(wire.ClockGrace + 2*time.Second)
	for range 40_000 { // once the first are over there is room, and the file stays short
		if err := s.Use(wire.NewSerial(), now, now); errors.Is(err, tunnel.ErrTooFast) {
			now = now.Add(wire.ClockGrace + 2*time.Second)
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
