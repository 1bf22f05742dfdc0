package frontier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// addStep bounds one batch, and with it how long Add keeps others waiting.
const addStep = 1024

// Add queues those items whose URL the job has not seen, and marks them seen.
// Both happen in one batch, so that a URL is never seen without being queued, nor
// queued twice. Add is idempotent. An invalid item fails the call before anything
// is written. Add many items at once: up to 1,024 share one batch.
func (f *Frontier) Add(items []Item) (Added, error) {
	for i := range items {
		if err := items[i].validate(); err != nil {
			return Added{}, err
		}
	}
	f.adding.Lock()
	defer f.adding.Unlock()
	var sum Added
	for step := range slices.Chunk(items, addStep) {
		added, err := f.add(step)
		sum.New += added.New
		sum.Seen += added.Seen
		sum.Capped += added.Capped
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// candidate is an item of Add on its way through the seen set.
type candidate struct {
	item Item
	job  *job
	site uint64
	fp   fingerprint
}

// share is what one job has on one site, by the number of URLs ever added.
type share struct {
	job  *job
	site uint64
}

// add is Add in one batch. The seen set is asked before mu is taken: that is the
// slow part, and holding adding keeps it true.
func (f *Frontier) add(items []Item) (Added, error) {
	all, err := f.candidates(items)
	if err != nil {
		return Added{}, err
	}
	known := map[share]int{}
	fresh, added, err := f.sift(all, known)
	if err != nil || len(fresh) == 0 {
		return added, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return Added{}, f.broken
	}
	if err := f.insert(fresh, known); err != nil {
		return Added{}, err
	}
	f.dispatch()
	return added, nil
}

func (f *Frontier) candidates(items []Item) ([]candidate, error) {
	all := make([]candidate, len(items))
	sites := map[string]uint64{}
	for i, it := range items {
		id, ok := sites[it.Site]
		if !ok {
			id = siteID(it.Site)
			sites[it.Site] = id
		}
		it.NotBefore = fromMillis(millis(it.NotBefore))
		all[i] = candidate{item: it, site: id, fp: fingerprintOf(it.URL)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	for i := range all {
		j, err := f.jobNamed(all[i].item.Job)
		if err != nil {
			return nil, err
		}
		all[i].job = j
	}
	return all, nil
}

// sift returns those of all that are new and below the caps, and sets in known
// how many URLs there will be with them.
func (f *Frontier) sift(all []candidate, known map[share]int) ([]candidate, Added, error) {
	var added Added
	fresh := all[:0]
	type id struct {
		job uint32
		fp  fingerprint
	}
	inCall := make(map[id]bool, len(all))
	newOf := map[*job]int{}
	for _, c := range all {
		has, err := f.seen.has(c.job.id, c.fp)
		if err != nil {
			return nil, Added{}, err
		}
		if has || inCall[id{c.job.id, c.fp}] {
			added.Seen++
			continue
		}
		at := share{c.job, c.site}
		n, ok := known[at]
		if !ok {
			if n, _, err = get(f.db, knownKey(c.job.id, c.site), decodeCount); err != nil {
				return nil, Added{}, err
			}
			known[at] = n
		}
		// known of a job changes under adding only, so it may be read here.
		if n >= f.cfg.MaxPerSite || c.job.known+newOf[c.job] >= f.cfg.MaxPerJob {
			added.Capped++
			continue
		}
		known[at] = n + 1
		newOf[c.job]++
		inCall[id{c.job.id, c.fp}] = true
		added.New++
		fresh = append(fresh, c)
	}
	return fresh, added, nil
}

// insert writes the fresh candidates and takes them into memory.
func (f *Frontier) insert(fresh []candidate, known map[share]int) error {
	b := f.db.NewBatch()
	total := map[*job]int{}
	places, moves, err := f.stageFresh(b, fresh, known, total)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	for j, n := range total {
		j.known, j.folds = n, nil
	}
	return f.settle(places, moves)
}

func (f *Frontier) stageFresh(b *pebble.Batch, fresh []candidate, known map[share]int, total map[*job]int) ([]place, []move, error) {
	now := f.now()
	seq, err := f.takeSeqs(b, len(fresh))
	places := make([]place, len(fresh))
	var val []byte
	for i, c := range fresh {
		key := queueKey(&c.item, c.site, c.job.id, seq+uint64(i), now)
		places[i] = place{key: key, item: c.item, job: c.job, site: c.site}
		val = appendItem(val[:0], &c.item)
		err = errors.Join(err, b.Set([]byte(key), val, nil), f.seen.add(b, c.job.id, c.fp))
		if _, ok := total[c.job]; !ok {
			total[c.job] = c.job.known
		}
		total[c.job]++
	}
	for at, n := range known {
		err = errors.Join(err, b.Set(knownKey(at.job.id, at.site), encodeCount(n), nil))
	}
	for j, n := range total {
		err = errors.Join(err, f.stageJob(b, j, n))
	}
	moves, wakeErr := f.stageWakes(b, places, now)
	if err := errors.Join(err, wakeErr); err != nil {
		return nil, nil, fmt.Errorf("stage items: %w", err)
	}
	return places, moves, nil
}

// takeSeqs returns the first of n numbers for new queue keys and stages that they
// are used. The caller holds mu.
func (f *Frontier) takeSeqs(b *pebble.Batch, n int) (uint64, error) {
	first := f.nextSeq
	f.nextSeq += uint64(n)
	return first, b.Set([]byte(keySeq), binary.BigEndian.AppendUint64(nil, f.nextSeq), nil)
}
