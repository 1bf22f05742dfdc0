package identity

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Store puts an identity into dir, which is made with mode 0700 if needed, and
// never over one that is there: the error wraps fs.ErrExist then.
func Store(dir string, id Identity) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if err := create(dir, id.Private); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	return nil
}

// create stores a new identity so that after a power cut there is either the
// whole file or none, and an existing one is never replaced: the bytes are on
// disk under another name first, and a hard link, unlike a rename, fails with
// fs.ErrExist when the name is taken.
func create(dir string, private ed25519.PrivateKey) error {
	f, err := os.CreateTemp(dir, FileName+".new-*") // mode 0600, O_EXCL
	if err != nil {
		return err
	}
	temporary := f.Name()
	defer os.Remove(temporary)
	_, err = f.Write(Format(private))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", temporary, err)
	}
	if err := place(temporary, filepath.Join(dir, FileName), private); err != nil {
		return err
	}
	return syncDir(dir)
}

// place gives the finished file its name. File systems without hard links (FAT,
// some network mounts) get a second file written in place, which is as safe
// against overwriting, but may be left torn by a power cut; Load then says so.
func place(from, to string, private ed25519.PrivateKey) error {
	err := os.Link(from, to)
	if err == nil || os.IsExist(err) {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(Format(private))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncDir makes a new name durable. Windows does that on its own and cannot
// sync a directory.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory to sync: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
