package frontier

import (
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// parkAfter is the wait beyond which a site leaves memory, and with that the
	// shortest hold-off that is certain to survive a restart.
	parkAfter = 5 * time.Second
	// recheckAfter is when a parked site is looked at again that has items on
	// disk but none to hand out: held ones, or those of a paused job.
	recheckAfter = 30 * time.Second
)

// schedule puts an active site where it belongs after any change to it: among the
// due, among the idle, or to disk. The caller holds mu.
func (f *Frontier) schedule(s *site) error {
	if err := f.refill(s); err != nil {
		return err
	}
	f.ready.remove(s)
	earliest, ok := s.earliest()
	if !ok || s.inFlight >= f.cfg.PerSite {
		f.due.remove(s)
		if s.inFlight == 0 {
			f.idle.put(s)
		}
		return nil
	}
	f.idle.remove(s)
	s.wake = later(s.due, earliest)
	if s.inFlight == 0 && f.shouldPark(s) {
		return f.park(s, f.lookAgain(s))
	}
	f.due.put(s)
	return nil
}

// lookAgain is when s is to be looked at if it is parked now: when it can start
// something, but soon if a paused job may resume meanwhile.
func (f *Frontier) lookAgain(s *site) time.Time {
	recheck := later(s.due, f.now().Add(recheckAfter))
	if s.wake.After(recheck) && s.anyPaused() {
		return recheck
	}
	return s.wake
}

func (f *Frontier) shouldPark(s *site) bool {
	now := f.now()
	if s.wake.Sub(now) > parkAfter {
		return true
	}
	return s.starts >= f.cfg.ReadAhead && len(f.active) >= f.cfg.MaxActiveSites && f.parkedDue(now)
}

// refill reads ahead for s and forgets queues that have ended.
func (f *Frontier) refill(s *site) error {
	for _, q := range s.queues {
		prefix := queuePrefix(s.id, q.job.id)
		for class, w := range []*window[Item]{&q.ready, &q.delayed} {
			if !w.starved() {
				continue
			}
			if err := f.readItems(w, append(prefix, byte(class)), s.name, q.job); err != nil {
				return f.fail(err)
			}
		}
	}
	s.queues = slices.DeleteFunc(s.queues, func(q *queue) bool {
		return q.ready.exhausted() && q.delayed.exhausted()
	})
	return nil
}

// readItems fills w with the rows under prefix that come after its bound and are
// not held.
func (f *Frontier) readItems(w *window[Item], prefix []byte, site string, j *job) error {
	return readAhead(f.db, w, prefix, func(key string, val []byte) (Item, bool, error) {
		if f.held[key] != nil {
			return Item{}, false, nil
		}
		it, err := decodeItem(val)
		it.Site, it.Job = site, j.name
		return it, true, err
	})
}

// readAhead fills the empty w with rows under prefix above its bound, less those
// that decode leaves out.
func readAhead[T any](db *pebble.DB, w *window[T], prefix []byte, decode func(key string, val []byte) (T, bool, error)) error {
	from := prefix
	if w.bound != "" {
		from = append([]byte(w.bound), 0)
	}
	w.more = false
	return scan(db, from, after(prefix), func(key, val []byte) (bool, error) {
		if len(w.rows) == w.limit {
			w.more = true
			return false, nil
		}
		k := string(key)
		v, wanted, err := decode(k, val)
		if err != nil {
			return false, fmt.Errorf("row %x: %w", key, err)
		}
		if wanted {
			w.rows = append(w.rows, row[T]{k, v})
		}
		w.bound = k
		return true, nil
	})
}

// intervalOf is the least time between two starts on s.
func (f *Frontier) intervalOf(s *site) time.Duration {
	own := max(s.interval, f.cfg.MinDelay)
	if s.slow <= 1 {
		return own
	}
	return min(time.Duration(s.slow*float64(own)), max(own, slowMost))
}

// A site in trouble is asked at twice its interval, and again twice, up to
// slowLimit times and slowMost; each fetch that goes well takes a fifth off.
const (
	slowLimit  = 32
	slowMost   = 2 * time.Minute
	slowFactor = 2
	easeFactor = 0.8
)

// judge takes in how a fetch went for its site.
func (s *site) judge(o Outcome) {
	switch o {
	case Trouble:
		s.slow = min(slowLimit, slowFactor*max(s.slow, 1))
	case Well:
		if s.slow *= easeFactor; s.slow <= 1 {
			s.slow = 0
		}
	case NoSign:
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
