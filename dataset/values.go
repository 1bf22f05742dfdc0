package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/parquet"
)

// Arrow's decoders of these encodings trust the counts they read: a flipped
// byte makes them allocate gigabytes or loop for ever, which no recover
// contains. Those below check every count against the page first.

// values are decoded values of one page, in the field of their type.
type values struct {
	texts []string // texts and binaries
	ints  []int64  // both widths, and times
	reals []float64
}

// view is a page's bytes as a string, without a copy: pages are written once.
func view(page []byte) string { return unsafe.String(unsafe.SliceData(page), len(page)) }

// decodeValues reads exactly n values of a physical type. dict is the decoded
// dictionary of the column chunk, nil if it has none.
func decodeValues(physical parquet.Type, encoding parquet.Encoding, data []byte, n int, dict *values) (values, error) {
	switch encoding {
	case parquet.Encodings.Plain:
		return decodePlain(physical, data, n)
	case parquet.Encodings.PlainDict, parquet.Encodings.RLEDict:
		return decodeIndices(data, n, dict)
	case parquet.Encodings.DeltaBinaryPacked:
		if physical != parquet.Types.Int32 && physical != parquet.Types.Int64 {
			return values{}, fmt.Errorf("encoding %s for a column of type %s", encoding, physical)
		}
		ints, _, err := decodeDelta(data, n, physical == parquet.Types.Int32)
		return values{ints: ints}, err
	case parquet.Encodings.DeltaLengthByteArray:
		if physical != parquet.Types.ByteArray {
			return values{}, fmt.Errorf("encoding %s for a column of type %s", encoding, physical)
		}
		return decodeDeltaLength(data, n)
	default:
		return values{}, fmt.Errorf("encoding %s is not one that Fallow writes", encoding)
	}
}

func decodePlain(physical parquet.Type, data []byte, n int) (values, error) {
	width := 8
	switch physical {
	case parquet.Types.ByteArray:
		return decodePlainTexts(data, n)
	case parquet.Types.Int32:
		width = 4
	}
	if len(data)/width < n {
		return values{}, fmt.Errorf("%d values of %d bytes in %d bytes: %w", n, width, len(data), errCutOff)
	}
	var v values
	for i := range n {
		switch at := data[i*width:]; physical {
		case parquet.Types.Int32:
			v.ints = append(v.ints, int64(int32(binary.LittleEndian.Uint32(at))))
		case parquet.Types.Int64:
			v.ints = append(v.ints, int64(binary.LittleEndian.Uint64(at)))
		case parquet.Types.Double:
			v.reals = append(v.reals, math.Float64frombits(binary.LittleEndian.Uint64(at)))
		default:
			return values{}, fmt.Errorf("type %s is not one that Fallow writes", physical)
		}
	}
	return v, nil
}

func decodePlainTexts(data []byte, n int) (values, error) {
	if n > len(data)/4 {
		return values{}, fmt.Errorf("%d texts in %d bytes: %w", n, len(data), errCutOff)
	}
	all, pos := view(data), 0
	texts := make([]string, n)
	for i := range texts {
		if len(all)-pos < 4 {
			return values{}, fmt.Errorf("length of text %d: %w", i, errCutOff)
		}
		length := uint64(binary.LittleEndian.Uint32(data[pos:]))
		if pos += 4; length > uint64(len(all)-pos) {
			return values{}, fmt.Errorf("text %d of %d bytes: %w", i, length, errCutOff)
		}
		texts[i] = all[pos : pos+int(length)]
		pos += int(length)
	}
	return values{texts: texts}, nil
}

func decodeDeltaLength(data []byte, n int) (values, error) {
	lengths, rest, err := decodeDelta(data, n, true)
	if err != nil {
		return values{}, fmt.Errorf("lengths: %w", err)
	}
	all, pos := view(rest), int64(0)
	texts := make([]string, n)
	for i, length := range lengths {
		if length < 0 || length > int64(len(all))-pos {
			return values{}, fmt.Errorf("text %d of %d bytes: %w", i, length, errCutOff)
		}
		texts[i] = all[pos : pos+length]
		pos += length
	}
	return values{texts: texts}, nil
}

// maxDeltaBlock is the largest block of packed deltas accepted; writers use 128.
const maxDeltaBlock = 1 << 16

// decodeDelta reads n values of DELTA_BINARY_PACKED and returns the bytes
// after them. Sums wrap at 32 or 64 bits, as the format wants.
func decodeDelta(data []byte, n int, narrow bool) (out []int64, rest []byte, err error) {
	t := &thrift{buf: data} // the numbers are coded as in Thrift
	var head [4]uint64      // block size, mini-blocks a block, values, first value
	for i := range head {
		if head[i], err = t.varint(); err != nil {
			return nil, nil, err
		}
	}
	block, minis, total := head[0], head[1], head[2]
	if block == 0 || block > maxDeltaBlock || minis == 0 || block%minis != 0 || block/minis%8 != 0 {
		return nil, nil, fmt.Errorf("blocks of %d values in %d parts", block, minis)
	}
	if total != uint64(n) {
		return nil, nil, fmt.Errorf("%d packed values, page has %d", total, n)
	}
	if n == 0 {
		return nil, data[t.pos:], nil
	}
	d := deltas{thrift: t, narrow: narrow, perMini: int(block / minis), minis: int(minis)}
	d.out = append(make([]int64, 0, n), d.wrap(zigzag(head[3])))
	for len(d.out) < n {
		if err := d.block(n); err != nil {
			return nil, nil, err
		}
	}
	return d.out, data[t.pos:], nil
}

