package dataset

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/mr-tron/base58"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// manifestFormat names the layout of manifest.json; manifestDomain starts the
// bytes that are signed, so that no other signature of the router fits.
const (
	manifestFormat = "fallow-manifest-v1"
	manifestDomain = "fallow-manifest-v1\n"
	shardDomain    = "fallow-shard-v1"
)

// Names of the files of a version beside its shards.
const (
	ManifestFile   = "manifest.json"
	CardFile       = "README.md"
	SumsFile       = "SHA256SUMS"
	DuplicatesFile = "duplicates.parquet"
	SitesFile      = "sites.json"
	RemovedFile    = "removed.parquet"
	NoticesFile    = "notices.json"
	CroissantFile  = "croissant.json"
	ProvenanceFile = "provenance.json"
	SummaryFile    = "eu-summary.json"
	SummaryText    = "eu-summary.md"
	SampleFile     = "sample/train-00000-of-00001.parquet"
)

// Manifest says what a version holds. The router signs it; all else in the
// version follows from it by digest.
type Manifest struct {
	Format      string    `json:"format"`
	Dataset     string    `json:"dataset"`
	Version     int       `json:"version"`
	Created     time.Time `json:"created"`
	Description string    `json:"description"`
	Purpose     string    `json:"purpose"`
	Contact     string    `json:"contact"`
	License     string    `json:"license"`
	Generator   string    `json:"generator"` // program and version that wrote it
	Schema      string    `json:"schema"`    // SchemaVersion of its shards

	Root  merkle.Hash `json:"root"`  // over the shard roots, see SCHEMA.md
	Bytes int64       `json:"bytes"` // of all shards
	Sites int64       `json:"sites"` // distinct sites
	Summary
	Counts     Counts          `json:"counts"`
	Duplicates DuplicateCounts `json:"duplicates"`

	// Takedowns is how many orders were carried out up to this version, Removed
	// how many rows they cost in all; Emptied are the committed shards, by
	// SHA-256, of which no row is left.
	Takedowns int      `json:"takedowns"`
	Removed   int64    `json:"removed"`
	Emptied   []string `json:"emptied,omitempty"`

	Shards []Shard `json:"shards"`
	Files  []File  `json:"files"` // every file of the version but this one

	Router    string `json:"router"`    // base58 of the Ed25519 key that signed
	Signature string `json:"signature"` // 128 hex digits, always the last field
}

// Counts says what became of the addresses that did not become records. The
// router counts; a verifier cannot recompute them.
type Counts struct {
	Fetched       int64 `json:"fetched"`        // pages fetched, records included
	RefusedRobots int64 `json:"refused_robots"` // addresses that robots.txt forbids
	RefusedOptOut int64 `json:"refused_opt_out"`
	Failed        int64 `json:"failed"` // addresses given up on
}

// DuplicateCounts sums up duplicates.parquet.
type DuplicateCounts struct {
	Exact int64 `json:"exact"`
	Near  int64 `json:"near"`
}

// File is one file of a version.
type File struct {
	Path   string `json:"path"` // slash-separated, relative to the version
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// ErrManifest says that manifest.json is not one, and ErrSignature that it is
// but its router did not sign these bytes.
var (
	ErrManifest  = errors.New("not a Fallow manifest")
	ErrSignature = errors.New("manifest signature does not fit")
)

// signatureTail is what follows the signature's digits in the file.
const signatureTail = "\"\n}\n"

// encode signs m and returns the bytes of its file. The signature covers
// manifestDomain and then every byte of the file before its own hex digits.
func (m *Manifest) encode(key ed25519.PrivateKey) ([]byte, error) {
	m.Format = manifestFormat
	m.Router = base58.Encode(key.Public().(ed25519.PublicKey))
	m.Signature = ""
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	head := bytes.TrimSuffix(append(raw, '\n'), []byte(signatureTail))
	m.Signature = hex.EncodeToString(ed25519.Sign(key, append([]byte(manifestDomain), head...)))
	return append(append(head, m.Signature...), signatureTail...), nil
}

// ParseManifest reads manifest.json and checks its signature against the key
// it names. Whether that key is the router's the caller must know from
// elsewhere. The error wraps ErrManifest, or ErrSignature together with a
// manifest that is readable but must not be believed.
func ParseManifest(raw []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("%w: format %q, this build reads %q", ErrManifest, m.Format, manifestFormat)
	}
	if err := m.checkNames(); err != nil {
		return nil, err
	}
	return m, m.checkSignature(raw)
}

func (m *Manifest) checkSignature(raw []byte) error {
	key, err := base58.Decode(m.Router)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: router key %q is not an Ed25519 key in base58", ErrSignature, m.Router)
	}
	const digits = 2 * ed25519.SignatureSize
	cut := len(raw) - len(signatureTail) - digits
	if cut < 0 || string(raw[cut+digits:]) != signatureTail {
		return fmt.Errorf("%w: the file does not end with it", ErrSignature)
	}
	signature, err := hex.DecodeString(string(raw[cut : cut+digits]))
	if err != nil || hex.EncodeToString(signature) != string(raw[cut:cut+digits]) {
		return fmt.Errorf("%w: it is not lower-case hex", ErrSignature)
	}
	if !ed25519.Verify(key, append([]byte(manifestDomain), raw[:cut]...), signature) {
		return fmt.Errorf("%w: bytes of %s or the signature were changed", ErrSignature, ManifestFile)
	}
	return nil
}

// checkNames keeps paths of a manifest inside its version.
func (m *Manifest) checkNames() error {
	for _, f := range m.Files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
	}
	for _, s := range m.Shards {
		if err := checkPath(s.File); err != nil {
			return err
		}
		if s.Raw != nil {
			if err := checkPath(s.Raw.File); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkPath(path string) error {
	if !fs.ValidPath(path) || !filepath.IsLocal(filepath.FromSlash(path)) || strings.ContainsAny(path, "\\\x00\n") || path == ManifestFile {
		return fmt.Errorf("%w: file name %q", ErrManifest, path)
	}
	return nil
}

// file finds the entry of a path.
func (m *Manifest) file(path string) (File, bool) {
	for _, f := range m.Files {
		if f.Path == path {
			return f, true
		}
	}
	return File{}, false
}

// shard finds the entry of a shard.
func (m *Manifest) shard(path string) *Shard {
	for i := range m.Shards {
		if m.Shards[i].File == path {
			return &m.Shards[i]
		}
	}
	return nil
}

// raw finds the entry of a file of answers.
func (m *Manifest) raw(path string) *RawFile {
	for i := range m.Shards {
		if raw := m.Shards[i].Raw; raw != nil && raw.File == path {
			return raw
		}
	}
	return nil
}

// totalRoot is the root over shard roots. A leaf is the hash of shardDomain,
// the number of rows (64 bits, big-endian) and the shard's root, so neither
// rows nor shards can move between shards unseen.
func totalRoot(shards []Shard) merkle.Hash {
	var tree merkle.Builder
	for i := range shards {
		leaf := binary.BigEndian.AppendUint64([]byte(shardDomain), uint64(shards[i].Rows))
		tree.Add(merkle.Leaf(append(leaf, shards[i].Root[:]...)))
	}
	return tree.Root()
}
