package dataset

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// tmpSuffix marks files that are not finished. One that a crash left behind is
// overwritten by the next attempt at the same path.
const tmpSuffix = ".tmp"

// createFile writes path through write and makes it durable (fsync of the
// file, not of its folder). It returns the SHA-256 of what was written.
func createFile(path string, write func(io.Writer) error) (sum string, size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("close %s: %w", path, closeErr)
		}
	}()
	digest := sha256.New()
	counted := &countingWriter{w: io.MultiWriter(f, digest)}
	buffered := bufio.NewWriterSize(counted, 1<<20)
	if err := write(buffered); err != nil {
		return "", 0, err
	}
	if err := buffered.Flush(); err != nil {
		return "", 0, fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return "", 0, fmt.Errorf("fsync %s: %w", path, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), counted.n, nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func writeBytes(path string, data []byte) error {
	_, _, err := createFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return errors.Join(fmt.Errorf("fsync %s: %w", path, err), d.Close())
	}
	return d.Close()
}

// moveInto renames from to to and makes the new name durable.
func moveInto(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// linkOrCopy gives a file a second name, or where the file system cannot (or
// the names lie on two of them) a durable copy.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	_, _, err = createFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
	return err
}

// digestOf is the SHA-256 and the size of everything r has.
func digestOf(r io.Reader) (sum string, size int64, err error) {
	digest := sha256.New()
	size, err = io.CopyBuffer(digest, r, make([]byte, 256<<10))
	return hex.EncodeToString(digest.Sum(nil)), size, err
}
