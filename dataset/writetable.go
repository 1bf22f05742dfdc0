package dataset

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// leafRows is how many rows are hashed in one go.
const leafRows = 1024

// writeTable writes a file, durably, reads it back and compares. It fills the
// leaves of the rows and root.
func writeTable[T any](path string, t *table[T], rows []*T, root *merkle.Hash, o WriterOptions) (size int64, sum string, err error) {
	c := newCrew(o.Progress)
	sizes := t.fillLeaves(rows, c)
	groups, total := cutGroups(sizes, o.Limits)
	c.total = 2 * int64(len(rows))
	var tree merkle.Builder
	for _, row := range rows {
		tree.Add(*t.leaf(row))
	}
	*root = tree.Root()
	keys, err := t.keysOf(rows, *root, c)
	if err != nil {
		return 0, "", err
	}
	limits := o.Limits
	limits.PageBytes = pageBytes(total, limits)
	sum, size, err = createFile(path, func(w io.Writer) error { return t.write(w, rows, groups, keys, limits, c) })
	if err == nil {
		err = readBack(path, t, rows, sum, keys, o.Limits, c)
	}
	if err != nil {
		if gone := os.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return 0, "", err
	}
	return size, sum, nil
}

// fillLeaves computes the leaf of every row and returns how many canonical bytes
// each has.
func (t *table[T]) fillLeaves(rows []*T, c *crew) []int {
	sizes := make([]int, len(rows))
	_ = c.each((len(rows)+leafRows-1)/leafRows, func(n int, _ *scratch) error {
		e := newRowEncoder(t)
		for i := n * leafRows; i < min((n+1)*leafRows, len(rows)); i++ {
			*t.leaf(rows[i]) = e.leaf(rows[i])
			sizes[i] = e.size()
		}
		return nil
	})
	return sizes
}

// cutGroups cuts the rows into row groups by their sizes.
func cutGroups(sizes []int, limits Limits) (groups []int, total int64) {
	var group int64
	for i, size := range sizes {
		full := group+int64(size) > limits.RowGroupBytes || (i > 0 && int64(groups[len(groups)-1]) >= limits.RowGroupRows)
		if i == 0 || full {
			groups, group = append(groups, 0), 0
		}
		groups[len(groups)-1]++
		group += int64(size)
		total += int64(size)
	}
	return groups, total
}

// keysOf are the footer keys that depend on the rows.
func (t *table[T]) keysOf(rows []*T, root merkle.Hash, c *crew) (map[string]string, error) {
	sums := newColumnSums(t)
	_ = c.each(len(t.data()), func(i int, s *scratch) error {
		s.page = sums.sumColumn(i, rows, s.page)
		return nil
	})
	return rowKeys(root, sums)
}

// readBack reads a file and compares it with the rows it was made of, value by
// value, column by column.
func readBack[T any](path string, t *table[T], rows []*T, sum string, keys map[string]string, limits Limits, c *crew) error {
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
	r, err := openTableOn(len(c.workers), t, f, size, limits)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer r.close()
	if len(r.table.columns) != len(t.columns) || r.meta.NumRows != int64(len(rows)) {
		return fmt.Errorf("%w: %d columns and %d rows, written were %d and %d", errReadBack, len(r.table.columns), r.meta.NumRows, len(t.columns), len(rows))
	}
	for key, value := range keys {
		if r.key(key) != value {
			return fmt.Errorf("%w: footer key %s", errReadBack, key)
		}
	}
	return r.compare(rows, c)
}
