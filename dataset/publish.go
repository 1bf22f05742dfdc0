package dataset

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// VersionSpec is what Publish makes a version of.
type VersionSpec struct {
	Dataset     string    // name, as in the folder: lower-case letters, digits, '.', '_', '-', at most 64
	Version     int       // 1 for the first, then without gaps
	Description string    // one sentence for the card
	Purpose     string    // what the crawl was asked for
	Contact     string    // where site owners and readers turn
	License     string    // identifier of the hub for the collection; default "other"
	Generator   string    // program and version
	Created     time.Time // stored to the second, UTC

	// Shards are all shards of the version in order: those of the version
	// before, then new ones.
	Shards []ShardFile
	// Duplicates are all pages dropped up to this version.
	Duplicates []Duplicate
	Counts     Counts
}

// ShardFile is a shard and where its file lies now.
type ShardFile struct {
	Path  string // of the file; it stays where it is
	Shard Shard  // as WriteShard returned it, or from the manifest of the version before
	// Raw is where the file that Shard.Raw describes lies now.
	Raw string
}

// ErrExists says that the version is there already with other content.
var ErrExists = errors.New("version exists with other content")

var datasetName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Publish makes version spec.Version of the dataset in the folder dir, signed
// with key, and returns its manifest. The version appears as dir/vN whole or
// not at all and is durable when Publish returns; it is never changed after.
//
// Calling again with the same spec, after a crash or not, gives the same
// version; other content under the same number is ErrExists. Shards become
// hard links of their files, or copies where links cannot be had. New shards
// are compared with their digest first. One caller at a time per dir.
func Publish(dir string, spec VersionSpec, key ed25519.PrivateKey) (*Manifest, error) {
	if err := spec.check(key); err != nil {
		return nil, err
	}
	final := filepath.Join(dir, versionName(spec.Version))
	if _, err := os.Lstat(final); err == nil {
		return spec.existing(final, key)
	}
	p := &publication{spec: spec, tmp: filepath.Join(dir, ".tmp-"+versionName(spec.Version))}
	if err := p.compareWithFormer(dir); err != nil {
		return nil, err
	}
	m, err := p.build(key)
	if err != nil {
		return nil, fmt.Errorf("publish %s version %d: %w", spec.Dataset, spec.Version, err)
	}
	if err := moveInto(p.tmp, final); err != nil {
		return nil, fmt.Errorf("publish %s version %d: %w", spec.Dataset, spec.Version, err)
	}
	return m, nil
}

func versionName(version int) string { return "v" + strconv.Itoa(version) }

func (s *VersionSpec) check(key ed25519.PrivateKey) error {
	limits := DefaultLimits()
	switch {
	case len(key) != ed25519.PrivateKeySize:
		return errors.New("publish: no Ed25519 key to sign with")
	case !datasetName.MatchString(s.Dataset):
		return fmt.Errorf("publish: dataset name %q must match %s", s.Dataset, datasetName)
	case s.Version < 1:
		return fmt.Errorf("publish: version %d, the first is 1", s.Version)
	case len(s.Shards) == 0 || len(s.Shards) > limits.Shards:
		return fmt.Errorf("publish: %d shards, a version has 1 to %d", len(s.Shards), limits.Shards)
	case len(s.Duplicates) > limits.Duplicates:
		return fmt.Errorf("publish: %d duplicates, the limit is %d", len(s.Duplicates), limits.Duplicates)
	}
	for i := range s.Duplicates {
		if k := s.Duplicates[i].Kind; k != ExactDuplicate && k != NearDuplicate {
			return fmt.Errorf("publish: duplicate %d is of kind %q", i, k)
		}
	}
	return nil
}

// existing answers for a version that is there: its manifest if it is the one
// that was asked for.
func (s *VersionSpec) existing(path string, key ed25519.PrivateKey) (*Manifest, error) {
	v, err := OpenVersion(path)
	if err != nil {
		return nil, err
	}
	m := v.Manifest
	same := m.Dataset == s.Dataset && m.Router == Address(key.Public().(ed25519.PublicKey)) &&
		slices.EqualFunc(m.Shards, s.Shards, func(a Shard, b ShardFile) bool { return a.SHA256 == b.Shard.SHA256 }) &&
		m.Duplicates == countDuplicates(s.Duplicates)
	if !same {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	}
	return m, nil
}

// publication is one version in the making.
type publication struct {
	spec  VersionSpec
	tmp   string
	known map[string]bool  // digests of shards that the former version has
	sites map[string]int64 // of the former version, then of this one
}

// compareWithFormer reads what the version before holds: nothing of it may be
// missing from this one.
func (p *publication) compareWithFormer(dir string) error {
	p.known, p.sites = map[string]bool{}, map[string]int64{}
	if p.spec.Version == 1 {
		return nil
	}
	former, err := OpenVersion(filepath.Join(dir, versionName(p.spec.Version-1)))
	if err != nil {
		return fmt.Errorf("publish version %d: the version before it: %w", p.spec.Version, err)
	}
	for i, s := range former.Manifest.Shards {
		if i >= len(p.spec.Shards) || p.spec.Shards[i].Shard.SHA256 != s.SHA256 {
			return fmt.Errorf("publish version %d: shard %s of the version before is not shard %d of this one", p.spec.Version, s.File, i)
		}
		p.known[s.SHA256] = true
	}
	p.sites, err = former.Sites()
	return err
}

