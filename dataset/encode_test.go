package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever the encoders make, the decoders give back, at every width and at
// lengths around the borders of blocks and groups.
func TestEncodersAndDecodersAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for width := range 65 {
		for _, n := range []int{0, 1, 2, 7, 8, 9, 31, 32, 33, 127, 128, 129, 130, 1000} {
			wide := make([]int64, n)
			for i := range wide {
				wide[i] = int64(rng.Uint64() >> (64 - width))
			}
			got, rest, err := decodeDelta(append(appendDelta(nil, wide, false), 'x'), n, false)
			if err != nil || len(rest) != 1 || !slices.Equal(got, wide) {
				t.Fatalf("%d deltas of %d bits: %v, %d bytes left", n, width, err, len(rest))
			}
			if width > 32 {
				continue
			}
			narrow, numbers := make([]int64, n), make([]uint32, n)
			for i := range narrow {
				narrow[i] = int64(int32(rng.Uint32() >> (32 - width)))
				if numbers[i] = uint32(rng.Uint64N(1 << width)); i > 0 && rng.IntN(3) > 0 {
					numbers[i] = numbers[i-1] // runs
				}
			}
			if got, rest, err = decodeDelta(append(appendDelta(nil, narrow, true), 'x'), n, true); err != nil || len(rest) != 1 || !slices.Equal(got, narrow) {
				t.Fatalf("%d narrow deltas of %d bits: %v, %d bytes left", n, width, err, len(rest))
			}
			if back, err := decodeHybrid(appendHybrid(nil, numbers, width), width, n); err != nil || !slices.Equal(back, numbers) {
				t.Fatalf("%d numbers of %d bits: %v", n, width, err)
			}
		}
	}
}

// Differences of 32-bit numbers wrap at 32 bits: readers refuse wider parts.
func TestNarrowDeltasStayNarrow(t *testing.T) {
	v := []int64{math.MinInt32, math.MaxInt32, math.MinInt32, 0, -1, math.MaxInt32}
	raw := appendDelta(nil, v, true)
	got, _, err := decodeDelta(raw, len(v), true)
	if err != nil || !slices.Equal(got, v) {
		t.Fatal(got, err)
	}
	if most := 2 + 1 + 1 + 5 + 5 + deltaParts + deltaPart*4; len(raw) > most {
		t.Errorf("%d bytes, 32-bit differences take at most %d", len(raw), most)
	}
}
