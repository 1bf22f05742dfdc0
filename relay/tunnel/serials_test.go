package tunnel_test

import (
	"errors"
	"os"
	"path/filepath"
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

func TestSerialsSurviveATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "used")
	now := time.Unix(1_800_000_000, 0)
	s := open(t, path, now)
	first, second := wire.NewSerial(), wire.NewSerial()
	for _, serial := range []wire.Serial{first, second} {
		if err := s.Use(serial, now, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, 24+7); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, now)
	if err := s.Use(first, now, now); !errors.Is(err, tunnel.ErrReplayed) {
		t.Errorf("the whole line: %v", err)
	}
	if err := s.Use(second, now, now); err != nil {
		t.Errorf("the torn line: %v", err)
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
