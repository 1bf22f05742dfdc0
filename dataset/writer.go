package dataset

import (
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// maxStatistics is the longest minimum or maximum kept of a text column,
// bytes. Arrow leaves longer ones out; SURT keys, by which readers prune, fit.
const maxStatistics = 512

// batchBytes and batchRows are how much a column writer is given at a time:
// it looks at its page limit only between batches.
const (
	batchBytes = 128 << 10
	batchRows  = 1024
)

// pagesOfSmall and minPageBytes make the pages of a small file small. Where a
// compressed page is damaged its rows cannot be told apart, so many pages
// narrow the damage; what they cost in size (5 % at 128 KiB) only matters in
// large files, which have many pages anyway.
const (
	pagesOfSmall = 128
	minPageBytes = 16 << 10
)

func pageBytes(total int64, limits Limits) int64 {
	return min(limits.PageBytes, max(minPageBytes, total/pagesOfSmall))
}

// properties choose encodings that were found sound. DELTA_BYTE_ARRAY is not
// among them: Arrow 17 writes it wrongly as soon as a chunk has two pages.
func (t *table[T]) properties(limits Limits) *parquet.WriterProperties {
	opts := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithDataPageSize(limits.PageBytes),
		parquet.WithBatchSize(batchRows),
		parquet.WithMaxRowGroupLength(limits.RowGroupRows),
		parquet.WithCreatedBy("fallow schema " + t.version()),
		parquet.WithDictionaryDefault(false),
		parquet.WithMaxStatsSize(maxStatistics),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCompressionLevel(zstdLevel),
	}
	paths, owner := t.leafPaths()
	for i, path := range paths {
		c := &t.columns[owner[i]]
		opts = append(opts, parquet.WithEncodingFor(path, c.encoding()), parquet.WithDictionaryFor(path, c.dictionary))
		if c.plain {
			opts = append(opts, parquet.WithCompressionFor(path, compress.Codecs.Uncompressed), parquet.WithStatsFor(path, false))
		}
		if c.name == "text" || c.kind == kindSignals || c.kind == kindBytes {
			opts = append(opts, parquet.WithStatsFor(path, false))
		}
	}
	return parquet.NewWriterProperties(opts...)
}

func (c *column[T]) encoding() parquet.Encoding {
	switch c.kind {
	case kindInt64, kindInt32, kindTime:
		return parquet.Encodings.DeltaBinaryPacked
	case kindFloat:
		return parquet.Encodings.Plain
	default:
		return parquet.Encodings.DeltaLengthByteArray
	}
}

// stickyWriter remembers the first error: Arrow's writer drops some.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	var n int
	n, s.err = s.w.Write(p)
	return n, s.err
}

// write writes a whole Parquet file: rows in their order, cut into groups at
// the given row counts, and the footer keys. w is not closed.
func (t *table[T]) write(w io.Writer, rows []*T, groups []int, keys map[string]string, limits Limits) (err error) {
	batch := int(min(batchBytes, limits.PageBytes))
	sticky := &stickyWriter{w: w}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("write Parquet: %v", p)
		}
		if sticky.err != nil {
			err = fmt.Errorf("write Parquet: %w", sticky.err)
		}
	}()
	root, err := t.parquet()
	if err != nil {
		return err
	}
	footer, err := t.footer(keys)
	if err != nil {
		return err
	}
	fw := file.NewParquetWriter(sticky, root, file.WithWriterProps(t.properties(limits)), file.WithWriteMetadata(footer))
	for start := 0; len(groups) > 0; groups = groups[1:] {
		if err := t.writeGroup(fw.AppendRowGroup(), rows[start:start+groups[0]], batch); err != nil {
			return err
		}
		start += groups[0]
	}
	return fw.FlushWithFooter()
}

// footerKeys is the order in which footer keys are written, so that equal
// rows make equal files.
var footerKeys = [...]string{"ARROW:schema", "fallow.table", "fallow.schema", "fallow.root", "fallow.columns"}

