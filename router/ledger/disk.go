package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// ReadFile reads the epoch file at path. It wraps ErrFormat if that is no
// epoch file; what it returns is not verified yet.
func ReadFile(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open epoch file: %w", err)
	}
	defer in.Close()
	f, err := read(in)
	if err != nil {
		return nil, fmt.Errorf("read epoch file %s: %w", path, err)
	}
	return f, nil
}

// WriteFile puts f at path, whole or not at all: a crash leaves what was there
// before. When it returns nil the file survives a power cut.
func WriteFile(path string, f *File) error {
	encoded, err := f.Encode()
	if err != nil {
		return err
	}
	if err := replace(path, encoded); err != nil {
		return fmt.Errorf("write epoch file: %w", err)
	}
	return nil
}

func replace(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	out, err := os.CreateTemp(dir, ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(out.Name())
		}
	}()
	if _, err = out.Write(content); err != nil {
		return err
	}
	// CreateTemp makes it 0600; an epoch file is for everybody to read.
	if err = out.Chmod(0o644); err != nil {
		return err
	}
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	if err = os.Rename(out.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable. Windows offers no such call and
// journals the rename by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
