package dataset

import (
	"crypto/ed25519"
	"errors"
	"fmt"
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
	URL         string    // where the dataset is to be had; default: a name made of the key and the dataset
	Generator   string    // program and version
	Created     time.Time // stored to the second, UTC

	// Shards are all shards of the dataset in order, as the crawl committed them
	// or as ShardFiles of the version before has them, then new ones. Of those
	// the version before has, its files are taken.
	Shards []ShardFile
	// Takedowns are all orders for the dataset, oldest first: those the version
	// before carried out, then new ones.
	Takedowns []Takedown
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
//
// Rows that a takedown covers are left out: a shard that has some is written
// anew without them, all others stay as they are.
func Publish(dir string, spec VersionSpec, key ed25519.PrivateKey) (*Manifest, error) {
	if err := spec.check(key); err != nil {
		return nil, err
	}
	spec.settle()
	final := filepath.Join(dir, versionName(spec.Version))
	if _, err := os.Lstat(final); err == nil {
		return spec.existing(final, key)
	}
	p := newPublication(spec, filepath.Join(dir, ".tmp-"+versionName(spec.Version)), key)
	if err := p.compareWithFormer(dir); err != nil {
		return nil, err
	}
	m, err := p.build()
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
	for i := range s.Takedowns {
		if err := s.Takedowns[i].Check(); err != nil {
			return fmt.Errorf("publish: order %d: %w", i+1, err)
		}
	}
	for i := range s.Duplicates {
		if k := s.Duplicates[i].Kind; k != ExactDuplicate && k != NearDuplicate {
			return fmt.Errorf("publish: duplicate %d is of kind %q", i, k)
		}
	}
	return nil
}

// settle puts a spec into the form that versions are compared in: without the
// duplicates that a takedown covers.
func (s *VersionSpec) settle() {
	orders := NewTakedowns(s.Takedowns)
	kept := make([]Duplicate, 0, len(s.Duplicates))
	for _, d := range s.Duplicates {
		if !orders.Cover(d.DroppedURL, hostOf(d.DroppedURL)) {
			kept = append(kept, d)
		}
	}
	s.Duplicates = kept
}

// MadeOf says whether m holds just what a spec asks for: its shards, less what
// its takedowns cover.
func (m *Manifest) MadeOf(s VersionSpec) bool {
	s.settle()
	return m.madeOf(&s)
}

func (m *Manifest) madeOf(s *VersionSpec) bool {
	emptied := map[string]bool{}
	for _, source := range m.Emptied {
		emptied[source] = true
	}
	var left []string
	for i := range s.Shards {
		if source := s.Shards[i].Shard.source(); !emptied[source] {
			left = append(left, source)
		}
	}
	return m.Dataset == s.Dataset && m.Takedowns == len(s.Takedowns) && m.Duplicates == countDuplicates(s.Duplicates) &&
		len(left)+len(m.Emptied) == len(s.Shards) &&
		slices.EqualFunc(m.Shards, left, func(a Shard, source string) bool { return a.source() == source })
}

// existing answers for a version that is there: its manifest if it is the one
// that was asked for.
func (s *VersionSpec) existing(path string, key ed25519.PrivateKey) (*Manifest, error) {
	v, err := OpenVersion(path)
	if err != nil {
		return nil, err
	}
	if m := v.Manifest; m.madeOf(s) && m.Router == Address(key.Public().(ed25519.PublicKey)) {
		return m, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrExists, path)
}

func (s *VersionSpec) manifest() *Manifest {
	m := &Manifest{
		Dataset: s.Dataset, Version: s.Version, Created: s.Created.UTC().Truncate(time.Second),
		Description: s.Description, Purpose: s.Purpose, Contact: s.Contact, License: s.License,
		Generator: s.Generator, Schema: SchemaVersion, Counts: s.Counts, Duplicates: countDuplicates(s.Duplicates),
		Takedowns: len(s.Takedowns),
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
