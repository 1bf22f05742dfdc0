package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset/blob"
	"github.com/fallow-network/fallow/dataset/blob/blobtest"
)

func openDir(t *testing.T, path string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDir(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return openDir(t, t.TempDir()) })
}

func TestDirFollowsNoLinkOut(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skipf("no links here: %v", err)
	}
	d := openDir(t, dir)
	if r, err := d.Get(t.Context(), "link/secret", 0, -1); err == nil {
		_ = r.Close()
		t.Error("read through a link out of the folder")
	}
	if _, err := d.Put(t.Context(), "link/new", strings.NewReader("x")); err == nil {
		t.Error("wrote through a link out of the folder")
	}
	if err := d.Delete(t.Context(), "link/secret"); err == nil {
		t.Error("deleted through a link out of the folder")
	}
	if _, err := os.Stat(filepath.Join(outside, "secret")); err != nil {
		t.Error(err)
	}
}

// TestDirSweeps looks after what a kill in the middle of a put leaves.
func TestDirSweeps(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".tmp", "old"), filepath.Join(dir, ".tmp", "young")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(old, then, then); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, dir)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one stayed: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("another put's file went: %v", err)
	}
	if err := d.List(t.Context(), "", func(i blob.Info) error { return errors.New(i.Key) }); err != nil {
		t.Errorf("unfinished blobs are listed: %v", err)
	}
}
