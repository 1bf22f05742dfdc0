package dataset

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// bounds are the least and the greatest value of a column chunk, by which
// readers pass over row groups. Texts compare by their bytes.
type bounds struct {
	some       bool
	texts      bool
	low, high  []byte
	least      int64
	most       int64
	small, big float64
	odd        bool // a float that has no place in an order
}

func (b *bounds) addInt(v int64) {
	if !b.some {
		b.some, b.least, b.most = true, v, v
	}
	b.least, b.most = min(b.least, v), max(b.most, v)
}

func (b *bounds) addReal(v float64) {
	b.odd = b.odd || math.IsNaN(v)
	if !b.some {
		b.some, b.small, b.big = true, v, v
	}
	b.small, b.big = min(b.small, v), max(b.big, v)
}

func (b *bounds) addText(v []byte) {
	switch {
	case !b.some:
		b.some, b.texts, b.low, b.high = true, true, v, v
	case bytes.Compare(v, b.low) < 0:
		b.low = v
	case bytes.Compare(v, b.high) > 0:
		b.high = v
	}
}

// bound takes the value of a row into b.
func (c *column[T]) bound(b *bounds, row *T) {
	switch {
	case !c.hasBounds():
	case c.kind == kindFloat:
		b.addReal(*c.real(row))
	case c.kind == kindInt32 || c.kind == kindInt64 || c.kind == kindTime:
		b.addInt(c.number(row))
	default:
		b.addText(c.raw(row))
	}
}

// merge takes in the bounds of another part of the same chunk.
func (b *bounds) merge(other bounds) {
	switch {
	case !other.some:
	case !b.some:
		*b = other
	case b.texts:
		b.addText(other.low)
		b.addText(other.high)
	default:
		b.odd = b.odd || other.odd
		b.least, b.most = min(b.least, other.least), max(b.most, other.most)
		b.small, b.big = min(b.small, other.small), max(b.big, other.big)
	}
}

// statistics are b in Parquet's form. No column here has nulls.
func (b *bounds) statistics(k kind) metadata.EncodedStatistics {
	s := metadata.EncodedStatistics{HasNullCount: true}
	if !b.some || b.odd {
		return s
	}
	switch k {
	case kindInt32:
		s.Min, s.Max = binary.LittleEndian.AppendUint32(nil, uint32(b.least)), binary.LittleEndian.AppendUint32(nil, uint32(b.most))
	case kindInt64, kindTime:
		s.Min, s.Max = binary.LittleEndian.AppendUint64(nil, uint64(b.least)), binary.LittleEndian.AppendUint64(nil, uint64(b.most))
	case kindFloat:
		small, big := b.small, b.big
		if small == 0 {
			small = math.Copysign(0, -1) // the format orders -0 before 0
		}
		if big == 0 {
			big = math.Abs(big)
		}
		s.Min, s.Max = binary.LittleEndian.AppendUint64(nil, math.Float64bits(small)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(big))
	default:
		// An empty value is a value, but no bytes at all would be none.
		s.Min, s.Max = append([]byte{}, b.low...), append([]byte{}, b.high...)
	}
	s.HasMin, s.HasMax = len(s.Min) <= maxStatistics, len(s.Max) <= maxStatistics
	return s
}
