package frontier

import (
	"container/heap"
	"container/list"
	"net/netip"
	"slices"
	"time"
)

// site is an active site; Frontier.mu guards it.
type site struct {
	id       uint64
	name     string
	wakeKey  string        // its fw row
	started  time.Time     // latest start
	due      time.Time     // politeness: no start before
	interval time.Duration // crawl-delay; 0 if the site stated none
	slow     float64       // by what the interval is stretched: adaptive back-off; 0 and 1 are not at all
	addr     netip.Addr    // last fetched from; zero if not known
	promised time.Time     // start set aside for it on its address
	counted  []netip.Addr  // of the flights, one each: whose clocks they are counted on

	queues   []*queue // one a job with items here, in turn
	turn     int      // index of the queue to look at first
	inFlight int
	starts   int // since it became active

	wake  time.Time // when it can start something; order of the heap
	at    int       // index in the heap, -1 if not in it
	idles *list.Element

	readyFor *job // in the list of ready sites of this job
	readyAt  *list.Element
}

// queue is what one job has on one active site.
type queue struct {
	job     *job
	ready   window[Item] // by priority
	delayed window[Item] // by NotBefore
}

func (s *site) queueOf(j *job) *queue {
	for _, q := range s.queues {
		if q.job == j {
			return q
		}
	}
	return nil
}

// window is the part of q where the item with this key belongs.
func (q *queue) window(key string) *window[Item] {
	if key[queueClassAt] == classDelayed {
		return &q.delayed
	}
	return &q.ready
}

// earliest is when q can hand out something: the zero time is at once.
func (q *queue) earliest() (at time.Time, ok bool) {
	switch {
	case q.job.paused:
		return time.Time{}, false
	case len(q.ready.rows) > 0:
		return time.Time{}, true
	case len(q.delayed.rows) > 0:
		return q.delayed.rows[0].val.NotBefore, true
	}
	return time.Time{}, false
}

// take pops the item of q that is to go at the time now. An item whose wait is
// over goes before those of its priority that never waited.
func (q *queue) take(now time.Time) (row[Item], bool) {
	if q.job.paused {
		return row[Item]{}, false
	}
	ready, delayed := q.ready.rows, q.delayed.rows
	if len(delayed) > 0 && !delayed[0].val.NotBefore.After(now) &&
		(len(ready) == 0 || delayed[0].val.Priority <= ready[0].val.Priority) {
		return q.delayed.pop(), true
	}
	if len(ready) > 0 {
		return q.ready.pop(), true
	}
	return row[Item]{}, false
}

// earliest is when any queue of s can hand out something.
func (s *site) earliest() (at time.Time, ok bool) {
	for _, q := range s.queues {
		if t, some := q.earliest(); some && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

func (s *site) anyPaused() bool {
	return slices.ContainsFunc(s.queues, func(q *queue) bool { return q.job.paused })
}

// take pops the next item of s at the time now, from its queues in turn.
func (s *site) take(now time.Time) (row[Item], *queue, bool) {
	for i := range s.queues {
		q := s.queues[(s.turn+i)%len(s.queues)]
		if r, ok := q.take(now); ok {
			s.turn = (s.turn + i + 1) % len(s.queues)
			return r, q, true
		}
	}
	return row[Item]{}, nil, false
}

// siteHeap orders sites by wake.
type siteHeap []*site

func (h siteHeap) Len() int           { return len(h) }
func (h siteHeap) Less(i, k int) bool { return h[i].wake.Before(h[k].wake) }
func (h siteHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].at, h[k].at = i, k
}

// Push implements heap.Interface.
func (h *siteHeap) Push(x any) {
	s := x.(*site)
	s.at = len(*h)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *siteHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.at = -1
	return s
}

// put adds s or moves it to where its wake belongs.
func (h *siteHeap) put(s *site) {
	if s.at < 0 {
		heap.Push(h, s)
		return
	}
	heap.Fix(h, s.at)
}

func (h *siteHeap) remove(s *site) {
	if s.at >= 0 {
		heap.Remove(h, s.at)
	}
}

// siteList holds the idle sites, the longest idle first.
type siteList struct{ l list.List }

func (l *siteList) put(s *site) {
	if s.idles == nil {
		s.idles = l.l.PushBack(s)
	}
}

func (l *siteList) remove(s *site) {
	if s.idles != nil {
		l.l.Remove(s.idles)
		s.idles = nil
	}
}

func (l *siteList) oldest() *site {
	if e := l.l.Front(); e != nil {
		return e.Value.(*site)
	}
	return nil
}
