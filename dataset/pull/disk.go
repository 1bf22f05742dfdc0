package pull

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fallow-network/fallow/dataset"
)

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// sound says whether a finished file of the version is what was signed. Its
// digest is computed: a crash may have cut what a name promises.
func (p *puller) sound(name string, want dataset.File) bool {
	f, err := p.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return soundContent(f, want)
}

func soundFile(path string, want dataset.File) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return soundContent(f, want)
}

func soundContent(f *os.File, want dataset.File) bool {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != want.Bytes {
		return false
	}
	sum := sha256.New()
	n, err := io.CopyBuffer(sum, io.LimitReader(f, want.Bytes+1), make([]byte, 256<<10))
	return err == nil && n == want.Bytes && hex.EncodeToString(sum.Sum(nil)) == want.SHA256
}

// partial is how much of a file an earlier attempt left.
func (p *puller) partial(f dataset.File) int64 {
	info, err := p.root.Stat(filepath.FromSlash(f.Path) + partSuffix)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return min(info.Size(), f.Bytes)
}

func writeFile(root *os.Root, name string, data []byte) error {
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncAll makes the names in a folder and below durable.
func syncAll(path string) error {
	return filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return syncFolder(name)
	})
}
