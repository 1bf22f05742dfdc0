package dataset

import (
	"fmt"
	"math"
	"slices"
)

// compare holds every value of the file against the rows it was made of, which
// costs less than making rows and hashing them.
func (r *tableReader[T]) compare(rows []*T, c *crew) error {
	base := int64(0)
	for i := range r.meta.RowGroups {
		cursors, n, err := r.cursors(i, base)
		if err != nil {
			return err
		}
		if base+n > int64(len(rows)) {
			return fmt.Errorf("%w: row groups hold more than the %d rows written", errReadBack, len(rows))
		}
		if err := r.compareGroup(cursors, rows[base:base+n], c); err != nil {
			return err
		}
		base += n
	}
	if base != int64(len(rows)) {
		return fmt.Errorf("%w: %d rows of %d", errReadBack, base, len(rows))
	}
	return nil
}

func (r *tableReader[T]) compareGroup(cursors []*cursor, rows []*T, c *crew) error {
	first := make([]int, len(r.table.columns)) // cursor of each column
	for _, at := range cursors {
		at.chunk.reuse = new(pageBuffers)
	}
	for i, next := 0, 0; i < len(first); i++ {
		first[i] = next
		next += len(r.table.columns[i].leafPaths())
	}
	return c.each(len(first), func(i int, _ *scratch) error {
		column, at := &r.table.columns[i], cursors[first[i]]
		for n, row := range rows {
			same, err := false, error(nil)
			if column.kind == kindSignals {
				same, err = r.sameSignals(column, row, at, cursors[first[i]+1])
			} else {
				same, err = column.same(row, at, int64(n))
			}
			if err != nil {
				return fmt.Errorf("%w: %w", errReadBack, err)
			}
			if !same {
				return fmt.Errorf("%w: row %d, column %q", errReadBack, at.base+int64(n), column.name)
			}
		}
		if i == 0 {
			c.add(int64(len(rows)))
		}
		return nil
	})
}

func (c *column[T]) same(row *T, from *cursor, n int64) (bool, error) {
	i, ok, err := from.entry(n)
	if err != nil || !ok {
		return false, err
	}
	switch c.kind {
	case kindFloat:
		return math.Float64bits(from.page.reals[i]) == math.Float64bits(*c.real(row)), nil
	case kindInt32, kindInt64, kindTime:
		return from.page.ints[i] == c.number(row), nil
	default:
		return from.page.texts[i] == string(c.raw(row)), nil
	}
}

func (r *tableReader[T]) sameSignals(c *column[T], row *T, sources, texts *cursor) (bool, error) {
	want := *c.signals(row)
	var got T
	ok, err := r.fillSignals(c, &got, sources, texts)
	return ok && slices.Equal(*c.signals(&got), want), err
}
