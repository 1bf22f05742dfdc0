package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// The page types this package writes and reads.
const (
	dataPage       = 0
	dictionaryPage = 2
)

// pageHeader is the part of Parquet's PageHeader that reading needs.
type pageHeader struct {
	kind             int32
	inflated, stored int32 // bytes before and after compression
	values           int32
	encoding         parquet.Encoding
}

// headerPeek is how much is read to find a page header: two statistics of
// maxStatistics and some more.
const headerPeek = 4 << 10

// parsePageHeader reads one header and tells how many bytes it took.
func parsePageHeader(buf []byte) (h pageHeader, size int, err error) {
	t := &thrift{buf: buf}
	h.kind, h.inflated, h.stored, h.values = -1, -1, -1, -1
	err = t.fields(func(id int32, typ byte) (err error) {
		switch {
		case id == 1 && typ == thriftI32:
			h.kind, err = t.i32()
		case id == 2 && typ == thriftI32:
			h.inflated, err = t.i32()
		case id == 3 && typ == thriftI32:
			h.stored, err = t.i32()
		case (id == 5 || id == 7) && typ == thriftStruct:
			err = parseValuesHeader(t, &h)
		default:
			err = t.skip(typ, 0)
		}
		return err
	})
	if err == nil && (h.inflated < 0 || h.stored < 0 || h.values < 0 || (h.kind != dataPage && h.kind != dictionaryPage)) {
		err = errors.New("not a header of a page as Fallow writes them")
	}
	return h, t.pos, err
}

// parseValuesHeader reads what data page headers (version 1) and dictionary
// page headers begin with: the number of values and their encoding.
func parseValuesHeader(t *thrift, h *pageHeader) error {
	return t.fields(func(id int32, typ byte) (err error) {
		var encoding int32
		switch {
		case id == 1 && typ == thriftI32:
			h.values, err = t.i32()
		case id == 2 && typ == thriftI32:
			encoding, err = t.i32()
			h.encoding = parquet.Encoding(encoding)
		default:
			err = t.skip(typ, 1)
		}
		return err
	})
}

// chunk walks over the pages of one column chunk.
type chunk struct {
	src       io.ReaderAt
	at, end   int64 // what is still unread
	codec     compress.Compression
	zstd      *zstd.Decoder
	limits    Limits
	salvaging bool // keep what can be inflated of a broken page
	// reuse, if set, holds the buffers of one page for the next: for readers
	// that keep nothing of it.
	reuse      *pageBuffers
	maxEntries int64
}

type pageBuffers struct{ head, stored, inflated []byte }

// room is buf with n bytes, or a new slice if that is too small.
func room(buf []byte, n int) []byte {
	if cap(buf) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// page is one page, inflated.
type page struct {
	pageHeader
	data   []byte
	broken error // why parts of data may be missing: zeros stand in for them
}

// next reads the page that follows. An error means that the rest of the chunk
// is lost; a page that merely failed to inflate is returned with broken set.
func (c *chunk) next() (*page, error) {
	if c.at >= c.end {
		return nil, io.EOF
	}
	reuse := c.reuse
	if reuse == nil {
		reuse = new(pageBuffers)
	}
	reuse.head = room(reuse.head, int(min(headerPeek, c.end-c.at)))
	buf := reuse.head
	if _, err := c.src.ReadAt(buf, c.at); err != nil {
		return nil, fmt.Errorf("read page header at byte %d: %w", c.at, noEOF(err))
	}
	h, size, err := parsePageHeader(buf)
	if err != nil {
		return nil, fmt.Errorf("page header at byte %d: %w", c.at, err)
	}
	start := c.at + int64(size)
	switch {
	case int64(h.stored) > c.end-start:
		return nil, fmt.Errorf("page at byte %d claims %d bytes, its column has %d left", c.at, h.stored, c.end-start)
	case int64(h.inflated) > c.limits.MaxPageBytes:
		return nil, fmt.Errorf("page at byte %d claims %d bytes inflated, the limit is %d", c.at, h.inflated, c.limits.MaxPageBytes)
	case int64(h.values) > c.maxEntries:
		return nil, fmt.Errorf("page at byte %d claims %d values, there can be %d", c.at, h.values, c.maxEntries)
	}
	reuse.stored = room(reuse.stored, int(h.stored))
	stored := reuse.stored
	if _, err := c.src.ReadAt(stored, start); err != nil {
		return nil, fmt.Errorf("read page at byte %d: %w", c.at, noEOF(err))
	}
	p := &page{pageHeader: h}
	p.data, p.broken = c.inflate(stored, int(h.inflated), reuse)
	if p.broken != nil {
		p.broken = fmt.Errorf("page at byte %d: %w", c.at, p.broken)
	}
	c.at = start + int64(h.stored)
	return p, nil
}

// inflate undoes the compression. With an error it still returns size bytes
// if salvaging: as many as the codec gave, then zeros.
func (c *chunk) inflate(stored []byte, size int, reuse *pageBuffers) ([]byte, error) {
	if c.codec == compress.Codecs.Uncompressed {
		if len(stored) != size {
			return nil, fmt.Errorf("%d bytes stored without compression, header says %d", len(stored), size)
		}
		return stored, nil
	}
	reuse.inflated = room(reuse.inflated, size)
	out, err := c.zstd.DecodeAll(stored, reuse.inflated[:0:size])
	if err == nil && len(out) != size {
		err = fmt.Errorf("%d bytes inflated, header says %d", len(out), size)
	}
	if err == nil || !c.salvaging {
		return out, err
	}
	return salvage(stored, size), err
}

// salvage inflates block by block up to the first broken one and ignores the
// frame's checksum: the Merkle leaf of each row decides what is still right.
func salvage(stored []byte, size int) []byte {
	out := make([]byte, size)
	d, err := zstd.NewReader(bytes.NewReader(stored), zstd.WithDecoderConcurrency(1), zstd.IgnoreChecksum(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		return out
	}
	defer d.Close()
	for n := 0; n < size; {
		k, err := d.Read(out[n:])
		n += k
		if err != nil {
			break
		}
	}
	return out
}

// noEOF keeps a file that ends too early from looking like a proper end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
