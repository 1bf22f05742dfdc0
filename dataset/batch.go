package dataset

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Bounds of a record batch: it is closed at the first of them.
const (
	batchOfRows  = 8192
	batchOfBytes = 1 << 20
)

// timeOf reads a time as Parquet's statistics hold it.
func timeOf(raw []byte) time.Time {
	return time.UnixMicro(int64(binary.LittleEndian.Uint64(raw))).UTC()
}

// ArrowSchema is the Arrow schema of the selected columns.
func (s *Selection) ArrowSchema() *arrow.Schema {
	t := &table[Record]{name: "record", columns: s.columns()}
	return t.arrow()
}

// Batches reads the selected rows of one shard as Arrow record batches of about
// a megabyte. A batch is released when yield returns; whoever keeps it retains
// it. It never panics, whatever the file holds.
func (v *Version) Batches(ctx context.Context, file string, s Selection, yield func(arrow.Record) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	b := newBatcher(&s)
	defer b.builder.Release()
	err := selectFile(ctx, v.Path(file), s.matcher(), func(r *Record) error {
		b.add(r)
		if b.rows < batchOfRows && b.bytes < batchOfBytes {
			return nil
		}
		return b.flush(yield)
	})
	if err == nil && b.rows > 0 {
		err = b.flush(yield)
	}
	return err
}

// batcher gathers rows into columns.
type batcher struct {
	builder     *array.RecordBuilder
	add1        []func(*Record) int // appends one value, returns its size
	rows, bytes int
}

func newBatcher(s *Selection) *batcher {
	b := &batcher{builder: array.NewRecordBuilder(memory.DefaultAllocator, s.ArrowSchema())}
	for i, c := range s.columns() {
		b.add1 = append(b.add1, c.appender(b.builder.Field(i)))
	}
	return b
}

func (b *batcher) add(r *Record) {
	for _, add := range b.add1 {
		b.bytes += add(r)
	}
	b.rows++
}

func (b *batcher) flush(yield func(arrow.Record) error) error {
	record := b.builder.NewRecord()
	defer record.Release()
	b.rows, b.bytes = 0, 0
	return yield(record)
}

// appender returns what appends the column's value of a row to its builder.
func (c *column[T]) appender(to array.Builder) func(*T) int {
	switch to := to.(type) {
	case *array.StringBuilder:
		return func(row *T) int { v := *c.text(row); to.Append(v); return len(v) }
	case *array.BinaryBuilder:
		if c.kind == kindBytes {
			return func(row *T) int { v := *c.bytes(row); to.Append(v); return len(v) }
		}
		return func(row *T) int { to.Append(c.binary(row)); return c.width }
	case *array.Int64Builder:
		return func(row *T) int { to.Append(*c.long(row)); return 8 }
	case *array.Int32Builder:
		return func(row *T) int { to.Append(*c.short(row)); return 4 }
	case *array.Float64Builder:
		return func(row *T) int { to.Append(*c.real(row)); return 8 }
	case *array.TimestampBuilder:
		return func(row *T) int { to.Append(arrow.Timestamp(c.when(row).UnixMicro())); return 8 }
	case *array.ListBuilder:
		items := to.ValueBuilder().(*array.StructBuilder)
		source, text := items.FieldBuilder(0).(*array.StringBuilder), items.FieldBuilder(1).(*array.StringBuilder)
		return func(row *T) int {
			to.Append(true)
			size := 4
			for _, s := range *c.signals(row) {
				items.Append(true)
				source.Append(s.Source)
				text.Append(s.Text)
				size += len(s.Source) + len(s.Text)
			}
			return size
		}
	default:
		panic("dataset: no column is of the type of " + to.Type().String()) // the types are those of column.arrow
	}
}
