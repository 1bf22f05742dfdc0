package frontier

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"
)

// A fingerprint of 64 bits of a strong hash stands for a URL. Of n known URLs,
// a new one is taken for known with a chance of n in 2^64: among 100 million, one
// in 3,700 crawls loses one URL. Whoever wants to hide a URL of somebody else's has
// to search 2^64 hashes for it.
func fingerprintOf(url string) uint64 {
	sum := blake3.Sum256([]byte(url))
	return binary.BigEndian.Uint64(sum[:])
}

// seen is the set of URLs each job has ever had. In memory it is a table of
// fingerprints a job; on disk each batch of Add appends one row with those it
// brought, in the same write that queues their items. A table is read back from its
// rows when its job adds something for the first time, so a restart waits for none.
//
// Frontier.adding guards it.
type seen struct {
	db     *pebble.DB
	tables map[uint32]*seenTable
}

type seenTable struct {
	fingers
	nextRow uint64
}

// seenRowMost bounds a row's value: a batch brings addStep URLs at most.
const seenRowMost = addStep * slotBytes

func seenRow(job uint32, n uint64) []byte {
	return binary.BigEndian.AppendUint64(rowKey(prefixSeen, job), n)
}

// of is the table of a job, read from disk at first; known is about how many URLs
// it has.
func (s *seen) of(job uint32, known int) (*seenTable, error) {
	if t := s.tables[job]; t != nil {
		return t, nil
	}
	t := new(seenTable)
	t.reserve(known)
	prefix := rowKey(prefixSeen, job)
	err := scan(s.db, prefix, after(prefix), func(key, val []byte) (bool, error) {
		if len(key) != len(prefix)+8 || len(val)%slotBytes != 0 || len(val) > seenRowMost {
			return false, fmt.Errorf("seen row %x: %w", key, errCorrupt)
		}
		for ; len(val) > 0; val = val[slotBytes:] {
			t.add(binary.BigEndian.Uint64(val))
		}
		t.nextRow = binary.BigEndian.Uint64(key[len(prefix):]) + 1
		return true, nil
	})
	if err != nil {
		t.free()
		return nil, err
	}
	s.tables[job] = t
	return t, nil
}

// known is how many fingerprints all tables in memory hold.
func (s *seen) known() int {
	sum := 0
	for _, t := range s.tables {
		sum += t.n
	}
	return sum
}

// stage stages a row with the fingerprints that t is about to get.
func (t *seenTable) stage(b *pebble.Batch, job uint32, fresh []uint64) error {
	for part := range slices.Chunk(fresh, addStep) {
		val := make([]byte, 0, len(part)*slotBytes)
		for _, fp := range part {
			val = binary.BigEndian.AppendUint64(val, fp)
		}
		if err := b.Set(seenRow(job, t.nextRow), val, nil); err != nil {
			return fmt.Errorf("stage seen URLs: %w", err)
		}
		t.nextRow++
	}
	return nil
}

// commit takes in what was staged, once its batch has committed.
func (t *seenTable) commit(fresh []uint64) {
	for _, fp := range fresh {
		t.add(fp)
	}
}

// forget gives back the table of a job.
func (s *seen) forget(job uint32) {
	if t := s.tables[job]; t != nil {
		t.free()
		delete(s.tables, job)
	}
}

// drop stages the removal of a job's rows.
func (s *seen) drop(b *pebble.Batch, job uint32) error {
	prefix := rowKey(prefixSeen, job)
	return b.DeleteRange(prefix, after(prefix), nil)
}
