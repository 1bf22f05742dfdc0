package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/klauspost/compress/zstd"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// ErrFormat says that a file is not a Parquet file as Fallow writes them:
// foreign, cut off, or broken where nothing can be located any more.
var ErrFormat = errors.New("not a readable Fallow Parquet file")

// tableReader reads one Parquet file row by row. Arrow parses the footer,
// under recover; everything behind it is read by this package.
type tableReader[T any] struct {
	table  *table[T] // of the file, which may be older or newer than this build
	src    io.ReaderAt
	limits Limits
	meta   *metadata.FileMetaData
	footer int64 // byte at which the footer begins
	zstd   *zstd.Decoder
	// damage is called for each unreadable part; an error ends the reading.
	damage func(*Damage) error
	// salvaging keeps what is left of broken pages.
	salvaging bool
	// only are the columns to read, by name; nil reads all. Rows hold zeros in
	// the others.
	only map[string]bool
	// skip says which row groups are passed over; nil passes over none.
	skip func(group int) bool
}

const parquetMagic = "PAR1"

func openTable[T any](t *table[T], src io.ReaderAt, size int64, limits Limits) (*tableReader[T], error) {
	return openTableOn(1, t, src, size, limits)
}

// openTableOn opens a file to be read on so many cores at once.
func openTableOn[T any](cores int, t *table[T], src io.ReaderAt, size int64, limits Limits) (*tableReader[T], error) {
	footer, at, err := readFooter(src, size, limits)
	if err != nil {
		return nil, err
	}
	r := &tableReader[T]{src: src, limits: limits, footer: at}
	if r.meta, err = parseFooter(footer); err != nil {
		return nil, err
	}
	if r.table, err = t.of(r.meta); err != nil {
		return nil, err
	}
	r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(cores), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(uint64(limits.MaxPageBytes)))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	r.damage = func(d *Damage) error { return d }
	return r, nil
}

func (r *tableReader[T]) close() { r.zstd.Close() }

func readFooter(src io.ReaderAt, size int64, limits Limits) (footer []byte, at int64, err error) {
	const tail = 8 // length and magic
	if size < int64(len(parquetMagic))+tail {
		return nil, 0, fmt.Errorf("%w: %d bytes are too few", ErrFormat, size)
	}
	var head [4]byte
	var end [tail]byte
	if _, err := src.ReadAt(head[:], 0); err != nil {
		return nil, 0, fmt.Errorf("read the start: %w", err)
	}
	if _, err := src.ReadAt(end[:], size-tail); err != nil {
		return nil, 0, fmt.Errorf("read the end: %w", err)
	}
	if string(end[4:]) != parquetMagic {
		return nil, 0, fmt.Errorf("%w: it does not end with %q (cut off, or another kind of file)", ErrFormat, parquetMagic)
	}
	if string(head[:]) != parquetMagic {
		return nil, 0, fmt.Errorf("%w: it does not begin with %q", ErrFormat, parquetMagic)
	}
	length := int64(binary.LittleEndian.Uint32(end[:4]))
	if at = size - tail - length; at < int64(len(parquetMagic)) || length > limits.FooterBytes {
		return nil, 0, fmt.Errorf("%w: its footer claims %d bytes", ErrFormat, length)
	}
	footer = make([]byte, length)
	if _, err := src.ReadAt(footer, at); err != nil {
		return nil, 0, fmt.Errorf("read the footer: %w", err)
	}
	return footer, at, nil
}

// crashed is what a panic of Arrow's says to people.
func crashed(p any) error {
	if _, ok := p.(runtime.Error); ok {
		return errors.New("it contradicts itself")
	}
	return fmt.Errorf("%v", p)
}

// parseFooter contains Arrow's panics on broken footers.
func parseFooter(footer []byte) (meta *metadata.FileMetaData, err error) {
	defer func() {
		if p := recover(); p != nil {
			meta, err = nil, fmt.Errorf("%w: footer: %w", ErrFormat, crashed(p))
		}
	}()
	if meta, err = metadata.NewFileMetaData(footer, nil); err != nil {
		return nil, fmt.Errorf("%w: footer: %w", ErrFormat, err)
	}
	return meta, nil
}

func (c *column[T]) physical() parquet.Type {
	switch c.kind {
	case kindInt64, kindTime:
		return parquet.Types.Int64
	case kindInt32:
		return parquet.Types.Int32
	case kindFloat:
		return parquet.Types.Double
	default:
		return parquet.Types.ByteArray
	}
}

// key is the value of a footer key, or "".
func (r *tableReader[T]) key(name string) string { return footerKey(r.meta, name) }

func footerKey(meta *metadata.FileMetaData, name string) string {
	for _, kv := range meta.KeyValueMetadata() {
		if kv != nil && kv.Key == name && kv.Value != nil {
			return *kv.Value
		}
	}
	return ""
}

// read calls yield for every row, numbered from 0. The row is reused. bad
// tells that some of its columns could not be read and hold zeros.
func (r *tableReader[T]) read(yield func(number int64, row *T, bad bool) error) error {
	if r.meta.NumRows < 0 || r.meta.NumRows > r.limits.ShardRows {
		return fmt.Errorf("%w: footer claims %d rows", ErrFormat, r.meta.NumRows)
	}
	var base int64
	for i := range r.meta.RowGroups {
		if r.skip != nil && r.skip(i) {
			base += max(0, r.meta.RowGroups[i].NumRows)
			continue
		}
		n, err := r.readGroup(i, base, yield)
		if err != nil {
			return err
		}
		base += n
	}
	if base != r.meta.NumRows {
		return fmt.Errorf("%w: footer claims %d rows, its row groups %d", ErrFormat, r.meta.NumRows, base)
	}
	return nil
}