func (t *table[T]) footer(keys map[string]string) (metadata.KeyValueMetadata, error) {
	arrow, err := t.arrowFooter()
	if err != nil {
		return nil, err
	}
	own := map[string]string{"ARROW:schema": arrow, "fallow.table": t.name, "fallow.schema": t.version()}
	footer := metadata.NewKeyValueMetadata()
	for _, key := range footerKeys {
		value, ok := own[key]
		if !ok {
			value = keys[key]
		}
		if err := footer.Append(key, value); err != nil {
			return nil, fmt.Errorf("footer key %s: %w", key, err)
		}
	}
	return footer, nil
}

func (t *table[T]) writeGroup(g file.SerialRowGroupWriter, rows []*T, batch int) error {
	for i := range t.columns {
		c := &t.columns[i]
		parts := 1
		if c.kind == kindSignals {
			parts = 2
		}
		for part := range parts {
			cw, err := g.NextColumn()
			if err != nil {
				return fmt.Errorf("open column %q: %w", c.name, err)
			}
			if err := c.write(cw, rows, part, batch); err != nil {
				return fmt.Errorf("write column %q: %w", c.name, err)
			}
			if err := cw.Close(); err != nil {
				return fmt.Errorf("close column %q: %w", c.name, err)
			}
		}
	}
	if err := g.Close(); err != nil {
		return fmt.Errorf("close row group: %w", err)
	}
	return nil
}

func (c *column[T]) write(cw file.ColumnChunkWriter, rows []*T, part, batch int) (err error) {
	switch w := cw.(type) {
	case *file.ByteArrayColumnChunkWriter:
		if c.kind == kindSignals {
			return c.writeSignals(w, rows, part)
		}
		return c.writeTexts(w, rows, batch)
	case *file.Int64ColumnChunkWriter:
		out := make([]int64, len(rows))
		for i, row := range rows {
			if c.kind == kindTime {
				out[i] = c.when(row).UnixMicro()
			} else {
				out[i] = *c.long(row)
			}
		}
		_, err = w.WriteBatch(out, nil, nil)
	case *file.Int32ColumnChunkWriter:
		out := make([]int32, len(rows))
		for i, row := range rows {
			out[i] = *c.short(row)
		}
		_, err = w.WriteBatch(out, nil, nil)
	case *file.Float64ColumnChunkWriter:
		out := make([]float64, len(rows))
		for i, row := range rows {
			out[i] = *c.real(row)
		}
		_, err = w.WriteBatch(out, nil, nil)
	default:
		err = fmt.Errorf("no writer for %T", cw)
	}
	return err
}

// borrow views a string as bytes without a copy; Arrow only reads them.
func borrow(s string) parquet.ByteArray {
	if s == "" {
		return parquet.ByteArray{}
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// raw is the value of a column of texts or bytes; it is only read.
func (c *column[T]) raw(row *T) parquet.ByteArray {
	switch c.kind {
	case kindBinary:
		return c.binary(row)
	case kindBytes:
		return *c.bytes(row)
	default:
		return borrow(*c.text(row))
	}
}

func (c *column[T]) writeTexts(w *file.ByteArrayColumnChunkWriter, rows []*T, most int) error {
	batch := make([]parquet.ByteArray, 0, batchRows)
	size := 0
	for i, row := range rows {
		batch = append(batch, c.raw(row))
		size += len(batch[len(batch)-1])
		if size < most && len(batch) < batchRows && i < len(rows)-1 {
			continue
		}
		if _, err := w.WriteBatch(batch, nil, nil); err != nil {
			return err
		}
		batch, size = batch[:0], 0
	}
	return nil
}

func (c *column[T]) writeSignals(w *file.ByteArrayColumnChunkWriter, rows []*T, part int) error {
	var items []parquet.ByteArray
	var defs, reps []int16
	for i, row := range rows {
		signals := *c.signals(row)
		if len(signals) == 0 {
			defs, reps = append(defs, 0), append(reps, 0)
		}
		for k, s := range signals {
			item := s.Source
			if part == 1 {
				item = s.Text
			}
			items, defs, reps = append(items, borrow(item)), append(defs, 1), append(reps, int16(min(k, 1)))
		}
		if len(defs) < batchRows && i < len(rows)-1 {
			continue
		}
		if _, err := w.WriteBatch(items, defs, reps); err != nil {
			return err
		}
		items, defs, reps = items[:0], defs[:0], reps[:0]
	}
	return nil
}
