package frontier

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// dropStep is how many sites one batch of Drop clears.
const dropStep = 256

// Drop forgets a job: queue, seen set and counts. Its items still held can be
// released and finished without effect on others. It deletes in bounded steps
// and lets other calls in between; a Drop cut short by a crash is completed by
// Open. An unknown job is no error.
func (f *Frontier) Drop(job string) error {
	j, err := f.unlist(job)
	if err != nil || j == nil {
		return err
	}
	if err := f.erase(j); err != nil {
		return fmt.Errorf("drop job: %w", err)
	}
	return nil
}

// unlist takes the job out of memory, so that nothing can add to it and a job of
// that name starts afresh. It takes adding because an Add in progress relies on
// its jobs.
func (f *Frontier) unlist(name string) (*job, error) {
	f.adding.Lock()
	defer f.adding.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	j := f.jobs[name]
	if j == nil {
		return nil, nil
	}
	j.dropped = true
	if err := f.saveJob(j); err != nil {
		return nil, err
	}
	delete(f.jobs, name)
	delete(f.jobByID, j.id)
	f.seen.forget(j.id)
	for _, s := range f.active {
		q := s.queueOf(j)
		if q == nil {
			continue
		}
		s.queues = slices.DeleteFunc(s.queues, func(other *queue) bool { return other == q })
		if err := f.schedule(s); err != nil {
			return nil, err
		}
	}
	f.dispatch()
	return j, nil
}

// erase deletes the rows of a job that is out of memory, its fj row last.
func (f *Frontier) erase(j *job) error {
	next := []byte(prefixQueue)
	for next != nil {
		b := f.db.NewBatch()
		var err error
		if next, err = f.clearQueues(b, j, next); err != nil {
			return errors.Join(err, b.Close())
		}
		if err := errors.Join(b.Commit(pebble.NoSync), b.Close()); err != nil {
			return fmt.Errorf("delete queues: %w", err)
		}
	}
	b := f.db.NewBatch()
	known, done := rowKey(prefixKnown, j.id), rowKey(prefixDone, j.id)
	err := errors.Join(
		f.seen.drop(b, j.id),
		b.DeleteRange(known, after(known), nil),
		b.DeleteRange(done, after(done), nil),
		b.Delete(jobKey(j.id), nil))
	if err == nil {
		err = b.Commit(pebble.Sync)
	}
	if err := errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("delete job: %w", err)
	}
	return nil
}

// clearQueues stages the deletion of j's queues on the next sites from a queue key
// on, and returns the key to go on from, nil at the end.
func (f *Frontier) clearQueues(b *pebble.Batch, j *job, from []byte) (next []byte, err error) {
	it, err := f.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after([]byte(prefixQueue))})
	if err != nil {
		return nil, fmt.Errorf("look for queues: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	ok := it.First()
	for range dropStep {
		if !ok {
			return nil, nil
		}
		if len(it.Key()) != queueKeyLen {
			return nil, fmt.Errorf("row %x: %w", it.Key(), errCorrupt)
		}
		site := queueSite(string(it.Key()))
		prefix := queuePrefix(site, j.id)
		if it.SeekGE(prefix) && bytes.HasPrefix(it.Key(), prefix) {
			if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
				return nil, fmt.Errorf("stage deletion: %w", err)
			}
		}
		next = after(siteQueuePrefix(site))
		ok = it.SeekGE(next)
	}
	return next, nil
}
