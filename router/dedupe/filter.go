package dedupe

// filter is a set of 64-bit keys in fixed memory that may say yes in error, and
// no only in truth: a blocked Bloom filter, of which each key touches one cache
// line. At 10 bits a key it errs in 1 of 100; beyond that more often, which costs
// reads and never an answer.
type filter struct{ blocks [][8]uint64 }

// newFilter takes at most bytes of memory, a power of two of it.
func newFilter(bytes int) *filter {
	n := 1
	for n*2*64 <= bytes {
		n *= 2
	}
	return &filter{make([][8]uint64, n)}
}

// probes is the number of bits set for a key; 9 bits of the key choose each.
const probes = 5

func (f *filter) add(key uint64) {
	block := &f.blocks[f.at(key)]
	for range probes {
		block[key>>6&7] |= 1 << (key & 63)
		key >>= 9
	}
}

func (f *filter) has(key uint64) bool {
	block := &f.blocks[f.at(key)]
	for range probes {
		if block[key>>6&7]&(1<<(key&63)) == 0 {
			return false
		}
		key >>= 9
	}
	return true
}

// at chooses the block by other bits than those within it.
func (f *filter) at(key uint64) int {
	return int((key * 0x9e3779b97f4a7c15 >> 32) & uint64(len(f.blocks)-1))
}
