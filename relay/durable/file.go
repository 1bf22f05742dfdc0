package durable

import (
	"fmt"
	"os"
	"path/filepath"
)

// File is a file being written that has its name only once it is whole.
type File struct {
	*os.File
	path string
}

// Create begins to write path, mode 0600, beside it as path+".new". Until Commit
// there is nothing new at path. Not for concurrent use on one path.
func Create(path string) (*File, error) {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{f, path}, nil
}

// Commit makes what was written durable and gives it its name. On an error path
// is as it was before, unless only the sync of the directory failed.
func (f *File) Commit() error {
	err := f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return SyncDir(filepath.Dir(f.path))
}

// Abort forgets what was written.
func (f *File) Abort() {
	_ = f.Close()
	_ = os.Remove(f.Name())
}
