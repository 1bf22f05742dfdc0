package dataset

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"
)

// part is a piece of a column chunk that is encoded by itself, so that all
// cores find work however large one column is: a page, or the whole chunk where
// a dictionary ties its pages together.
type part[T any] struct {
	column *column[T]
	leaf   int // which of a list's two Parquet leaves
	rows   []*T
	whole  bool // all of the row group: a dictionary may be tried
	limits Limits

	// What encode leaves behind.
	pages      []byte
	dictionary int   // bytes at the front of pages that are the dictionary
	inflated   int64 // bytes of pages before compression
	values     int64
	bounds     bounds
}

// scratch is what one worker keeps from part to part.
type scratch struct {
	page, packed []byte
	ints         []int64
	reps, defs   []uint32
}

// encode makes the pages of p.
func (p *part[T]) encode(s *scratch) {
	switch c := p.column; {
	case c.kind == kindSignals:
		p.signals(s)
	case p.whole && p.tryDictionary(s):
	case c.kind == kindFloat:
		p.eachPage(func(rows []*T) { p.floats(s, rows) })
	case c.kind == kindInt64 || c.kind == kindInt32 || c.kind == kindTime:
		p.eachPage(func(rows []*T) { p.numbers(s, rows) })
	default:
		p.eachPage(func(rows []*T) { p.texts(s, rows) })
	}
}

// eachPage cuts the rows into pages.
func (p *part[T]) eachPage(write func(rows []*T)) {
	for rest := p.rows; len(rest) > 0; {
		n := p.column.pageRows(rest, p.limits.PageBytes)
		write(rest[:n])
		rest = rest[n:]
	}
}

// pageRows is how many of the rows go into one page of about size bytes.
func (c *column[T]) pageRows(rows []*T, size int64) int {
	switch c.kind {
	case kindInt32:
		return int(min(int64(len(rows)), max(1, size/4)))
	case kindInt64, kindTime, kindFloat:
		return int(min(int64(len(rows)), max(1, size/8)))
	}
	n := int64(0)
	for i, row := range rows {
		if n += int64(c.size(row)); n >= size {
			return i + 1
		}
	}
	return len(rows)
}

// size is how many bytes a value takes in its page, roughly.
func (c *column[T]) size(row *T) int {
	switch c.kind {
	case kindSignals:
		n := 1
		for _, s := range *c.signals(row) {
			n += len(s.Source) + len(s.Text)
		}
		return n
	case kindInt32:
		return 4
	case kindInt64, kindTime, kindFloat:
		return 8
	default:
		return len(c.raw(row)) + 1
	}
}

// raw is the value of a column of texts or bytes; it must only be read.
func (c *column[T]) raw(row *T) []byte {
	switch c.kind {
	case kindBinary:
		return c.binary(row)
	case kindBytes:
		return *c.bytes(row)
	default:
		return borrow(*c.text(row))
	}
}

