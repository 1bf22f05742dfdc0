package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// errLeaf says that a row is not the one its leaf was computed over.
var errLeaf = errors.New("row and its Merkle leaf do not agree")

// ReadShard calls yield for every row of the shard at path, numbered from 0 in
// file order. The Record is reused between calls: copy the struct to keep it
// (its strings may be kept). Memory stays within a few pages per column.
//
// Every row is checked against its Merkle leaf. Reading ends at the first
// error: of yield as it is, a *Damage that names row and column, or one that
// wraps ErrFormat. It never panics, whatever the file holds.
func ReadShard(path string, yield func(row int64, r *Record) error) error {
	return readFile(path, recordsTable(), yield)
}

// ReadDuplicates is ReadShard for duplicates.parquet.
func ReadDuplicates(path string, yield func(row int64, d *Duplicate) error) error {
	return readFile(path, duplicatesTable(), yield)
}

// ReadRaw is ReadShard for the files under raw/.
func ReadRaw(path string, yield func(row int64, r *Raw) error) error {
	return readFile(path, rawTable(), yield)
}

func readFile[T any](path string, t *table[T], yield func(int64, *T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrFormat, path)
	}
	if err := readTable(f, info.Size(), t, DefaultLimits(), yield); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// readTable reads all rows and checks their leaves; the first damage ends it.
func readTable[T any](src io.ReaderAt, size int64, t *table[T], limits Limits, yield func(int64, *T) error) error {
	r, err := openTable(t, src, size, limits)
	if err != nil {
		return err
	}
	defer r.close()
	encoder := newRowEncoder(r.table)
	return r.read(func(number int64, row *T, _ bool) error {
		if encoder.leaf(row) != *t.leaf(row) {
			return &Damage{First: number, Last: number, Err: errLeaf}
		}
		return yield(number, row)
	})
}

// RowLeaf is the Merkle leaf of r as SCHEMA.md specifies it; r.Leaf is not
// looked at.
func RowLeaf(r *Record) merkle.Hash { return newRowEncoder(recordsTable()).leaf(r) }

// RowBytes is what RowLeaf hashes: the canonical encoding of r.
func RowBytes(r *Record) []byte { return newRowEncoder(recordsTable()).bytes(r) }

// Describe reads a whole shard and computes its description anew: what
// WriteShard returned when it wrote the file.
func Describe(path string) (Shard, error) {
	shard := Shard{File: filepath.Base(path), Sites: map[string]int64{}}
	var tree merkle.Builder
	err := ReadShard(path, func(_ int64, r *Record) error {
		shard.add(r)
		shard.Sites[r.Site]++
		tree.Add(r.Leaf)
		return nil
	})
	if err != nil {
		return Shard{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Shard{}, err
	}
	defer f.Close()
	shard.Root = tree.Root()
	shard.SHA256, shard.Bytes, err = digestOf(f)
	return shard, err
}
