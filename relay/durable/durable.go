// Package durable writes small files so that a power cut leaves the old or the
// new one whole. It knows nothing of what is in them. The node's packages that
// keep state in files import it.
package durable

import (
	"fmt"
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
