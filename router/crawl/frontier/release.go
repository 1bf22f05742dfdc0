package frontier

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Release ends the flight of an item from Next. Without Retry the item awaits
// its commit (see Finish). With Retry it goes back to the queue; that is also
// allowed, without effect on the site's clock, for an item that already awaits
// its commit, if its record was lost.
func (f *Frontier) Release(item Item, r Release) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	h := f.held[item.key]
	if h == nil || h.state == staged || h.state == awaiting && !r.Retry {
		return fmt.Errorf("release item of %s: %w", item.Site, ErrNotHeld)
	}
	s := f.active[queueSite(item.key)] // nil only for one that awaits its commit
	landed := h.state == inFlight
	if landed {
		s.inFlight--
		h.job.inFlight--
		s.judge(r.Outcome)
		if !s.started.IsZero() {
			s.due = later(s.due, s.started.Add(f.intervalOf(s)))
		}
		s.due = later(s.due, f.now().Add(min(r.Delay, f.cfg.MaxDelay)))
		f.leaveAddress(s)
	} else {
		h.job.awaiting--
	}
	switch {
	case !r.Retry:
		h.state = awaiting
		h.job.awaiting++
	case h.job.dropped:
		delete(f.held, item.key)
	default:
		if err := f.retry(item, h.job, r); err != nil {
			return err
		}
	}
	if landed {
		if err := f.land(s, r.Delay); err != nil {
			return err
		}
	}
	f.dispatch()
	return nil
}

// leaveAddress takes a flight of s off the clock of the address it was counted on.
func (f *Frontier) leaveAddress(s *site) {
	if len(s.counted) == 0 {
		return
	}
	if c := f.addresses.of(s.counted[0]); c != nil {
		c.inFlight = max(0, c.inFlight-1)
	}
	s.counted = slices.Delete(s.counted, 0, 1)
}

// land schedules s after a flight, and writes down a long hold-off if s stays in
// memory; a site that is parked is written down anyway.
func (f *Frontier) land(s *site, delay time.Duration) error {
	if f.active[s.id] == s { // unless the retry parked it
		if err := f.schedule(s); err != nil {
			return err
		}
	}
	if delay > parkAfter && f.active[s.id] == s {
		return f.saveSite(s, s.due)
	}
	return nil
}

// retry moves a held item back to the queue, under a new key.
func (f *Frontier) retry(item Item, j *job, r Release) error {
	b := f.db.NewBatch()
	p := place{item: item, job: j, site: queueSite(item.key)}
	p.item.key = ""
	if !r.Blameless {
		p.item.Attempts++
	}
	p.item.NotBefore = fromMillis(millis(r.NotBefore))
	moves, err := f.stageRetry(b, item.key, &p)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	delete(f.held, item.key)
	return f.settle([]place{p}, moves)
}

func (f *Frontier) stageRetry(b *pebble.Batch, oldKey string, p *place) ([]move, error) {
	now := f.now()
	seq, err := f.takeSeqs(b, 1)
	p.key = queueKey(&p.item, p.site, p.job.id, seq, now)
	err = errors.Join(err,
		b.Delete([]byte(oldKey), nil),
		b.Set([]byte(p.key), appendItem(nil, &p.item), nil))
	moves, wakeErr := f.stageWakes(b, []place{*p}, now)
	if err := errors.Join(err, wakeErr); err != nil {
		return nil, fmt.Errorf("stage retry: %w", err)
	}
	return moves, nil
}

// Delay sets the least time between two starts on a site to d, at least
// Config.MinDelay and at most Config.MaxDelay: the site's crawl-delay. It holds
// until it is set again or the site has no items left. A site without items is
// left alone.
func (f *Frontier) Delay(site string, d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	d = min(max(d, 0), f.cfg.MaxDelay)
	id := siteID(site)
	if s := f.active[id]; s != nil {
		s.interval = d
		if !s.started.IsZero() {
			s.due = later(s.due, s.started.Add(f.intervalOf(s)))
		}
		if err := f.schedule(s); err != nil {
			return err
		}
		f.dispatch()
		return nil
	}
	row, found, err := get(f.db, siteKey(id), decodeSite)
	if err != nil || !found || row.interval == d {
		return err
	}
	row.interval = d
	b := f.db.NewBatch()
	if err := b.Set(siteKey(id), row.encode(), nil); err != nil {
		return errors.Join(err, b.Close())
	}
	return f.commit(b)
}
