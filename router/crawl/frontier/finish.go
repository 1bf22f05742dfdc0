package frontier

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Removal is a Finish whose batch has not committed yet. Call one of its methods
// when the fate of the batch is known; calls after the first do nothing.
type Removal struct {
	f    *Frontier
	keys []string
	sums map[*job]*sum
	over bool
}

// sum is what a Removal counts for one job.
type sum struct {
	n   int
	key []byte // of its fd row
}

// Finish stages the durable removal of released items in the caller's commit
// batch b. Until b commits, a restart hands the items out again. After the
// commit call Committed on the Removal, or Rollback if it failed. Several
// Removals may be open at the same time. On an error nothing is held by a
// Removal, and b must not be committed.
func (f *Frontier) Finish(b *pebble.Batch, items ...Item) (*Removal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	r := &Removal{f: f, sums: map[*job]*sum{}}
	for i := range items {
		if err := r.add(b, &items[i]); err != nil {
			r.undo()
			return nil, err
		}
	}
	for j, s := range r.sums {
		s.key = doneKey(j.id, f.deltas)
		f.deltas++
		if err := b.Set(s.key, encodeCount(s.n), nil); err != nil {
			r.undo()
			return nil, fmt.Errorf("stage finished count: %w", err)
		}
	}
	return r, nil
}

func (r *Removal) add(b *pebble.Batch, item *Item) error {
	h := r.f.held[item.key]
	if h == nil || h.state != awaiting {
		return fmt.Errorf("finish item of %s: %w", item.Site, ErrNotHeld)
	}
	h.state = staged
	r.keys = append(r.keys, item.key)
	if h.job.dropped {
		return nil // its rows are gone
	}
	if r.sums[h.job] == nil {
		r.sums[h.job] = &sum{}
	}
	r.sums[h.job].n++
	if err := b.Delete([]byte(item.key), nil); err != nil {
		return fmt.Errorf("stage removal: %w", err)
	}
	return nil
}

func (r *Removal) undo() {
	for _, key := range r.keys {
		r.f.held[key].state = awaiting
	}
}

// Rollback tells the frontier that the batch will never commit. The items await
// their commit again: Finish them in another batch or Release them with Retry.
func (r *Removal) Rollback() {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if !r.over {
		r.over = true
		r.undo()
	}
}

// Committed tells the frontier that the batch committed. An error is about the
// frontier's own bookkeeping; the items are finished all the same.
func (r *Removal) Committed() error {
	f := r.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.over {
		return nil
	}
	r.over = true
	for _, key := range r.keys {
		f.held[key].job.awaiting--
		delete(f.held, key)
	}
	var err error
	for j, s := range r.sums {
		j.done += s.n
		j.folds = append(j.folds, s.key)
		switch {
		case j.dropped:
			err = errors.Join(err, f.discard(s.key))
		case len(j.folds) >= foldEvery:
			err = errors.Join(err, f.saveJob(j))
		}
	}
	return err
}

// discard deletes an fd row whose job was dropped while its Removal was open.
func (f *Frontier) discard(key []byte) error {
	b := f.db.NewBatch()
	if err := b.Delete(key, nil); err != nil {
		return errors.Join(err, b.Close())
	}
	return f.commit(b)
}