// build makes the whole version in p.tmp, durable but not yet under its name.
func (p *publication) build(key ed25519.PrivateKey) (*Manifest, error) {
	if err := os.RemoveAll(p.tmp); err != nil {
		return nil, fmt.Errorf("clear what an earlier attempt left: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(p.tmp, "data"), 0o755); err != nil {
		return nil, err
	}
	m := p.spec.manifest()
	if err := p.addShards(m); err != nil {
		return nil, err
	}
	if err := p.addDuplicates(m); err != nil {
		return nil, err
	}
	sites, err := json.MarshalIndent(p.sites, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode sites: %w", err)
	}
	m.Sites = int64(len(p.sites))
	if err := p.addBytes(m, SitesFile, append(sites, '\n')); err != nil {
		return nil, err
	}
	if err := p.addBytes(m, CardFile, card(m, p.sites)); err != nil {
		return nil, err
	}
	if err := p.addBytes(m, SumsFile, sums(m.Files)); err != nil {
		return nil, err
	}
	raw, err := m.encode(key)
	if err != nil {
		return nil, err
	}
	if err := writeBytes(filepath.Join(p.tmp, ManifestFile), raw); err != nil {
		return nil, err
	}
	return m, errors.Join(syncDir(filepath.Join(p.tmp, "data")), syncDir(p.tmp))
}

func (s *VersionSpec) manifest() *Manifest {
	m := &Manifest{
		Dataset: s.Dataset, Version: s.Version, Created: s.Created.UTC().Truncate(time.Second),
		Description: s.Description, Purpose: s.Purpose, Contact: s.Contact, License: s.License,
		Generator: s.Generator, Schema: SchemaVersion, Counts: s.Counts, Duplicates: countDuplicates(s.Duplicates),
	}
	if m.License == "" {
		m.License = "other"
	}
	return m
}

func countDuplicates(list []Duplicate) (c DuplicateCounts) {
	for i := range list {
		if list[i].Kind == ExactDuplicate {
			c.Exact++
		} else {
			c.Near++
		}
	}
	return c
}

func (p *publication) addShards(m *Manifest) (err error) {
	for i, from := range p.spec.Shards {
		s := from.Shard
		s.File = fmt.Sprintf("data/train-%05d-of-%05d.parquet", i, len(p.spec.Shards))
		if !p.known[s.SHA256] {
			if s.Sites == nil {
				return fmt.Errorf("shard %s comes without its counts by site", from.Path)
			}
			addAll(p.sites, s.Sites)
		}
		to := filepath.Join(p.tmp, filepath.FromSlash(s.File))
		if err := linkOrCopy(from.Path, to); err != nil {
			return fmt.Errorf("take shard %s: %w", from.Path, err)
		}
		if err := checkTaken(to, s, p.known[s.SHA256]); err != nil {
			return fmt.Errorf("shard %s: %w", from.Path, err)
		}
		if s.Raw != nil {
			if s.Raw, err = p.addRaw(m, from, i); err != nil {
				return fmt.Errorf("answers %s: %w", from.Raw, err)
			}
		}
		s.Sites = nil
		m.Shards = append(m.Shards, s)
		m.Files = append(m.Files, File{Path: s.File, Bytes: s.Bytes, SHA256: s.SHA256})
		m.Bytes += s.Bytes
		m.merge(s.Summary)
	}
	m.Root = totalRoot(m.Shards)
	return nil
}

// addRaw takes over the answers of shard i.
func (p *publication) addRaw(m *Manifest, from ShardFile, i int) (*RawFile, error) {
	raw := *from.Shard.Raw
	raw.File = fmt.Sprintf("raw/train-%05d-of-%05d.parquet", i, len(p.spec.Shards))
	to := filepath.Join(p.tmp, filepath.FromSlash(raw.File))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return nil, err
	}
	if err := linkOrCopy(from.Raw, to); err != nil {
		return nil, err
	}
	if err := checkTaken(to, Shard{Bytes: raw.Bytes, SHA256: raw.SHA256}, p.known[from.Shard.SHA256]); err != nil {
		return nil, err
	}
	m.Files = append(m.Files, File{Path: raw.File, Bytes: raw.Bytes, SHA256: raw.SHA256})
	return &raw, syncDir(filepath.Dir(to))
}

// checkTaken compares a shard with its description. One that a former version
// published is compared by size only, or each version would read all of them.
func checkTaken(path string, s Shard, published bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if published {
		info, err := f.Stat()
		if err == nil && info.Size() != s.Bytes {
			err = fmt.Errorf("%d bytes, expected %d", info.Size(), s.Bytes)
		}
		return err
	}
	sum, size, err := digestOf(f)
	if err == nil && (sum != s.SHA256 || size != s.Bytes) {
		err = fmt.Errorf("SHA-256 %s, expected %s: the file changed since it was written", sum, s.SHA256)
	}
	return err
}

func (p *publication) addDuplicates(m *Manifest) error {
	rows := make([]*Duplicate, len(p.spec.Duplicates))
	for i := range rows {
		d := p.spec.Duplicates[i]
		rows[i] = &d
	}
	var s Shard
	size, sum, err := writeTable(filepath.Join(p.tmp, DuplicatesFile), duplicatesTable(), rows, &s.Root, DefaultLimits())
	if err != nil {
		return fmt.Errorf("write %s: %w", DuplicatesFile, err)
	}
	m.Files = append(m.Files, File{Path: DuplicatesFile, Bytes: size, SHA256: sum})
	return nil
}

func (p *publication) addBytes(m *Manifest, name string, data []byte) error {
	sum, size, err := createFile(filepath.Join(p.tmp, name), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	m.Files = append(m.Files, File{Path: name, Bytes: size, SHA256: sum})
	return nil
}

// sums is the content of SHA256SUMS, which sha256sum -c reads.
func sums(files []File) []byte {
	var out []byte
	for _, f := range files {
		out = fmt.Appendf(out, "%s  %s\n", f.SHA256, f.Path)
	}
	return out
}
