package dataset

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mr-tron/base58"
)

// Address is the base58 form of a key, as it stands in manifests: the node id
// everywhere in Fallow, and a Solana address.
func Address(key ed25519.PublicKey) string { return base58.Encode(key) }

// ParseAddress reads what Address wrote.
func ParseAddress(s string) (ed25519.PublicKey, error) {
	raw, err := base58.Decode(s)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%q is not an Ed25519 key in base58", s)
	}
	return raw, nil
}

// ErrNoVersion says that a folder holds no version of a dataset.
var ErrNoVersion = errors.New("no version of a dataset here")

// Version is a published version on disk. Opening it checks the manifest's
// signature but none of the files: that is Verify.
type Version struct {
	Dir      string
	Manifest *Manifest
}

// OpenVersion reads the manifest of the version in dir. Errors wrap
// ErrNoVersion, ErrManifest or ErrSignature, or come from the file system.
func OpenVersion(dir string) (*Version, error) {
	raw, err := readBounded(filepath.Join(dir, ManifestFile), DefaultLimits().ManifestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s", ErrNoVersion, dir, ManifestFile)
	}
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(raw)
	if err != nil {
		return nil, fmt.Errorf("open version %s: %w", dir, err)
	}
	return &Version{Dir: dir, Manifest: m}, nil
}

// Latest is the highest version in dir, the folder of one dataset. What a
// crash left unfinished is not looked at. The error wraps ErrNoVersion if
// there is none.
func Latest(dir string) (version int, m *Manifest, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, nil, err
	}
	for _, e := range entries {
		if digits, ok := strings.CutPrefix(e.Name(), "v"); ok && e.IsDir() {
			if n, err := strconv.Atoi(digits); err == nil && versionName(n) == e.Name() {
				version = max(version, n)
			}
		}
	}
	if version == 0 {
		return 0, nil, fmt.Errorf("%w: %s", ErrNoVersion, dir)
	}
	v, err := OpenVersion(filepath.Join(dir, versionName(version)))
	if err != nil {
		return 0, nil, err
	}
	return version, v.Manifest, nil
}

// Path is where a file of the version lies, by its slash-separated name.
func (v *Version) Path(name string) string { return filepath.Join(v.Dir, filepath.FromSlash(name)) }

// ShardFiles are the shards of the version where they lie, ready to go into
// the spec of the next version.
func (v *Version) ShardFiles() []ShardFile {
	files := make([]ShardFile, len(v.Manifest.Shards))
	for i, s := range v.Manifest.Shards {
		files[i] = ShardFile{Path: v.Path(s.File), Shard: s}
		if s.Raw != nil {
			files[i].Raw = v.Path(s.Raw.File)
		}
	}
	return files
}

// Read calls yield for every record of the version, shard after shard, as
// ReadShard does; row counts from 0 in each file.
func (v *Version) Read(yield func(file string, row int64, r *Record) error) error {
	for _, s := range v.Manifest.Shards {
		err := ReadShard(v.Path(s.File), func(row int64, r *Record) error { return yield(s.File, row, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadRaw calls yield for every answer that the version keeps, file after file;
// there are none unless the job asked for them.
func (v *Version) ReadRaw(yield func(file string, row int64, r *Raw) error) error {
	for _, s := range v.Manifest.Shards {
		if s.Raw == nil {
			continue
		}
		err := ReadRaw(v.Path(s.Raw.File), func(row int64, r *Raw) error { return yield(s.Raw.File, row, r) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Sites are the rows by site.
func (v *Version) Sites() (map[string]int64, error) {
	raw, err := readBounded(v.Path(SitesFile), DefaultLimits().ManifestBytes)
	if err != nil {
		return nil, err
	}
	sites := map[string]int64{}
	if err := json.Unmarshal(raw, &sites); err != nil {
		return nil, fmt.Errorf("read %s: %w", v.Path(SitesFile), err)
	}
	return sites, nil
}

// readBounded reads a whole regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("read %s: not a regular file of at most %d bytes", path, limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
