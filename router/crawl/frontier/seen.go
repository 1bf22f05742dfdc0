package frontier

import (
	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"
)

// fingerprint stands for a URL. At 128 bits of a strong hash no two URLs of a
// crawl share one, by chance or on purpose.
type fingerprint [16]byte

func fingerprintOf(url string) fingerprint {
	sum := blake3.Sum256([]byte(url))
	return fingerprint(sum[:16])
}

// seen is the set of URLs each job has ever had. Frontier.Add serialises its
// callers, so that nothing comes between has and add.
type seen struct{ db *pebble.DB }

func seenKey(job uint32, fp fingerprint) []byte { return rowKey(prefixSeen, job, fp[:]...) }

func (s seen) has(job uint32, fp fingerprint) (bool, error) {
	_, found, err := get(s.db, seenKey(job, fp), func([]byte) (struct{}, error) { return struct{}{}, nil })
	return found, err
}

// add stages fp in b, which must commit before the next call of has.
func (s seen) add(b *pebble.Batch, job uint32, fp fingerprint) error {
	return b.Set(seenKey(job, fp), nil, nil)
}

// drop stages the removal of all fingerprints of job.
func (s seen) drop(b *pebble.Batch, job uint32) error {
	prefix := rowKey(prefixSeen, job)
	return b.DeleteRange(prefix, after(prefix), nil)
}
