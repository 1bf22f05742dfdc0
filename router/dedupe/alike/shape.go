package alike

import (
	"math/bits"
	"slices"
)

const (
	// Gram is the number of tokens in a shingle.
	Gram = 5
	// MinShingles is the least number of different shingles a text must have to
	// be compared. Below it a single changed word decides, and short notices
	// ("page not found", a cookie banner) would swallow each other.
	MinShingles = 32
	// MaxShingles bounds the shingles looked at in one text; what comes after
	// them does not count. It is 10 MiB of text in most scripts.
	MaxShingles = 2 << 20

	// Bands and Rows make 100 minima. A pair at similarity 0.8 shares at least
	// one of 20 bands of 5 rows with probability 0.9996, one at 0.5 with 0.47.
	Bands = 20
	Rows  = 5
)

// Shape is what a text looks like to an index. It is not modified after New.
type Shape struct {
	Bands  [Bands]uint64 // equal keys make two texts candidates
	Sketch Sketch
	order  []uint32 // the shingles as they come in the text
}

// New returns the shape of text, nil if it has fewer than MinShingles shingles.
// It costs about 12 ns a byte and may be called concurrently.
func New(text string) *Shape {
	all := shingles(text)
	if len(all) < MinShingles {
		return nil
	}
	s := &Shape{order: make([]uint32, len(all))}
	for i, h := range all {
		s.order[i] = uint32(h >> 32)
	}
	if s.Sketch = sketchOf(s.order); len(s.Sketch.Hashes) < MinShingles {
		return nil
	}
	s.Bands = bandsOf(all)
	return s
}

// shingles are the hashes of all shingles of text, in order, with repetitions.
func shingles(text string) []uint64 {
	const base = 0xd6e8feb86659fd93
	list := make([]uint64, 0, min(len(text)/5+1, MaxShingles))
	var last [Gram]uint64
	n := 0
	tokens(text, func(hash uint64) {
		last[n%Gram] = hash
		n++
		if n < Gram || len(list) == MaxShingles {
			return
		}
		var sum uint64
		for i := n; i < n+Gram; i++ {
			sum = sum*base + last[i%Gram]
		}
		list = append(list, mix(sum))
	})
	return list
}

// multipliers draw the hash functions: odd numbers without a pattern.
var multipliers = func() (m [Bands * Rows / 2]uint64) {
	for i := range m {
		m[i] = mix(uint64(i)+0x5851f42d4c957f2d) | 1
	}
	return m
}()

// bandsOf computes two minima for each multiplier, from the middle of the
// product: its upper end grows with the shingle's hash, whatever the multiplier,
// and its lower end has little randomness.
func bandsOf(all []uint64) (keys [Bands]uint64) {
	var minima [Bands * Rows]uint32
	for i := 0; i < len(multipliers); i += 2 {
		a, b := multipliers[i], multipliers[i+1]
		m0, m1, m2, m3 := ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)
		for _, h := range all {
			hi, lo := bits.Mul64(h, a)
			m0, m1 = min(m0, uint32(hi)), min(m1, uint32(lo>>32))
			hi, lo = bits.Mul64(h, b)
			m2, m3 = min(m2, uint32(hi)), min(m3, uint32(lo>>32))
		}
		copy(minima[2*i:], []uint32{m0, m1, m2, m3})
	}
	for band := range keys {
		key := uint64(band)
		for _, m := range minima[band*Rows : (band+1)*Rows] {
			key = mix(key ^ uint64(m)<<8)
		}
		keys[band] = key
	}
	return keys
}

// sketchOf keeps the smallest different hashes.
func sketchOf(order []uint32) Sketch {
	sorted := slices.Compact(ascending(order))
	s := Sketch{Hashes: sorted}
	if len(sorted) > MaxSketch {
		s.Hashes, s.Cut = slices.Clone(sorted[:MaxSketch]), true
	}
	return s
}

// ascending returns a sorted copy of list. It sorts by digits of 11 bits, the
// lowest first, in the same time whatever a site puts into its pages and three
// times as fast as by comparison.
func ascending(list []uint32) []uint32 {
	const digit, passes = 11, 3
	var ends [passes][1 << digit]int32
	for _, h := range list {
		for pass := range ends {
			ends[pass][h>>(pass*digit)&(1<<digit-1)]++
		}
	}
	from, to := slices.Clone(list), make([]uint32, len(list))
	for pass := range ends {
		at := int32(0)
		for d, n := range ends[pass] {
			ends[pass][d] = at
			at += n
		}
		for _, h := range from {
			d := h >> (pass * digit) & (1<<digit - 1)
			to[ends[pass][d]] = h
			ends[pass][d]++
		}
		from, to = to, from
	}
	return from
}
