package frontier

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// admitStep bounds one admit, and with it how long it keeps others waiting; the
// timer goes on with the rest.
const admitStep = 256

// admit makes parked sites active that fell due before every active one, as far
// as there is room. The caller holds mu.
func (f *Frontier) admit(now time.Time) error {
	for range admitStep {
		if !f.parkedDue(now) {
			break
		}
		wake, id := wakeOf(f.parked.rows[0].key)
		if f.ready.n == 0 && len(f.due) > 0 && !wake.Before(f.due[0].wake) {
			return nil
		}
		if len(f.active) >= f.cfg.MaxActiveSites {
			s := f.idle.oldest()
			if s == nil {
				return nil
			}
			if err := f.evict(s); err != nil {
				return err
			}
			continue
		}
		if err := f.activate(f.parked.pop().key, id); err != nil {
			return err
		}
	}
	return f.broken
}

// parkedDue reports whether the first parked site wants to be looked at by now.
func (f *Frontier) parkedDue(now time.Time) bool {
	if f.parked.starved() {
		err := readAhead(f.db, &f.parked, []byte(prefixWake), func(key string, _ []byte) (struct{}, bool, error) {
			if len(key) != wakeKeyLen {
				return struct{}{}, false, errCorrupt
			}
			_, id := wakeOf(key)
			return struct{}{}, f.active[id] == nil, nil
		})
		if err != nil {
			_ = f.fail(err) // admit and Next report it
			return false
		}
	}
	if len(f.parked.rows) == 0 {
		return false
	}
	wake, _ := wakeOf(f.parked.rows[0].key)
	return !wake.After(now)
}

// activate brings a parked site into memory.
func (f *Frontier) activate(wakeKey string, id uint64) error {
	row, found, err := get(f.db, siteKey(id), decodeSite)
	if err == nil && !found {
		err = fmt.Errorf("site of row %x: %w", wakeKey, errCorrupt)
	}
	if err != nil {
		return f.fail(err)
	}
	s := &site{id: id, name: row.name, wakeKey: wakeKey, interval: row.interval, slow: row.slow, addr: row.addr, at: -1}
	if c := f.addresses.of(s.addr); c != nil && len(c.sites) < PlatformSites {
		c.sites[id] = struct{}{}
	}
	// A site that waits for longer goes before one that came later.
	wake, _ := wakeOf(wakeKey)
	s.due = later(later(row.due, wake), f.opened.Add(f.intervalOf(s)))
	if s.queues, err = f.queuesOf(id); err != nil {
		return f.fail(err)
	}
	f.active[id] = s
	return f.schedule(s)
}

// queuesOf finds the jobs that have items on a site, by one seek each.
func (f *Frontier) queuesOf(id uint64) (queues []*queue, err error) {
	prefix := siteQueuePrefix(id)
	it, err := f.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, fmt.Errorf("look for queues: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; {
		key := string(it.Key())
		if len(key) != queueKeyLen {
			return nil, fmt.Errorf("row %x: %w", key, errCorrupt)
		}
		if j := f.jobByID[queueJob(key)]; j != nil {
			queues = append(queues, &queue{
				job:     j,
				ready:   unread[Item](f.cfg.ReadAhead),
				delayed: unread[Item](f.cfg.ReadAhead),
			})
		}
		ok = it.SeekGE(after(queuePrefix(id, queueJob(key))))
	}
	return queues, nil
}

// park moves an active site without flights to disk until wake.
func (f *Frontier) park(s *site, wake time.Time) error {
	if err := f.saveSite(s, wake); err != nil {
		return err
	}
	f.forget(s)
	f.parked.insert(s.wakeKey, struct{}{})
	return nil
}

// evict makes room by removing an idle site from memory, and from disk if nothing
// is left to remember of it.
func (f *Frontier) evict(s *site) error {
	prefix, left := siteQueuePrefix(s.id), false
	err := scan(f.db, prefix, after(prefix), func(_, _ []byte) (bool, error) {
		left = true
		return false, nil
	})
	if err != nil {
		return f.fail(err)
	}
	now := f.now()
	switch {
	case left:
		return f.park(s, later(s.due, now.Add(recheckAfter)))
	case s.due.After(now):
		return f.park(s, s.due)
	}
	b := f.db.NewBatch()
	err = errors.Join(b.Delete([]byte(s.wakeKey), nil), b.Delete(siteKey(s.id), nil))
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	f.forget(s)
	return nil
}

func (f *Frontier) forget(s *site) {
	f.due.remove(s)
	f.ready.remove(s)
	f.idle.remove(s)
	delete(f.active, s.id)
}

// saveSite writes the clock of an active site.
func (f *Frontier) saveSite(s *site, wake time.Time) error {
	b := f.db.NewBatch()
	row := siteRow{name: s.name, wake: wake, due: s.due, interval: s.interval, slow: s.slow, addr: s.addr}
	key, err := stageSite(b, s.id, s.wakeKey, &row)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	s.wakeKey = key
	return nil
}

// stageSite stages both rows of a site, given the key of its former fw row or "",
// and returns the key of the new one.
func stageSite(b *pebble.Batch, id uint64, oldWakeKey string, row *siteRow) (string, error) {
	key := wakeKey(row.wake, id)
	var err error
	if oldWakeKey != "" && oldWakeKey != key {
		err = b.Delete([]byte(oldWakeKey), nil)
	}
	err = errors.Join(err, b.Set([]byte(key), nil, nil), b.Set(siteKey(id), row.encode(), nil))
	if err != nil {
		return "", fmt.Errorf("stage site: %w", err)
	}
	return key, nil
}
