package dataset

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// errEncoding says that bytes are not the canonical bytes of a row.
var errEncoding = errors.New("not the encoding of a row")

// decodeRow reads the canonical bytes of a record into JSON, one object in the
// order of its columns, with the leaf last, as MarshalJSON writes it. Columns this build does not know are shown in hex.
func decodeRow(encoding []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(encoding), rowDomain)
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q", errEncoding, rowDomain)
	}
	in := slicer{rest: rest}
	known := recordsTable()
	out := []byte{'{'}
	columns := in.u32()
	for i := range columns {
		name := in.take(uint64(in.u32()))
		value := in.take(in.u64())
		if in.short || !utf8.ValidString(name) {
			return nil, fmt.Errorf("%w: cut off in column %d of %d", errEncoding, i+1, columns)
		}
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendMarshalled(out, name); err != nil {
			return nil, err
		}
		if out, err = known.appendDecoded(append(out, ':'), name, value); err != nil {
			return nil, fmt.Errorf("%w: column %q: %w", errEncoding, name, err)
		}
	}
	if in.rest != "" {
		return nil, fmt.Errorf("%w: %d bytes after its last column", errEncoding, len(in.rest))
	}
	if columns > 0 {
		out = append(out, ',')
	}
	return fmt.Appendf(out, "%q:%q}", leafColumn, merkle.Leaf(encoding)), nil
}

// slicer takes pieces off bytes that nobody vouches for.
type slicer struct {
	rest  string
	short bool // something was asked for that is not there
}

func (s *slicer) take(n uint64) string {
	if n > uint64(len(s.rest)) {
		s.short, s.rest = true, ""
		return ""
	}
	piece := s.rest[:n]
	s.rest = s.rest[n:]
	return piece
}

func (s *slicer) u32() uint32 {
	if piece := s.take(4); !s.short {
		return binary.BigEndian.Uint32([]byte(piece))
	}
	return 0
}

func (s *slicer) u64() uint64 {
	if piece := s.take(8); !s.short {
		return binary.BigEndian.Uint64([]byte(piece))
	}
	return 0
}

var errWidth = errors.New("value of a wrong length")

// appendDecoded appends one value as MarshalJSON of Record does.
func (t *table[T]) appendDecoded(dst []byte, name, value string) ([]byte, error) {
	var row T
	for i := range t.columns {
		c := &t.columns[i]
		if c.name != name {
			continue
		}
		if err := c.set(&row, value); err != nil {
			return nil, err
		}
		return c.appendJSON(dst, &row)
	}
	return strconv.AppendQuote(dst, hex.EncodeToString([]byte(value))), nil
}

// set gives a column of row the value that canonical bytes stand for.
func (c *column[T]) set(row *T, value string) error {
	in := slicer{rest: value}
	switch c.kind {
	case kindText:
		if !utf8.ValidString(value) {
			return errors.New("not UTF-8")
		}
		*c.text(row) = in.take(uint64(len(value)))
	case kindBytes:
		*c.bytes(row) = []byte(in.take(uint64(len(value))))
	case kindBinary:
		copy(c.binary(row), in.take(uint64(c.width)))
	case kindInt64:
		*c.long(row) = int64(in.u64())
	case kindInt32:
		*c.short(row) = int32(in.u32())
	case kindFloat:
		*c.real(row) = math.Float64frombits(in.u64())
	case kindTime:
		*c.when(row) = time.UnixMicro(int64(in.u64())).UTC()
	default:
		var list []Signal
		for n := in.u32(); n > 0 && !in.short; n-- {
			list = append(list, Signal{Source: in.take(uint64(in.u32())), Text: in.take(uint64(in.u32()))})
		}
		*c.signals(row) = list
	}
	if in.short || in.rest != "" {
		return errWidth
	}
	return nil
}
