package frontier

import (
	"container/list"
	"math"
	"time"
)

// Jobs share the starts between them by weight, whatever the number of their
// sites: a job of one site is not made to wait behind one of ten thousand. Each
// start moves its job's clock on by one over its weight, and the job whose clock
// is furthest behind goes next. A job that had nothing to start comes in at the
// time of the others and has no arrears to catch up with.

// Weights of a job; the default is NormalWeight.
const (
	LowWeight    = 1
	NormalWeight = 4
	HighWeight   = 16
)

// readySites holds the sites that could start something now, by the job whose turn
// it is there.
type readySites struct {
	jobs  map[*job]*list.List // none is empty
	clock float64             // of the job that started last, when it did
	n     int
}

// put adds s under j.
func (r *readySites) put(s *site, j *job) {
	l := r.jobs[j]
	if l == nil {
		l = list.New()
		r.jobs[j] = l
		j.clock = max(j.clock, r.clock)
	}
	s.readyFor, s.readyAt = j, l.PushBack(s)
	r.n++
}

// remove takes s out, wherever it is.
func (r *readySites) remove(s *site) {
	if s.readyFor == nil {
		return
	}
	l := r.jobs[s.readyFor]
	l.Remove(s.readyAt)
	if l.Len() == 0 {
		delete(r.jobs, s.readyFor)
	}
	s.readyFor, s.readyAt = nil, nil
	r.n--
}

// next is the site that has waited longest of the job that is furthest behind.
func (r *readySites) next() *site {
	var first *job
	behind := math.Inf(1)
	for j := range r.jobs {
		if j.clock < behind || j.clock == behind && j.id < first.id {
			first, behind = j, j.clock
		}
	}
	if first == nil {
		return nil
	}
	return r.jobs[first].Front().Value.(*site)
}

// started moves the clock of j on by one start.
func (r *readySites) started(j *job) {
	r.clock = max(r.clock, j.clock)
	j.clock += 1 / max(j.weight, LowWeight)
}

// ripen moves the sites that have fallen due among the ready ones.
func (f *Frontier) ripen(now time.Time) {
	for len(f.due) > 0 && !f.due[0].wake.After(now) {
		s := f.due[0]
		f.due.remove(s)
		if q := s.nextQueue(now); q != nil {
			f.ready.put(s, q.job)
		} else {
			f.idle.put(s) // not reached: a site is due for the sake of a queue
		}
	}
}

// nextQueue is the queue of s that has the next start at the time now, by turn.
func (s *site) nextQueue(now time.Time) *queue {
	for i := range s.queues {
		q := s.queues[(s.turn+i)%len(s.queues)]
		if at, ok := q.earliest(); ok && !at.After(now) {
			return q
		}
	}
	return nil
}
