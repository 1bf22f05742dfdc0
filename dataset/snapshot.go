package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// SnapshotFile says what a snapshot was taken of.
const SnapshotFile = "snapshot.json"

const snapshotFormat = "fallow-snapshot-v1"

// Snapshot describes a folder of selected rows. Nobody signs it: it names the
// signed version that it was taken of. Where it has the column leaf, each row
// can be proved against that version.
type Snapshot struct {
	Format    string      `json:"format"`
	Dataset   string      `json:"dataset"`
	Version   int         `json:"version"`
	Router    string      `json:"router"`
	Root      merkle.Hash `json:"root"` // of the version
	Selection Selection   `json:"selection"`
	Rows      int64       `json:"rows"`
	Of        int64       `json:"of"` // rows of the version
	Shards    []File      `json:"shards"`
	Made      time.Time   `json:"made"` // when the version was made, so that equal selections give equal bytes
}

// Bounds of a shard of a snapshot: it is closed at the first of them.
const (
	snapshotShardRows  = 200_000
	snapshotShardBytes = 128 << 20
)

// Snapshot writes the selected rows of the version into the folder to, which
// must not exist: Parquet files with the selected columns in the layout that
// load_dataset reads, and what they were taken of. The folder appears whole or
// not at all. Memory stays within a few times 128 MiB.
func (v *Version) Snapshot(ctx context.Context, to string, s Selection) (*Snapshot, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(to); err == nil {
		return nil, fmt.Errorf("snapshot: %s exists already", to)
	}
	tmp := filepath.Clean(to) + tmpSuffix
	if err := os.RemoveAll(tmp); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(tmp, "data"), 0o755); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	w := &snapshotWriter{version: v, tmp: tmp, selection: s, table: s.table(), made: Snapshot{
		Format: snapshotFormat, Dataset: v.Manifest.Dataset, Version: v.Manifest.Version, Router: v.Manifest.Router, Root: v.Manifest.Root,
		Selection: s, Of: v.Manifest.Rows, Shards: []File{}, Made: v.Manifest.Created,
	}}
	err := w.write(ctx)
	if err == nil {
		err = moveInto(tmp, filepath.Clean(to))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("snapshot of %s version %d: %w", v.Manifest.Dataset, v.Manifest.Version, err), os.RemoveAll(tmp))
	}
	return &w.made, nil
}

// table is the layout of the selected columns. Its rows are not hashed anew:
// leaf, where it is selected, is that of the version.
func (s *Selection) table() *table[Record] {
	return &table[Record]{name: "selection", columns: s.columns()}
}

type snapshotWriter struct {
	version   *Version
	tmp       string
	selection Selection
	table     *table[Record]
	rows      []*Record
	bytes     int
	made      Snapshot
}

func (w *snapshotWriter) write(ctx context.Context) error {
	err := w.version.Select(ctx, w.selection, func(_ string, r *Record) error {
		kept := *r
		w.rows = append(w.rows, &kept)
		w.bytes += len(r.Text) + 1024
		if len(w.rows) < snapshotShardRows && w.bytes < snapshotShardBytes {
			return nil
		}
		return w.flush()
	})
	if err == nil && (len(w.rows) > 0 || len(w.made.Shards) == 0) {
		err = w.flush()
	}
	if err == nil {
		err = w.name()
	}
	if err != nil {
		return err
	}
	return w.documents()
}

// flush writes a shard, under a name of its own until it is known how many there
// are.
func (w *snapshotWriter) flush() error {
	path := filepath.Join(w.tmp, "data", fmt.Sprintf("%05d", len(w.made.Shards)))
	limits := DefaultLimits()
	limits.PageBytes = pageBytes(int64(w.bytes), limits)
	var groups []int
	if len(w.rows) > 0 {
		groups = []int{len(w.rows)}
	}
	sum, size, err := createFile(path, func(to io.Writer) error { return w.table.write(to, w.rows, groups, nil, limits, newCrew(nil)) })
	if err != nil {
		return err
	}
	w.made.Shards = append(w.made.Shards, File{Path: path, Bytes: size, SHA256: sum})
	w.made.Rows += int64(len(w.rows))
	w.rows, w.bytes = nil, 0
	return nil
}

func (w *snapshotWriter) name() error {
	for i := range w.made.Shards {
		name := fmt.Sprintf("data/train-%05d-of-%05d.parquet", i, len(w.made.Shards))
		if err := os.Rename(w.made.Shards[i].Path, filepath.Join(w.tmp, filepath.FromSlash(name))); err != nil {
			return err
		}
		w.made.Shards[i].Path = name
	}
	return syncDir(filepath.Join(w.tmp, "data"))
}

func (w *snapshotWriter) documents() error {
	raw, err := json.MarshalIndent(w.made, "", "  ")
	if err != nil {
		return err
	}
	files := w.made.Shards
	for _, f := range []struct {
		name    string
		content []byte
	}{{SnapshotFile, append(raw, '\n')}, {CardFile, w.card()}} {
		sum, size, err := createFile(filepath.Join(w.tmp, f.name), func(to io.Writer) error {
			_, err := to.Write(f.content)
			return err
		})
		if err != nil {
			return err
		}
		files = append(files, File{Path: f.name, Bytes: size, SHA256: sum})
	}
	if err := writeBytes(filepath.Join(w.tmp, SumsFile), sums(files)); err != nil {
		return err
	}
	return syncDir(w.tmp)
}

func (w *snapshotWriter) card() []byte {
	m := w.version.Manifest
	var out bytes.Buffer
	fmt.Fprintf(&out, "---\npretty_name: %s\nlicense: %s\n", quote(m.Dataset), quote(m.License))
	out.WriteString("configs:\n- config_name: \"default\"\n  data_files:\n  - split: \"train\"\n    path: \"data/**/*.parquet\"\n---\n\n")
	fmt.Fprintf(&out, "# Rows of %s, version %d\n\n%d of its %d rows, selected as `%s` says. The version, with its card, its proof and its\nterms, has the Merkle root %s and is signed by %s.\n", m.Dataset, m.Version, w.made.Rows, m.Rows, SnapshotFile, m.Root, m.Router)
	return out.Bytes()
}
