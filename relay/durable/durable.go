// Package durable writes small files so that a power cut leaves the old or the
// new one whole. It knows nothing of what is in them. The node's packages that
// keep state in files import it.
package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// WriteFile replaces path with data, mode 0600: written beside it as
// path+".new", synced, renamed, and the directory synced. On an error path is as
// it was before, unless only the last sync failed. Not for concurrent use on
// one path.
func WriteFile(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Commit()
}

// ErrLarge says that a file is larger than it can rightly be.
var ErrLarge = errors.New("file is too large")

// ReadFile is a whole file of at most most bytes. The error wraps fs.ErrNotExist if
// there is none, and ErrLarge.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", path, ErrLarge, most)
	}
	return text, nil
}

// SyncDir makes the names in dir durable: files created, renamed or removed in
// it. Windows does that on its own and cannot sync a directory.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open %s to sync: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