// borrow views a string as bytes without a copy.
func borrow(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// number is the value of a column of whole numbers.
func (c *column[T]) number(row *T) int64 {
	switch c.kind {
	case kindInt32:
		return int64(*c.short(row))
	case kindTime:
		return c.when(row).UnixMicro()
	default:
		return *c.long(row)
	}
}

func (p *part[T]) floats(s *scratch, rows []*T) {
	s.page = s.page[:0]
	for _, row := range rows {
		v := *p.column.real(row)
		p.bounds.addReal(v)
		s.page = binary.LittleEndian.AppendUint64(s.page, math.Float64bits(v))
	}
	p.put(s, dataPage, len(rows), parquet.Encodings.Plain)
}

func (p *part[T]) numbers(s *scratch, rows []*T) {
	s.ints = s.ints[:0]
	for _, row := range rows {
		v := p.column.number(row)
		p.bounds.addInt(v)
		s.ints = append(s.ints, v)
	}
	s.page = appendDelta(s.page[:0], s.ints, p.column.kind == kindInt32)
	p.put(s, dataPage, len(rows), parquet.Encodings.DeltaBinaryPacked)
}

func (p *part[T]) texts(s *scratch, rows []*T) {
	s.ints = s.ints[:0]
	for _, row := range rows {
		s.ints = append(s.ints, int64(len(p.column.raw(row))))
	}
	s.page = appendDelta(s.page[:0], s.ints, true)
	for _, row := range rows {
		s.page = append(s.page, p.column.raw(row)...)
		p.column.bound(&p.bounds, row)
	}
	p.put(s, dataPage, len(rows), parquet.Encodings.DeltaLengthByteArray)
}

// hasBounds says whether readers can prune by a column's least and greatest
// value; for hashes, long texts and lists they are of no use.
func (c *column[T]) hasBounds() bool {
	return !c.plain && c.name != "text" && c.kind != kindSignals && c.kind != kindBytes
}

func (p *part[T]) signals(s *scratch) {
	p.eachPage(func(rows []*T) {
		s.reps, s.defs, s.ints = s.reps[:0], s.defs[:0], s.ints[:0]
		var items []byte
		for _, row := range rows {
			signals := *p.column.signals(row)
			if len(signals) == 0 {
				s.reps, s.defs = append(s.reps, 0), append(s.defs, 0)
			}
			for i, signal := range signals {
				item := signal.Source
				if p.leaf == 1 {
					item = signal.Text
				}
				s.reps, s.defs = append(s.reps, uint32(min(i, 1))), append(s.defs, 1)
				s.ints, items = append(s.ints, int64(len(item))), append(items, item...)
			}
		}
		s.page = appendLevels(appendLevels(s.page[:0], s.reps), s.defs)
		s.page = append(appendDelta(s.page, s.ints, true), items...)
		p.put(s, dataPage, len(s.reps), parquet.Encodings.DeltaLengthByteArray)
	})
}

// maxDictionary is the largest dictionary worth its indirection, bytes.
const maxDictionary = 1 << 20

// tryDictionary writes the chunk with a dictionary, unless its values turn out
// not to repeat.
func (p *part[T]) tryDictionary(s *scratch) bool {
	if !p.column.dictionary {
		return false
	}
	indices, entries, ok := p.column.index(p.rows, s)
	if !ok {
		return false
	}
	for _, row := range p.rows {
		p.column.bound(&p.bounds, row)
	}
	s.page = s.page[:0]
	for _, row := range entries {
		if v := p.column; v.kind == kindInt32 {
			s.page = binary.LittleEndian.AppendUint32(s.page, uint32(v.number(row)))
		} else {
			raw := v.raw(row)
			s.page = append(binary.LittleEndian.AppendUint32(s.page, uint32(len(raw))), raw...)
		}
	}
	p.put(s, dictionaryPage, len(entries), parquet.Encodings.Plain)
	p.dictionary, p.values = len(p.pages), 0
	width := bits.Len(uint(len(entries) - 1))
	for most := max(1, int(p.limits.PageBytes/4)); len(indices) > 0; {
		n := min(most, len(indices))
		s.page = appendHybrid(append(s.page[:0], byte(width)), indices[:n], width)
		p.put(s, dataPage, n, parquet.Encodings.RLEDict)
		indices = indices[n:]
	}
	return true
}

// index numbers the distinct values of a column in the order of their first
// rows, which entries are. ok is false if they take more than maxDictionary, or
// if more than half of the rows have a value of their own.
func (c *column[T]) index(rows []*T, s *scratch) (indices []uint32, entries []*T, ok bool) {
	if c.kind != kindInt32 && c.kind != kindText && c.kind != kindBinary {
		return nil, nil, false
	}
	known, size := map[string]uint32{}, 0
	indices = make([]uint32, len(rows))
	var last []byte
	for i, row := range rows {
		value := s.packed[:0]
		if c.kind == kindInt32 {
			value = binary.LittleEndian.AppendUint32(value, uint32(c.number(row)))
			s.packed = value
		} else {
			value = c.raw(row)
		}
		if i > 0 && string(value) == string(last) { // sorted columns repeat
			indices[i] = indices[i-1]
			continue
		}
		n, seen := known[string(value)]
		if !seen {
			n = uint32(len(entries))
			known[string(value)], entries = n, append(entries, row)
			size += len(value) + 4
			if size > maxDictionary || len(entries) > len(rows)/2+1 {
				return nil, nil, false
			}
		}
		indices[i] = n
		if c.kind != kindInt32 {
			last = value
		}
	}
	return indices, entries, true
}

// put appends a page made of s.page.
func (p *part[T]) put(s *scratch, kind int32, values int, encoding parquet.Encoding) {
	stored := s.page
	if !p.column.plain {
		s.packed = codec.EncodeLevel(s.packed, s.page, zstdLevel)
		stored = s.packed
	}
	head := len(p.pages)
	if p.pages == nil { // most parts are one page
		p.pages = make([]byte, 0, len(stored)+64)
	}
	p.pages = appendPageHeader(p.pages, pageHeader{
		kind: kind, inflated: int32(len(s.page)), stored: int32(len(stored)), values: int32(values), encoding: encoding,
	})
	p.inflated += int64(len(p.pages) - head + len(s.page))
	p.pages = append(p.pages, stored...)
	p.values += int64(values)
}
