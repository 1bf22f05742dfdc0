package datadir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/relay/datadir"
)

func TestTake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	first, err := datadir.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("mode %v, %v; want 0700", info.Mode(), err)
	}
	if _, err := datadir.Take(dir); !errors.Is(err, datadir.ErrHeld) {
		t.Fatalf("taken twice: %v", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Take(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}
