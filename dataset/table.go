package dataset

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// kind is what a column holds; it decides the Arrow type, the Parquet
// encoding and the canonical bytes of a value.
type kind uint8

const (
	kindText   kind = iota // UTF-8
	kindBinary             // bytes of one fixed width
	kindBytes              // bytes of any length
	kindInt64
	kindInt32
	kindFloat
	kindTime // microseconds since 1970 UTC
	kindSignals
)

// column is one field of T: its description for people and its accessor for
// code. Exactly one accessor is set, the one of its kind; all return the place
// of the value, so one accessor serves reading and writing.
type column[T any] struct {
	name, about, unit string
	source            string // where the value comes from
	since             int    // schema version that brought it; 0 and 1 are the first
	kind              kind
	width             int  // bytes of a kindBinary value
	dictionary        bool // few distinct values: a dictionary pays
	plain             bool // bytes that no codec makes smaller

	text    func(*T) *string
	binary  func(*T) []byte
	bytes   func(*T) *[]byte
	long    func(*T) *int64
	short   func(*T) *int32
	real    func(*T) *float64
	when    func(*T) *time.Time
	signals func(*T) *[]Signal
}

// table is a kind of Parquet file: its columns in order, of which the last is
// the Merkle leaf over all others.
type table[T any] struct {
	name    string
	schema  string // version of it; SchemaVersion if empty
	domain  string // separates its leaves from those of every other tree
	columns []column[T]
	leaf    func(*T) *merkle.Hash
}

func (t *table[T]) version() string {
	if t.schema == "" {
		return SchemaVersion
	}
	return t.schema
}

// data is every column but the leaf.
func (t *table[T]) data() []column[T] { return t.columns[:len(t.columns)-1] }

// width64 is how many bytes the length of a value takes in the row encoding.
const width64 = 8

// appendValue appends the canonical bytes of one value, see SCHEMA.md.
func (c *column[T]) appendValue(dst []byte, row *T) []byte {
	switch c.kind {
	case kindText:
		return append(dst, *c.text(row)...)
	case kindBinary:
		return append(dst, c.binary(row)...)
	case kindBytes:
		return append(dst, *c.bytes(row)...)
	case kindInt64:
		return binary.BigEndian.AppendUint64(dst, uint64(*c.long(row)))
	case kindInt32:
		return binary.BigEndian.AppendUint32(dst, uint32(*c.short(row)))
	case kindFloat:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(*c.real(row)))
	case kindTime:
		return binary.BigEndian.AppendUint64(dst, uint64(c.when(row).UnixMicro()))
	default:
		return appendSignals(dst, *c.signals(row))
	}
}

func appendSignals(dst []byte, signals []Signal) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(signals)))
	for _, s := range signals {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.Source)))
		dst = append(dst, s.Source...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.Text)))
		dst = append(dst, s.Text...)
	}
	return dst
}

// rowEncoder makes the canonical bytes of rows, one after the other, in one
// buffer. It is not safe for concurrent use.
type rowEncoder[T any] struct {
	table *table[T]
	buf   []byte
	ends  []int // ends[i] is where the value of data column i ends in buf
	names [][]byte
}

func newRowEncoder[T any](t *table[T]) *rowEncoder[T] {
	e := &rowEncoder[T]{table: t, ends: make([]int, len(t.data()))}
	for _, c := range t.data() {
		name := binary.BigEndian.AppendUint32(nil, uint32(len(c.name)))
		e.names = append(e.names, append(name, c.name...))
	}
	return e
}

// encode returns the canonical bytes of row, valid until the next call.
func (e *rowEncoder[T]) encode(row *T) []byte {
	buf := append(e.buf[:0], e.table.domain...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(e.names)))
	columns := e.table.data()
	for i := range columns {
		buf = append(buf, e.names[i]...)
		at := len(buf)
		buf = append(buf, make([]byte, width64)...)
		buf = columns[i].appendValue(buf, row)
		binary.BigEndian.PutUint64(buf[at:], uint64(len(buf)-at-width64))
		e.ends[i] = len(buf)
	}
	e.buf = buf
	return buf
}

// value is the length and the bytes of data column i in the row encoded last.
func (e *rowEncoder[T]) value(i int) []byte {
	start := len(e.table.domain) + 4
	if i > 0 {
		start = e.ends[i-1]
	}
	return e.buf[start+len(e.names[i]) : e.ends[i]]
}

func (e *rowEncoder[T]) leaf(row *T) merkle.Hash { return merkle.Leaf(e.encode(row)) }