type deltas struct {
	*thrift
	narrow         bool
	perMini, minis int
	out            []int64
}

func zigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func (d *deltas) wrap(v int64) int64 {
	if d.narrow {
		return int64(int32(v))
	}
	return v
}

// block reads one block of deltas, or as much of it as n values need.
func (d *deltas) block(n int) error {
	u, err := d.varint()
	if err != nil {
		return err
	}
	least, at := zigzag(u), d.pos
	if err := d.discard(uint64(d.minis)); err != nil {
		return err
	}
	for _, width := range d.buf[at:d.pos] {
		if len(d.out) >= n {
			return nil // parts that hold no value take no bytes
		}
		if width > 64 {
			return fmt.Errorf("deltas of %d bits", width)
		}
		start := d.pos
		if err := d.discard(uint64(d.perMini) * uint64(width) / 8); err != nil {
			return err
		}
		packed := d.buf[start:d.pos]
		for i := 0; i < d.perMini && len(d.out) < n; i++ {
			delta := least + int64(unpack(packed, i, int(width)))
			d.out = append(d.out, d.wrap(d.out[len(d.out)-1]+delta))
		}
	}
	return nil
}

// unpack reads the i-th number of width bits, least significant bit first.
func unpack(packed []byte, i, width int) uint64 {
	bit, v := i*width, uint64(0)
	for got := 0; got < width; {
		b := uint64(packed[bit>>3]) >> (bit & 7)
		take := min(8-bit&7, width-got)
		v |= b & (1<<take - 1) << got
		got, bit = got+take, bit+take
	}
	return v
}

var errNoDictionary = errors.New("refers to a dictionary that is not there")

func decodeIndices(data []byte, n int, dict *values) (values, error) {
	if dict == nil {
		return values{}, errNoDictionary
	}
	if len(data) == 0 {
		return values{}, errCutOff
	}
	indices, err := decodeHybrid(data[1:], int(data[0]), n)
	if err != nil {
		return values{}, fmt.Errorf("dictionary indices: %w", err)
	}
	var v values
	switch {
	case dict.texts != nil:
		v.texts, err = pick(dict.texts, indices)
	case dict.ints != nil:
		v.ints, err = pick(dict.ints, indices)
	default:
		v.reals, err = pick(dict.reals, indices)
	}
	return v, err
}

func pick[V any](dict []V, indices []uint32) ([]V, error) {
	out := make([]V, len(indices))
	for i, index := range indices {
		if uint64(index) >= uint64(len(dict)) {
			return nil, fmt.Errorf("value %d points at entry %d of a dictionary of %d", i, index, len(dict))
		}
		out[i] = dict[index]
	}
	return out, nil
}

// decodeHybrid reads n numbers of the given width in Parquet's mix of runs
// and bit-packed groups.
func decodeHybrid(data []byte, width, n int) ([]uint32, error) {
	if width > 32 {
		return nil, fmt.Errorf("numbers of %d bits", width)
	}
	t := &thrift{buf: data}
	out := make([]uint32, 0, n)
	for len(out) < n {
		head, err := t.varint()
		if err != nil {
			return nil, err
		}
		count, start := head>>1, t.pos
		if head&1 == 0 { // a run of one number
			if err := t.discard(uint64(width+7) / 8); err != nil {
				return nil, err
			}
			if count == 0 {
				return nil, errors.New("empty run")
			}
			v := uint32(unpack(data[start:t.pos], 0, width))
			for range min(count, uint64(n-len(out))) {
				out = append(out, v)
			}
			continue
		}
		groups := min(count, uint64(n-len(out)+7)/8)
		if err := t.discard(groups * uint64(width)); err != nil {
			return nil, err
		}
		if groups == 0 {
			return nil, errors.New("empty group")
		}
		for i := 0; i < int(groups)*8 && len(out) < n; i++ {
			out = append(out, uint32(unpack(data[start:t.pos], i, width)))
		}
	}
	return out, nil
}

// decodeLevels reads n repetition or definition levels of at most 1 and
// returns what follows them.
func decodeLevels(data []byte, n int) (levels []uint32, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errCutOff
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	if size > uint64(len(data)-4) {
		return nil, nil, errCutOff
	}
	levels, err = decodeHybrid(data[4:4+size], 1, n)
	return levels, data[4+size:], err
}
