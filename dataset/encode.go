package dataset

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The encoders below are the counterparts of those in values.go. Arrow's went
// out for speed: they copy every text three times before it is compressed, and
// buffer a column chunk whole (see BenchmarkWrite).

// The shape of DELTA_BINARY_PACKED that every reader takes: blocks of 128
// deltas in four parts.
const (
	deltaBlock = 128
	deltaParts = 4
	deltaPart  = deltaBlock / deltaParts
)

func zigzagged(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// appendDelta appends values as DELTA_BINARY_PACKED. Differences wrap: at 32
// bits if narrow, as readers of narrow columns take no wider ones.
func appendDelta(dst []byte, v []int64, narrow bool) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaParts)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	if len(v) == 0 {
		return binary.AppendUvarint(dst, 0)
	}
	dst = binary.AppendUvarint(dst, zigzagged(v[0]))
	var deltas [deltaBlock]int64
	for at := 1; at < len(v); {
		n := min(deltaBlock, len(v)-at)
		least := int64(math.MaxInt64)
		for i := range n {
			d := v[at+i] - v[at+i-1]
			if narrow {
				d = int64(int32(d))
			}
			deltas[i], least = d, min(least, d)
		}
		dst = appendBlock(dst, deltas[:n], least)
		at += n
	}
	return dst
}

// appendBlock appends one block of at most deltaBlock deltas.
func appendBlock(dst []byte, deltas []int64, least int64) []byte {
	dst = binary.AppendUvarint(dst, zigzagged(least))
	widths := len(dst)
	dst = append(dst, make([]byte, deltaParts)...)
	for part := 0; part*deltaPart < len(deltas); part++ {
		var packed [deltaPart]uint64
		all := uint64(0)
		for i, d := range deltas[part*deltaPart : min((part+1)*deltaPart, len(deltas))] {
			packed[i] = uint64(d - least)
			all |= packed[i]
		}
		width := bits.Len64(all)
		dst[widths+part] = byte(width)
		dst = appendPacked(dst, packed[:], width)
	}
	return dst
}

// appendPacked appends numbers of width bits each, least significant bit first;
// their number is a multiple of eight.
func appendPacked(dst []byte, v []uint64, width int) []byte {
	var acc uint64 // bits not written yet
	free := 64
	for _, x := range v {
		acc |= x << (64 - free)
		if width < free {
			free -= width
			continue
		}
		dst = binary.LittleEndian.AppendUint64(dst, acc)
		acc = x >> free // 0 if free is 64, as Go shifts
		free += 64 - width
	}
	for ; free < 64; free += 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// leastRun is how many equal numbers make a run worth its head.
const leastRun = 8

// appendHybrid appends numbers of width bits as Parquet's mix of runs and
// bit-packed groups.
func appendHybrid(dst []byte, v []uint32, width int) []byte {
	for len(v) > 0 {
		if run := runLength(v, len(v)); run >= leastRun {
			dst = binary.AppendUvarint(dst, uint64(run)<<1)
			for at := 0; at < width; at += 8 {
				dst = append(dst, byte(v[0]>>at))
			}
			v = v[run:]
			continue
		}
		n := min(8, len(v))
		for n < len(v) && runLength(v[n:], leastRun) < leastRun {
			n = min(n+8, len(v))
		}
		dst = appendGroups(dst, v[:n], width)
		v = v[n:]
	}
	return dst
}

// appendGroups appends one bit-packed run; only the last of a page may hold
// other than a multiple of eight numbers.
func appendGroups(dst []byte, v []uint32, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)+7)/8<<1|1)
	for len(v) > 0 {
		var group [8]uint64
		n := min(8, len(v))
		for i, x := range v[:n] {
			group[i] = uint64(x)
		}
		dst, v = appendPacked(dst, group[:], width), v[n:]
	}
	return dst
}

// runLength is how many of the first numbers are equal, looking at most at
// limit of them.
func runLength(v []uint32, limit int) int {
	n := 1
	for limit = min(limit, len(v)); n < limit && v[n] == v[0]; {
		n++
	}
	return n
}

// appendLevels appends repetition or definition levels of at most 1.
func appendLevels(dst []byte, levels []uint32) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendHybrid(dst, levels, 1)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}
