package frontier

import (
	"container/list"
	"context"
	"errors"
	"time"
)

// Next blocks until an item is due and hands it out. Jobs share
// the starts by weight; the sites of a job come in the order in which they fell
// due, jobs of a site in turn, items of a job by priority, then insertion. Callers are served in the order of their calls. It ends with ctx's
// error, with ErrClosed, or with what went wrong on disk.
func (f *Frontier) Next(ctx context.Context) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	f.mu.Lock()
	if f.broken != nil {
		defer f.mu.Unlock()
		return Item{}, f.broken
	}
	w := f.waiters.join()
	f.dispatch()
	f.mu.Unlock()

	select {
	case got := <-w.got:
		return got.item, got.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case got := <-w.got: // it came meanwhile and must not be lost
		return got.item, got.err
	default:
		f.waiters.leave(w)
		return Item{}, ctx.Err()
	}
}

// dispatch serves waiting callers as far as items are due, and sets the timer for
// the rest. It is called, with mu held, after whatever may have made an item due.
func (f *Frontier) dispatch() {
	now := f.now()
	for f.broken == nil && f.waiters.any() {
		item, ok, err := f.take(now)
		if err != nil {
			_ = f.fail(err) // serves all waiters with it
			return
		}
		if !ok {
			break
		}
		f.waiters.serve(item)
	}
	f.arm(now)
}

// take starts the item that is to go at the time now, if any.
func (f *Frontier) take(now time.Time) (Item, bool, error) {
	if err := f.admit(now); err != nil {
		return Item{}, false, err
	}
	f.ripen(now)
	s, err := f.nextReady(now)
	if s == nil || err != nil {
		return Item{}, false, err
	}
	r, q, ok := s.take(now)
	if !ok {
		return Item{}, false, errors.New("frontier: a site is due without an item")
	}
	s.inFlight++
	s.starts++
	s.started = now
	s.due = now.Add(f.intervalOf(s))
	f.ready.started(q.job)
	if c := f.addresses.of(s.addr); c != nil {
		f.addresses.start(c, !s.promised.IsZero(), now)
		s.counted = append(s.counted, s.addr)
	}
	s.promised = time.Time{}
	q.job.inFlight++
	f.held[r.key] = &holding{job: q.job, state: inFlight}
	if err := f.schedule(s); err != nil {
		return Item{}, false, err
	}
	r.val.key = r.key
	return r.val, true, nil
}

// nextReady is the ready site that is to start something, nil if there is none.
// A site whose address is busy gets a later time.
func (f *Frontier) nextReady(now time.Time) (*site, error) {
	for {
		s := f.ready.next()
		if s == nil {
			return nil, nil
		}
		c := f.addresses.of(s.addr)
		if c == nil {
			return s, nil
		}
		again, ok := f.addresses.ask(c, s.promised, now)
		if ok {
			return s, nil
		}
		s.promised = again
		s.due = later(s.due, again)
		if err := f.schedule(s); err != nil {
			return nil, err
		}
	}
}

// arm sets the timer to the time when the next site falls due, if somebody waits.
func (f *Frontier) arm(now time.Time) {
	var at time.Time
	if f.waiters.any() {
		at = f.nextWake(now)
	}
	if at.IsZero() {
		if f.timer != nil {
			f.timer.Stop()
		}
		return
	}
	// A clock that lags behind the timer must not make it spin.
	wait := max(at.Sub(now), time.Millisecond)
	if f.timer != nil {
		f.timer.Reset(wait)
		return
	}
	f.timer = time.AfterFunc(wait, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.broken == nil {
			f.dispatch()
		}
	})
}

// nextWake is when the next site falls due that could start something, zero if
// that takes another call first.
func (f *Frontier) nextWake(now time.Time) time.Time {
	var at time.Time
	if f.ready.n > 0 {
		return now
	}
	if len(f.due) > 0 {
		at = f.due[0].wake
	}
	f.parkedDue(now) // reads ahead
	room := len(f.active) < f.cfg.MaxActiveSites || f.idle.oldest() != nil
	if room && len(f.parked.rows) > 0 {
		if wake, _ := wakeOf(f.parked.rows[0].key); at.IsZero() || wake.Before(at) {
			at = wake
		}
	}
	return at
}

// waiterList holds the callers of Next that wait, in the order of their calls.
type waiterList struct{ l list.List }

type waiter struct {
	got chan result // buffered: serving never blocks
	at  *list.Element
}

type result struct {
	item Item
	err  error
}

func (l *waiterList) any() bool { return l.l.Len() > 0 }

func (l *waiterList) join() *waiter {
	w := &waiter{got: make(chan result, 1)}
	w.at = l.l.PushBack(w)
	return w
}

func (l *waiterList) leave(w *waiter) { l.l.Remove(w.at) }

func (l *waiterList) serve(item Item) {
	l.l.Remove(l.l.Front()).(*waiter).got <- result{item: item}
}

func (l *waiterList) fail(err error) {
	for l.any() {
		l.l.Remove(l.l.Front()).(*waiter).got <- result{err: err}
	}
}
