package dataset

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// publication is one version in the making.
type publication struct {
	spec   VersionSpec
	tmp    string
	key    ed25519.PrivateKey
	orders *Takedowns // all of them

	formerManifest *Manifest // of the version before, nil if there is none

	former  map[string]ShardFile // shards of the version before, by source
	before  *Takedowns           // orders that the version before did not carry out
	emptied map[string]bool      // sources of which nothing is left
	notices []Notice             // those of the version before, then of all orders
	removed []*Tombstone
	sites   map[string]int64
}

func newPublication(spec VersionSpec, tmp string, key ed25519.PrivateKey) *publication {
	return &publication{
		spec: spec, tmp: tmp, key: key, orders: NewTakedowns(spec.Takedowns), before: NewTakedowns(spec.Takedowns),
		former: map[string]ShardFile{}, emptied: map[string]bool{}, sites: map[string]int64{},
	}
}

// compareWithFormer reads what the version before holds: nothing of it may be
// missing from this one but what a takedown covers.
func (p *publication) compareWithFormer(dir string) error {
	if p.spec.Version == 1 {
		return nil
	}
	former, err := OpenVersion(filepath.Join(dir, versionName(p.spec.Version-1)))
	if err != nil {
		return fmt.Errorf("publish version %d: the version before it: %w", p.spec.Version, err)
	}
	m := former.Manifest
	p.formerManifest = m
	if m.Takedowns > len(p.spec.Takedowns) {
		return fmt.Errorf("publish version %d: the version before carried out %d takedowns, this one is to carry out %d", p.spec.Version, m.Takedowns, len(p.spec.Takedowns))
	}
	p.before = NewTakedowns(p.spec.Takedowns[m.Takedowns:])
	for _, source := range m.Emptied {
		p.emptied[source] = true
	}
	for _, f := range former.ShardFiles() {
		p.former[f.Shard.source()] = f
	}
	if err := p.inOrder(m); err != nil {
		return err
	}
	if p.notices, err = former.Notices(); err != nil {
		return err
	}
	if len(p.notices) != m.Takedowns {
		return fmt.Errorf("publish version %d: the version before carried out %d takedowns and tells of %d", p.spec.Version, m.Takedowns, len(p.notices))
	}
	if p.sites, err = former.Sites(); err != nil {
		return err
	}
	return p.formerlyRemoved(former)
}

// inOrder checks that the shards of the version before come first, in its order.
func (p *publication) inOrder(m *Manifest) error {
	next := 0
	for i := 0; next < len(m.Shards); i++ {
		want := m.Shards[next].source()
		if i >= len(p.spec.Shards) {
			return fmt.Errorf("publish version %d: shard %s of the version before is missing", p.spec.Version, m.Shards[next].File)
		}
		switch source := p.spec.Shards[i].Shard.source(); {
		case source == want:
			next++
		case !p.emptied[source]:
			return fmt.Errorf("publish version %d: shard %s of the version before is not shard %d of this one", p.spec.Version, m.Shards[next].File, i)
		}
	}
	return nil
}

func (p *publication) formerlyRemoved(former *Version) error {
	if _, ok := former.Manifest.file(RemovedFile); !ok {
		return nil
	}
	return ReadRemoved(former.Path(RemovedFile), func(_ int64, t *Tombstone) error {
		kept := *t
		p.removed = append(p.removed, &kept)
		return nil
	})
}

// build makes the whole version in p.tmp, durable but not yet under its name.
func (p *publication) build() (*Manifest, error) {
	if err := os.RemoveAll(p.tmp); err != nil {
		return nil, fmt.Errorf("clear what an earlier attempt left: %w", err)
	}
	for _, folder := range []string{"data", "sample"} {
		if err := os.MkdirAll(filepath.Join(p.tmp, folder), 0o755); err != nil {
			return nil, err
		}
	}
	m := p.spec.manifest()
	taken, err := p.takeShards()
	if err == nil {
		err = p.placeShards(m, taken)
	}
	if err == nil {
		err = p.addTables(m)
	}
	if err == nil {
		err = p.addDocuments(m)
	}
	if err != nil {
		return nil, err
	}
	raw, err := m.encode(p.key)
	if err != nil {
		return nil, err
	}
	if err := writeBytes(filepath.Join(p.tmp, ManifestFile), raw); err != nil {
		return nil, err
	}
	return m, errors.Join(syncDir(filepath.Join(p.tmp, "data")), syncDir(filepath.Join(p.tmp, "sample")), syncDir(p.tmp))
}

// addTables writes what was dropped and what was removed.
func (p *publication) addTables(m *Manifest) error {
	duplicates := make([]*Duplicate, len(p.spec.Duplicates))
	for i := range duplicates {
		d := p.spec.Duplicates[i]
		duplicates[i] = &d
	}
	if err := addTable(p, m, DuplicatesFile, duplicatesTable(), duplicates); err != nil {
		return err
	}
	m.Removed = int64(len(p.removed))
	return addTable(p, m, RemovedFile, removedTable(), p.removed)
}

func addTable[T any](p *publication, m *Manifest, name string, t *table[T], rows []*T) error {
	var s Shard
	size, sum, err := writeTable(filepath.Join(p.tmp, filepath.FromSlash(name)), t, rows, &s.Root, WriterOptions{Limits: DefaultLimits()})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	m.Files = append(m.Files, File{Path: name, Bytes: size, SHA256: sum})
	return nil
}

func (p *publication) addJSON(m *Manifest, name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return p.addBytes(m, name, append(raw, '\n'))
}

func (p *publication) addBytes(m *Manifest, name string, data []byte) error {
	sum, size, err := createFile(filepath.Join(p.tmp, filepath.FromSlash(name)), func(w io.Writer) error {
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
