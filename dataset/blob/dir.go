package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dir is a Store in a folder: a key is a path below it. Blobs are written
// beside, synced and renamed, and the folders that name them are synced, too.
// It follows no link that leads out of the folder.
type Dir struct {
	root *os.Root
}

var _ Store = (*Dir)(nil)

// tmpDir holds blobs that are not whole yet. What a crash leaves there is
// removed once it is older than tmpAge.
const (
	tmpDir = ".tmp"
	tmpAge = 24 * time.Hour
)

// OpenDir opens the folder at path, which is created if missing. The caller
// closes it.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	d := &Dir{root: root}
	if err := d.sweep(time.Now().Add(-tmpAge)); err != nil {
		return nil, errors.Join(fmt.Errorf("open blobs: %w", err), root.Close())
	}
	return d, nil
}

// Close lets go of the folder. Readers that Get returned stay usable.
func (d *Dir) Close() error { return d.root.Close() }

// sweep removes unfinished blobs last written before then.
func (d *Dir) sweep(then time.Time) error {
	entries, err := fs.ReadDir(d.root.FS(), tmpDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		info, gone := e.Info()
		if gone != nil || !info.ModTime().Before(then) {
			continue
		}
		if e := d.root.Remove(filepath.Join(tmpDir, e.Name())); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, key string, r io.Reader) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	info, err := d.put(ctx, key, r)
	if err != nil {
		return Info{}, fmt.Errorf("put %s: %w", key, err)
	}
	return info, nil
}

func (d *Dir) put(ctx context.Context, key string, r io.Reader) (info Info, err error) {
	if err := d.root.MkdirAll(tmpDir, 0o755); err != nil {
		return Info{}, err
	}
	tmp := filepath.Join(tmpDir, rand.Text())
	n, err := d.write(tmp, reader{ctx, r})
	defer func() {
		if err != nil {
			if gone := d.root.Remove(tmp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}()
	if err != nil {
		return Info{}, err
	}
	folder := path.Dir(key)
	if err := d.makeFolder(folder); err != nil {
		return Info{}, err
	}
	if err := d.root.Rename(tmp, filepath.FromSlash(key)); err != nil {
		return Info{}, err
	}
	return Info{Key: key, Bytes: n}, d.sync(folder)
}

func (d *Dir) write(name string, r io.Reader) (n int64, err error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{f}, r, make([]byte, 256<<10))
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

// makeFolder creates a folder and makes its name durable, and those above it.
func (d *Dir) makeFolder(folder string) error {
	if folder == "." {
		return nil
	}
	if info, err := d.root.Stat(filepath.FromSlash(folder)); err == nil && info.IsDir() {
		return nil
	}
	if err := d.makeFolder(path.Dir(folder)); err != nil {
		return err
	}
	if err := d.root.Mkdir(filepath.FromSlash(folder), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.sync(path.Dir(folder))
}

func (d *Dir) sync(folder string) error {
	f, err := d.root.Open(filepath.FromSlash(folder))
	if err != nil {
		return err
	}
	return errors.Join(syncFolder(f), f.Close())
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Get implements Store.
func (d *Dir) Get(_ context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	f, info, err := d.open(key)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = info.Bytes - offset
	}
	if offset < 0 || length < 0 || length > info.Bytes-offset {
		return nil, errors.Join(fmt.Errorf("get %s: %w: %d bytes from %d of %d", key, ErrRange, length, offset, info.Bytes), f.Close())
	}
	return part{io.NewSectionReader(f, offset, length), f}, nil
}

// part reads a range and closes the file.
type part struct {
	*io.SectionReader
	file *os.File
}

func (p part) Close() error { return p.file.Close() }

func (d *Dir) open(key string) (*os.File, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	f, err := d.root.Open(filepath.FromSlash(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Info{}, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, Info{}, fmt.Errorf("open %s: %w", key, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	return f, Info{Key: key, Bytes: info.Size()}, nil
}

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, key string) (Info, error) {
	f, info, err := d.open(key)
	if err != nil {
		return Info{}, err
	}
	return info, f.Close()
}

// List implements Store.
func (d *Dir) List(ctx context.Context, prefix string, yield func(Info) error) error {
	var found []Info
	err := fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil || ctx.Err() != nil:
			return errors.Join(skipGone(err), ctx.Err())
		case e.IsDir() && name != "." && (e.Name()[0] == '.' || !strings.HasPrefix(name+"/", prefix) && !strings.HasPrefix(prefix, name+"/")):
			return fs.SkipDir
		case !e.Type().IsRegular() || !strings.HasPrefix(name, prefix) || CheckKey(name) != nil:
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return skipGone(err)
		}
		found = append(found, Info{Key: name, Bytes: info.Size()})
		return nil
	})
	if err != nil {
		return fmt.Errorf("list %q: %w", prefix, err)
	}
	slices.SortFunc(found, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	for _, info := range found {
		if err := yield(info); err != nil {
			return err
		}
	}
	return nil
}

// skipGone passes over what was deleted while the list was made.
func skipGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Delete implements Store. Folders stay, empty or not.
func (d *Dir) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	err := d.root.Remove(filepath.FromSlash(key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return d.sync(path.Dir(key))
}
