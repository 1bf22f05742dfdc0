package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
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
// buffer; long values stay where they are. It is not safe for concurrent use.
type rowEncoder[T any] struct {
	table  *table[T]
	names  [][]byte
	digest hash.Hash

	// Of the row encoded last. ends[i] is where data column i ends in buf.
	buf  []byte
	ends []int
	long []longValue
}

// longValue is a value that belongs into buf at a place but is not there.
type longValue struct {
	column, at int
	value      []byte
}

// leastLong is from which length a value is hashed where it is.
const leastLong = 512

func newRowEncoder[T any](t *table[T]) *rowEncoder[T] {
	e := &rowEncoder[T]{table: t, ends: make([]int, len(t.data())), digest: sha256.New()}
	for _, c := range t.data() {
		name := binary.BigEndian.AppendUint32(nil, uint32(len(c.name)))
		e.names = append(e.names, append(name, c.name...))
	}
	return e
}

// encode takes in a row, which must not change before the next call.
func (e *rowEncoder[T]) encode(row *T) {
	buf := append(e.buf[:0], e.table.domain...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(e.names)))
	e.long = e.long[:0]
	columns := e.table.data()
	for i := range columns {
		c := &columns[i]
		buf = append(buf, e.names[i]...)
		at := len(buf)
		buf = append(buf, 0, 0, 0, 0, 0, 0, 0, 0)
		size := 0
		if long := c.longValue(row); long != nil {
			size = len(long)
			e.long = append(e.long, longValue{column: i, at: len(buf), value: long})
		} else {
			buf = c.appendValue(buf, row)
			size = len(buf) - at - width64
		}
		binary.BigEndian.PutUint64(buf[at:], uint64(size))
		e.ends[i] = len(buf)
	}
	e.buf = buf
}

// longValue is the value of a column if it is a long text or long bytes.
func (c *column[T]) longValue(row *T) []byte {
	switch {
	case c.kind == kindText && len(*c.text(row)) >= leastLong:
		return borrow(*c.text(row))
	case c.kind == kindBytes && len(*c.bytes(row)) >= leastLong:
		return *c.bytes(row)
	}
	return nil
}

// pieces calls yield for the canonical bytes in their order.
func (e *rowEncoder[T]) pieces(yield func([]byte)) {
	from := 0
	for _, l := range e.long {
		yield(e.buf[from:l.at])
		yield(l.value)
		from = l.at
	}
	yield(e.buf[from:])
}

// size is how many canonical bytes the row has.
func (e *rowEncoder[T]) size() int {
	n := len(e.buf)
	for _, l := range e.long {
		n += len(l.value)
	}
	return n
}

// values calls yield for length and bytes of each data column in their order,
// in one piece or two.
func (e *rowEncoder[T]) values(yield func(column int, piece []byte)) {
	start, long := len(e.table.domain)+4, e.long
	for i, end := range e.ends {
		yield(i, e.buf[start+len(e.names[i]):end])
		if len(long) > 0 && long[0].column == i {
			yield(i, long[0].value)
			long = long[1:]
		}
		start = end
	}
}

// bytes are the canonical bytes of row, in one new slice.
func (e *rowEncoder[T]) bytes(row *T) (all []byte) {
	e.encode(row)
	e.pieces(func(piece []byte) { all = append(all, piece...) })
	return all
}

// leaf takes in a row and hashes it.
func (e *rowEncoder[T]) leaf(row *T) (h merkle.Hash) {
	e.encode(row)
	e.digest.Reset()
	e.digest.Write(merkle.LeafPrefix)
	e.pieces(func(piece []byte) { e.digest.Write(piece) })
	e.digest.Sum(h[:0])
	return h
}
