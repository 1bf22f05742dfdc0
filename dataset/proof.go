package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// proofFormat names the layout of a proof.
const proofFormat = "fallow-proof-v1"

// Proof shows that one row is in a version, offline and by itself: the row, the
// hashes that lead from it to the root of its shard, and the manifest, whose
// signature covers that root. File and JSON have one form only; see Encode.
type Proof struct {
	Format string        `json:"format"`
	File   string        `json:"file"` // the shard, as the manifest names it
	Row    int64         `json:"row"`  // counted from 0
	Path   []merkle.Hash `json:"path"` // sibling hashes from the leaf upwards
	// Record is the row for people: what Encoding holds, by column. Columns that
	// the build that reads it does not know are in hex.
	Record   json.RawMessage `json:"record"`
	Encoding []byte          `json:"encoding"` // canonical bytes of the row
	Manifest string          `json:"manifest"` // manifest.json, byte for byte
}

// Wanted says which row to prove: the first that has the id or url, or the one
// with a number. Exactly one is set.
type Wanted struct {
	ID, URL string
	Row     *int64 // counted from 0 over the version, or in the shard that was named
}

// ErrNoRow says that no row is the wanted one.
var ErrNoRow = errors.New("no such row")

// Prove makes the proof of one row of the version in path, or of the shard at
// path inside a version. The shard is read whole and checked on the way; a shard
// that is not what the manifest says cannot be proven. It keeps 32 bytes a row
// in memory.
func Prove(path string, w Wanted) (*Proof, error) {
	v, shards, err := provable(path)
	if err != nil {
		return nil, err
	}
	raw, err := readBounded(v.Path(ManifestFile), DefaultLimits().ManifestBytes)
	if err != nil {
		return nil, err
	}
	shard, row, err := v.find(shards, w)
	if err != nil {
		return nil, err
	}
	p := &Proof{Format: proofFormat, File: shard.File, Row: row, Manifest: string(raw)}
	leaves, err := p.collect(v.Path(shard.File))
	if err != nil {
		return nil, fmt.Errorf("prove row %d of %s: %w", row, shard.File, err)
	}
	if got := merkle.Root(leaves); got != shard.Root {
		return nil, fmt.Errorf("prove row %d of %s: its Merkle root is %s, the manifest says %s: fallow-data verify says more", row, shard.File, got, shard.Root)
	}
	if p.Path, err = merkle.Prove(leaves, int(row)); err != nil {
		return nil, err
	}
	if p.Record, err = decodeRow(p.Encoding); err != nil {
		return nil, err
	}
	return p, nil
}

// provable finds the version around path and the shards to look in.
func provable(path string) (*Version, []Shard, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		v, err := OpenVersion(path)
		if err != nil {
			return nil, nil, err
		}
		return v, v.Manifest.Shards, nil
	}
	dir, name, err := versionAround(path)
	if err != nil {
		return nil, nil, err
	}
	if dir == "" {
		return nil, nil, fmt.Errorf("%w: %s lies in no version, so there is no signature to lead to", ErrNoVersion, path)
	}
	v, err := OpenVersion(dir)
	if err != nil {
		return nil, nil, err
	}
	shard := v.Manifest.shard(name)
	if shard == nil {
		return nil, nil, fmt.Errorf("%w: the manifest around %s does not list it as a shard", ErrNoRow, path)
	}
	return v, []Shard{*shard}, nil
}

// versionAround is the folder of the version that a file lies in and the file's
// name there: two folders up for a shard, one for duplicates.parquet. dir is
// empty if there is none.
func versionAround(file string) (dir, name string, err error) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return "", "", err
	}
	for dir := filepath.Dir(absolute); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err == nil {
			name, err := filepath.Rel(dir, absolute)
			return dir, filepath.ToSlash(name), err
		}
		if base := filepath.Base(dir); base != "data" && base != "raw" {
			return "", "", nil
		}
	}
}

// find looks for the wanted row.
func (v *Version) find(shards []Shard, w Wanted) (shard Shard, row int64, err error) {
	if w.Row != nil {
		at := *w.Row
		for _, s := range shards {
			if at >= 0 && at < s.Rows {
				return s, at, nil
			}
			at -= s.Rows
		}
		return shard, 0, fmt.Errorf("%w: row %d", ErrNoRow, *w.Row)
	}
	for _, s := range shards {
		err := scanFile(v.Path(s.File), recordsTable(), []string{"id", "url"}, func(n int64, r *Record) error {
			if w.ID != "" && r.ID == w.ID || w.URL != "" && r.URL == w.URL {
				row = n
				return errFound
			}
			return nil
		})
		if errors.Is(err, errFound) {
			return s, row, nil
		}
		if err != nil {
			return shard, 0, err
		}
	}
	return shard, 0, fmt.Errorf("%w: %s", ErrNoRow, w.ID+w.URL)
}

// collect reads the leaves of a shard and the bytes of the row.
func (p *Proof) collect(path string) (leaves []merkle.Hash, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := openTable(recordsTable(), f, info.Size(), DefaultLimits())
	if err != nil {
		return nil, err
	}
	defer r.close()
	encoder := newRowEncoder(r.table)
	err = r.read(func(number int64, row *Record, _ bool) error {
		leaf := encoder.leaf(row)
		if leaf != row.Leaf {
			return &Damage{First: number, Last: number, Err: errLeaf}
		}
		if leaves = append(leaves, leaf); number == p.Row {
			p.Encoding = encoder.bytes(row)
		}
		return nil
	})
	return leaves, err
}

// Encode writes the proof in its one form; any other bytes are not a proof.
func (p *Proof) Encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(p)
	return out.Bytes(), err
}

// maxProof bounds a proof that is read: the manifest, a row thrice, and hashes.
func maxProof(l Limits) int64 { return 2*l.ManifestBytes + 8*int64(l.TextBytes) }

// readProof reads a proof file.
func readProof(r io.Reader, limits Limits) (p *Proof, raw []byte, err error) {
	if raw, err = io.ReadAll(io.LimitReader(r, maxProof(limits)+1)); err != nil {
		return nil, nil, err
	}
	if int64(len(raw)) > maxProof(limits) {
		return nil, raw, fmt.Errorf("it is larger than %d bytes", maxProof(limits))
	}
	p = new(Proof)
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, raw, err
	}
	if p.Format != proofFormat {
		return nil, raw, fmt.Errorf("format %.40q, this build reads %q", p.Format, proofFormat)
	}
	return p, raw, nil
}
