package dataset

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// maxStatistics is the longest minimum or maximum kept of a text column,
// bytes. Longer ones are left out; SURT keys, by which readers prune, fit.
const maxStatistics = 512

// pagesOfSmall and minPageBytes make the pages of a small file small. Where a
// compressed page is damaged its rows cannot be told apart, so many pages
// narrow the damage; what they cost in size (8 % at 256 KiB beside 4 MiB) only
// matters in large files, which have many pages anyway.
const (
	pagesOfSmall = 32
	minPageBytes = 16 << 10
)

func pageBytes(total int64, limits Limits) int64 {
	return min(limits.PageBytes, max(minPageBytes, total/pagesOfSmall))
}

// properties tell Arrow, which writes the footer, how the columns are encoded.
func (t *table[T]) properties() *parquet.WriterProperties {
	opts := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCreatedBy("fallow schema " + t.version()),
		parquet.WithDictionaryDefault(false),
		parquet.WithCompression(compress.Codecs.Zstd),
	}
	paths, owner := t.leafPaths()
	for i, path := range paths {
		c := &t.columns[owner[i]]
		opts = append(opts, parquet.WithEncodingFor(path, c.encoding()), parquet.WithDictionaryFor(path, c.dictionary))
		if c.plain {
			opts = append(opts, parquet.WithCompressionFor(path, compress.Codecs.Uncompressed))
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

// fileWriter writes one Parquet file: pages by this package, the footer by Arrow.
type fileWriter[T any] struct {
	table  *table[T]
	limits Limits
	crew   *crew
	w      io.Writer
	at     int64 // bytes written
	meta   *metadata.FileMetaDataBuilder
	groups int
}

// write writes a whole Parquet file: rows in their order, cut into groups at
// the given row counts, and the footer keys. w is not closed.
func (t *table[T]) write(w io.Writer, rows []*T, groups []int, keys map[string]string, limits Limits, crew *crew) (err error) {
	defer func() { // Arrow's way to say that something is wrong
		if p := recover(); p != nil {
			err = fmt.Errorf("write Parquet: %v", p)
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
	f := &fileWriter[T]{table: t, limits: limits, crew: crew, w: w}
	f.meta = metadata.NewFileMetadataBuilder(schema.NewSchema(root), t.properties(), footer)
	if err := f.put([]byte(parquetMagic)); err != nil {
		return err
	}
	for start := 0; len(groups) > 0; groups = groups[1:] {
		if err := f.group(rows[start : start+groups[0]]); err != nil {
			return err
		}
		start += groups[0]
	}
	return f.close()
}

func (f *fileWriter[T]) put(raw []byte) error {
	n, err := f.w.Write(raw)
	f.at += int64(n)
	return err
}

// chunkWriter is one column chunk: its parts in the order of their rows.
type chunkWriter[T any] struct {
	column *column[T]
	parts  []*part[T]
}

// plan cuts a row group into parts. Columns with a dictionary are one part
// each: they are small.
func (f *fileWriter[T]) plan(rows []*T) (chunks []chunkWriter[T], all []*part[T]) {
	for i := range f.table.columns {
		c := &f.table.columns[i]
		for leaf := range c.leafPaths() {
			chunk := chunkWriter[T]{column: c}
			for rest := rows; len(rest) > 0; {
				n := len(rest)
				if !c.dictionary {
					n = c.pageRows(rest, f.limits.PageBytes)
				}
				chunk.parts = append(chunk.parts, &part[T]{column: c, leaf: leaf, rows: rest[:n], whole: n == len(rows), limits: f.limits})
				rest = rest[n:]
			}
			chunks, all = append(chunks, chunk), append(all, chunk.parts...)
		}
	}
	return chunks, all
}

// group writes one row group. All of it is in memory once, compressed; what is
// not is a page for each of the crew.
func (f *fileWriter[T]) group(rows []*T) error {
	chunks, parts := f.plan(rows)
	if err := f.crew.each(len(parts), func(i int, s *scratch) error {
		parts[i].encode(s)
		if parts[i].column == &f.table.columns[0] {
			f.crew.add(int64(len(parts[i].rows)))
		}
		return nil
	}); err != nil {
		return err
	}
	group := f.meta.AppendRowGroup()
	group.SetNumRows(len(rows))
	inflated := int64(0)
	for i := range chunks {
		n, err := f.chunk(&chunks[i], group.NextColumnChunk())
		if err != nil {
			return err
		}
		inflated += n
	}
	if err := group.Finish(inflated, int16(f.groups)); err != nil {
		return fmt.Errorf("close row group: %w", err)
	}
	f.groups++
	return nil
}

// chunk writes the pages of a chunk and its entry in the footer.
func (f *fileWriter[T]) chunk(c *chunkWriter[T], meta *metadata.ColumnChunkMetaDataBuilder) (inflated int64, err error) {
	start := f.at
	info := metadata.ChunkMetaInfo{DataPageOffset: start, IndexPageOffset: -1}
	var limits bounds
	dictionary := false
	for _, p := range c.parts {
		if p.dictionary > 0 {
			dictionary, info.DictPageOffset, info.DataPageOffset = true, start, start+int64(p.dictionary)
		}
		if err := f.put(p.pages); err != nil {
			return 0, err
		}
		p.pages = nil
		info.NumValues, info.UncompressedSize = info.NumValues+p.values, info.UncompressedSize+p.inflated
		limits.merge(p.bounds)
	}
	info.CompressedSize = f.at - start
	if c.column.hasBounds() {
		meta.SetStats(limits.statistics(c.column.kind))
	}
	if err := meta.Finish(info, dictionary, false, metadata.EncodingStats{}, nil); err != nil {
		return 0, fmt.Errorf("close column %q: %w", c.column.name, err)
	}
	return info.UncompressedSize, nil
}

func (f *fileWriter[T]) close() error {
	meta, err := f.meta.Finish()
	if err != nil {
		return fmt.Errorf("make the footer: %w", err)
	}
	start := f.at
	counted := &countingWriter{w: f.w}
	if _, err := meta.WriteTo(counted, nil); err != nil {
		return fmt.Errorf("write the footer: %w", err)
	}
	f.at += counted.n
	tail := binary.LittleEndian.AppendUint32(nil, uint32(f.at-start))
	return f.put(append(tail, parquetMagic...))
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