func (r *tableReader[T]) readGroup(i int, base int64, yield func(int64, *T, bool) error) (int64, error) {
	cursors, rows, err := r.cursors(i, base)
	if err != nil {
		return 0, err
	}
	var row T
	for n := range rows {
		row = *new(T)
		bad, err := r.fill(&row, cursors, n)
		if err != nil {
			return 0, err
		}
		if err := yield(base+n, &row, bad); err != nil {
			return 0, err
		}
	}
	return rows, nil
}

// cursors opens every column of a row group; the footer's claims are checked
// against the file first.
func (r *tableReader[T]) cursors(group int, base int64) (list []*cursor, rows int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: row group %d: %w", ErrFormat, group, crashed(p))
		}
	}()
	g := r.meta.RowGroups[group]
	// A row takes at least the bytes of its leaf, which nothing makes smaller:
	// a footer cannot make a small file look endless.
	most := min(r.limits.ShardRows, r.footer/int64(len(merkle.Hash{}))) - base
	if rows = g.NumRows; rows < 0 || rows > most || len(g.Columns) != r.meta.Schema.NumColumns() {
		return nil, 0, fmt.Errorf("%w: row group %d claims %d rows in %d columns", ErrFormat, group, rows, len(g.Columns))
	}
	_, owner := r.table.leafPaths()
	for i, col := range g.Columns {
		meta := col.MetaData
		start := meta.DataPageOffset
		if meta.DictionaryPageOffset != nil && *meta.DictionaryPageOffset > 0 {
			start = min(start, *meta.DictionaryPageOffset)
		}
		column := &r.table.columns[owner[i]]
		if r.only != nil && !r.only[column.name] {
			list = append(list, nil)
			continue
		}
		c := &cursor{
			physical: column.physical(), levels: column.kind == kindSignals, column: column.name,
			base: base, rows: rows, damage: r.damage,
			chunk: &chunk{
				src: r.src, at: start, end: start + meta.TotalCompressedSize, codec: compress.Compression(meta.Codec),
				zstd: r.zstd, limits: r.limits, salvaging: r.salvaging, maxEntries: min(rows, r.limits.MaxPageBytes),
			},
		}
		if c.levels {
			c.chunk.maxEntries = min(rows*int64(r.limits.Signals+1), r.limits.MaxPageBytes)
		}
		if err := c.chunk.check(r.footer); err != nil {
			c.chunk.end = c.chunk.at
			if err := c.lose(rows, err); err != nil {
				return nil, 0, err
			}
		}
		list = append(list, c)
	}
	return list, rows, nil
}

func (c *chunk) check(footer int64) error {
	if c.at < int64(len(parquetMagic)) || c.end < c.at || c.end > footer {
		return fmt.Errorf("footer places the column at bytes %d to %d of a file whose footer begins at %d", c.at, c.end, footer)
	}
	if c.codec != compress.Codecs.Zstd && c.codec != compress.Codecs.Uncompressed {
		return fmt.Errorf("codec %s is not one that Fallow writes", c.codec)
	}
	return nil
}

// fill reads row n of a row group.
func (r *tableReader[T]) fill(row *T, cursors []*cursor, n int64) (bad bool, err error) {
	next := 0
	for i := range r.table.columns {
		c := &r.table.columns[i]
		ok := true
		switch {
		case r.only != nil && !r.only[c.name]:
			next += c.parts()
		case c.kind == kindSignals:
			ok, err = r.fillSignals(c, row, cursors[next], cursors[next+1])
			next += 2
		default:
			ok, err = c.fill(row, cursors[next], n)
			next++
		}
		if err != nil {
			return true, err
		}
		bad = bad || !ok
	}
	return bad, nil
}

func (c *column[T]) fill(row *T, from *cursor, n int64) (bool, error) {
	i, ok, err := from.entry(n)
	if err != nil || !ok {
		return false, err
	}
	switch c.kind {
	case kindText:
		*c.text(row) = from.page.texts[i]
	case kindBinary:
		value := from.page.texts[i]
		if len(value) != c.width {
			return false, from.damage(&Damage{Column: c.name, First: from.base + n, Last: from.base + n, Err: fmt.Errorf("%d bytes, expected %d", len(value), c.width)})
		}
		copy(c.binary(row), value)
	case kindBytes:
		*c.bytes(row) = []byte(from.page.texts[i])
	case kindInt64:
		*c.long(row) = from.page.ints[i]
	case kindInt32:
		*c.short(row) = int32(from.page.ints[i])
	case kindFloat:
		*c.real(row) = from.page.reals[i]
	case kindTime:
		*c.when(row) = time.UnixMicro(from.page.ints[i]).UTC()
	}
	return true, nil
}

func (r *tableReader[T]) fillSignals(c *column[T], row *T, sources, texts *cursor) (bool, error) {
	source, ok, err := sources.list(r.limits.Signals)
	if err != nil {
		return false, err
	}
	text, fine, err := texts.list(r.limits.Signals)
	if err != nil || !ok || !fine {
		return false, err
	}
	if len(source) != len(text) {
		return false, texts.lose(texts.rows, fmt.Errorf("%d sources but %d texts", len(source), len(text)))
	}
	var signals []Signal
	for i := range source {
		signals = append(signals, Signal{Source: source[i], Text: text[i]})
	}
	*c.signals(row) = signals
	return true, nil
}
