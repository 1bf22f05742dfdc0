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

// seenCost is what one more URL may cost the seen set in memory, in bytes.
const seenCost = 12

// Add queues those items whose URL the job has not seen, and marks them seen.
// Both happen in one batch, so that a URL is never seen without being queued, nor
// queued twice. Add is idempotent. An invalid item fails the call before anything
// is written. Add many items at once: up to 1,024 share one batch.
func (f *Frontier) Add(items []Item) (Added, error) { return f.AddIf(items, nil) }

// AddIf is Add of those new items that admit lets in; nil lets in all. The others
// are neither queued nor remembered, so they may come again. admit is called for
// one item after another and must not call the frontier; it may change Priority.
func (f *Frontier) AddIf(items []Item, admit func(*Item) bool) (Added, error) {
	for i := range items {
		if err := items[i].validate(); err != nil {
			return Added{}, err
		}
	}
	f.adding.Lock()
	defer f.adding.Unlock()
	var sum Added
	for step := range slices.Chunk(items, addStep) {
		added, err := f.add(step, admit)
		sum.New += added.New
		sum.Seen += added.Seen
		sum.Capped += added.Capped
		sum.Refused += added.Refused
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
	fp   uint64
}

// share is what one job has on one site, by the number of URLs ever added.
type share struct {
	job  *job
	site uint64
}

// add is Add in one batch. The seen set is asked before mu is taken: that is the
// slow part, and holding adding keeps it true.
func (f *Frontier) add(items []Item, admit func(*Item) bool) (Added, error) {
	all, err := f.candidates(items)
	if err != nil {
		return Added{}, err
	}
	known := map[share]int{}
	fresh, added, err := f.sift(all, known, admit)
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
func (f *Frontier) sift(all []candidate, known map[share]int, admit func(*Item) bool) ([]candidate, Added, error) {
	var added Added
	fresh := all[:0]
	type id struct {
		job uint32
		fp  uint64
	}
	inCall := make(map[id]bool)
	newOf := map[*job]int{}
	room := int(f.cfg.MaxSeenBytes/seenCost) - f.seen.known()
	for _, c := range all {
		table, err := f.seen.of(c.job.id, c.job.known)
		if err != nil {
			return nil, Added{}, err
		}
		if table.has(c.fp) || inCall[id{c.job.id, c.fp}] {
			added.Seen++
			continue
		}
		if admit != nil && !admit(&c.item) {
			added.Refused++
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
		if n >= c.job.siteMost(f.cfg.MaxPerSite) || c.job.known+newOf[c.job] >= f.cfg.MaxPerJob || len(fresh) >= room {
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
	prints := map[*job][]uint64{}
	for _, c := range fresh {
		prints[c.job] = append(prints[c.job], c.fp)
	}
	places, moves, err := f.stageFresh(b, fresh, known, total)
	for j, fps := range prints {
		err = errors.Join(err, f.seen.tables[j.id].stage(b, j.id, fps))
	}
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	for j, n := range total {
		j.known, j.folds = n, nil
		f.seen.tables[j.id].commit(prints[j])
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
		err = errors.Join(err, b.Set([]byte(key), val, nil))
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
