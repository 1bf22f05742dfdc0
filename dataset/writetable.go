package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// writeTable writes a file, durably, reads it back and compares. It fills the
// leaves of the rows and root.
func writeTable[T any](path string, t *table[T], rows []*T, root *merkle.Hash, limits Limits) (size int64, sum string, err error) {
	tally := newTally(t)
	var groups []int
	var group, total int64
	for i, row := range rows {
		leaf := tally.add(row)
		*t.leaf(row) = leaf
		size := int64(len(tally.encoder.buf))
		full := group+size > limits.RowGroupBytes || (len(groups) > 0 && int64(groups[len(groups)-1]) >= limits.RowGroupRows)
		if i == 0 || full {
			groups, group = append(groups, 0), 0
		}
		groups[len(groups)-1]++
		group += size
		total += size
	}
	*root = tally.tree.Root()
	keys, err := tally.footerKeys()
	if err != nil {
		return 0, "", err
	}
	paged := limits
	paged.PageBytes = pageBytes(total, limits)
	sum, size, err = createFile(path, func(w io.Writer) error { return t.write(w, rows, groups, keys, paged) })
	if err == nil {
		err = readBack(path, t, rows, sum, limits)
	}
	if err != nil {
		if gone := os.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return 0, "", err
	}
	return size, sum, nil
}

// readBack compares a file with the rows it was made of. Equal leaves mean
// equal rows in every column.
func readBack[T any](path string, t *table[T], rows []*T, sum string, limits Limits) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, size, err := digestOf(f)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got != sum {
		return fmt.Errorf("%w: SHA-256 %s, written was %s", errReadBack, got, sum)
	}
	n := int64(0)
	err = readTable(f, size, t, limits, func(number int64, row *T) error {
		if n++; n > int64(len(rows)) || *t.leaf(row) != *t.leaf(rows[number]) {
			return fmt.Errorf("%w: row %d", errReadBack, number)
		}
		return nil
	})
	if err == nil && n != int64(len(rows)) {
		err = fmt.Errorf("%w: %d rows of %d", errReadBack, n, len(rows))
	}
	return err
}
