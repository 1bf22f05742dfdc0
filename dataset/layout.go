package dataset

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// maxColumns bounds how many columns a file may have, unknown ones included.
const maxColumns = 1000

// of is the table of a file: its own columns in its own order, which is what
// its leaves were computed over. Columns that came after the file's schema are
// not in it, and those that a later schema added take part in the leaf and are
// otherwise passed over. So every build reads older files and newer ones.
func (t *table[T]) of(meta *metadata.FileMetaData) (found *table[T], err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("%w: schema: %w", ErrFormat, crashed(p))
		}
	}()
	named := footerKey(meta, "fallow.schema")
	version, err := strconv.Atoi(named)
	if err != nil || version < 1 {
		return nil, fmt.Errorf("%w: no schema version in its footer (%.20q); Fallow did not write it", ErrFormat, named)
	}
	if name := footerKey(meta, "fallow.table"); name != t.name {
		return nil, fmt.Errorf("%w: it holds rows of kind %.20q, expected %q", ErrFormat, name, t.name)
	}
	l := layout[T]{known: t, schema: meta.Schema, version: version}
	columns, err := l.columns()
	if err != nil {
		return nil, fmt.Errorf("%w: %w (schema %d, this build knows %s)", ErrFormat, err, version, SchemaVersion)
	}
	return &table[T]{name: t.name, domain: t.domain, columns: columns, leaf: t.leaf}, nil
}

// layout fits the columns of a file to those of this build.
type layout[T any] struct {
	known   *table[T]
	schema  *schema.Schema
	version int // of the file
	next    int // leaf column of the file to look at
}

func (l *layout[T]) columns() (list []column[T], err error) {
	if n := l.schema.NumColumns(); n > maxColumns {
		return nil, fmt.Errorf("%d columns, the limit is %d", n, maxColumns)
	}
	for l.next < l.schema.NumColumns() {
		c, err := l.column()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(other column[T]) bool { return other.name == c.name }) {
			return nil, fmt.Errorf("column %q twice", c.name)
		}
		list = append(list, c)
	}
	for i := range l.known.columns {
		c := &l.known.columns[i]
		has := slices.ContainsFunc(list, func(other column[T]) bool { return other.name == c.name })
		if due := max(c.since, 1) <= l.version; has != due {
			return nil, fmt.Errorf("column %q belongs to schemas from %d on", c.name, max(c.since, 1))
		}
	}
	if last := len(list) - 1; list[last].name != leafColumn {
		return nil, fmt.Errorf("the last column is %q, not %q", list[last].name, leafColumn)
	}
	return list, nil
}

// column takes the next column of the file, of one Parquet leaf or two.
func (l *layout[T]) column() (column[T], error) {
	at := l.schema.Column(l.next)
	for _, c := range l.known.columns {
		paths := c.leafPaths()
		if at.Path() != paths[0] {
			continue
		}
		for i, path := range paths {
			if l.next+i >= l.schema.NumColumns() {
				return c, fmt.Errorf("column %q has a part too few", c.name)
			}
			if err := c.fits(l.schema.Column(l.next+i), path); err != nil {
				return c, err
			}
		}
		l.next += len(paths)
		return c, nil
	}
	if SchemaVersion == strconv.Itoa(l.version) {
		return column[T]{}, fmt.Errorf("column %q does not belong to it", at.Path())
	}
	l.next++
	return unknownColumn[T](at)
}

// fits says whether a Parquet leaf is one of c's.
func (c *column[T]) fits(at *schema.Column, path string) error {
	level := int16(0)
	if c.kind == kindSignals {
		level = 1
	}
	switch {
	case at.Path() != path:
		return fmt.Errorf("column %q has a part %q, expected %q", c.name, at.Path(), path)
	case at.PhysicalType() != c.physical():
		return fmt.Errorf("column %q is of type %s, expected %s", path, at.PhysicalType(), c.physical())
	case at.MaxDefinitionLevel() != level || at.MaxRepetitionLevel() != level:
		return fmt.Errorf("column %q may be null or is nested otherwise than expected", path)
	}
	return nil
}

// unknownColumn stands for a column that a later schema added. Its value is
// kept just long enough to go into the leaf: readers go row by row.
func unknownColumn[T any](at *schema.Column) (column[T], error) {
	c := column[T]{name: at.Path()}
	switch at.PhysicalType() {
	case parquet.Types.ByteArray:
		value := new([]byte)
		c.kind, c.bytes = kindBytes, func(*T) *[]byte { return value }
	case parquet.Types.Int64:
		value := new(int64)
		c.kind, c.long = kindInt64, func(*T) *int64 { return value }
	case parquet.Types.Int32:
		value := new(int32)
		c.kind, c.short = kindInt32, func(*T) *int32 { return value }
	case parquet.Types.Double:
		value := new(float64)
		c.kind, c.real = kindFloat, func(*T) *float64 { return value }
	default:
		return c, fmt.Errorf("column %q is of type %s, which takes a newer fallow-data to read", at.Path(), at.PhysicalType())
	}
	return c, c.fits(at, c.name)
}

// leafPaths are the Parquet leaf columns of c.
func (c *column[T]) leafPaths() []string {
	if c.kind == kindSignals {
		return []string{c.name + ".list.element.source", c.name + ".list.element.text"}
	}
	return []string{c.name}
}

// parts is how many Parquet leaf columns c has.
func (c *column[T]) parts() int {
	if c.kind == kindSignals {
		return 2
	}
	return 1
}
