package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// errCopy says that a file of the version was not what its manifest says.
var errCopy = errors.New("file differs from the manifest")

// Copy writes an independent copy of the version to the folder to, which must
// not exist yet: every file of the manifest, each compared with its digest on
// the way, and the manifest. The folder appears whole or not at all.
func (v *Version) Copy(to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("copy version: %s exists already", to)
	}
	tmp := filepath.Clean(to) + tmpSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("copy version: %w", err)
	}
	for _, f := range v.Manifest.Files {
		if err := v.copyFile(f, filepath.Join(tmp, filepath.FromSlash(f.Path))); err != nil {
			return errors.Join(fmt.Errorf("copy version: %w", err), os.RemoveAll(tmp))
		}
	}
	raw, err := readBounded(v.Path(ManifestFile), DefaultLimits().ManifestBytes)
	if err == nil {
		err = writeBytes(filepath.Join(tmp, ManifestFile), raw)
	}
	if err == nil {
		err = moveInto(tmp, filepath.Clean(to))
	}
	if err != nil {
		return fmt.Errorf("copy version: %w", err)
	}
	return nil
}

func (v *Version) copyFile(f File, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	src, err := os.Open(v.Path(f.Path))
	if err != nil {
		return err
	}
	defer src.Close()
	sum, _, err := createFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
	if err == nil && sum != f.SHA256 {
		err = fmt.Errorf("%w: %s", errCopy, f.Path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}
