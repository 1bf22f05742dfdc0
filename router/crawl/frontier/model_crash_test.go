package frontier_test

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

func (m *machine) reopen() {
	m.must(errors.Join(m.f.Close(), m.closeBatches(), m.db.Close()))
	m.open()
	m.check()
}

// crash loses some of what was not synced and lets the frontier say which state
// the model is in.
func (m *machine) crash() {
	after := m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: []int{0, 50, 100}[m.rng.IntN(3)],
		RNG:                 rand.New(rand.NewPCG(m.rng.Uint64(), 2)),
	})
	m.must(errors.Join(m.f.Close(), m.closeBatches(), m.db.Close()))
	m.fs = after
	possible := m.sinceNow
	m.open()
	found := m.read()
	for _, s := range possible {
		if s.equal(found) {
			m.state = found
			m.reopen()
			return
		}
	}
	m.t.Fatalf("after a crash: none of %d states since the last sync matches", len(possible))
}

// read takes everything out of the frontier to see what it holds. What it took
// is in flight, so that opening it again puts it back.
func (m *machine) read() modelState {
	found := modelState{}
	known := map[string]int{}
	for _, name := range modelJobs {
		c := m.f.Counts(name)
		if known[name] = c.Known; c.Known == 0 {
			continue // an empty job leaves no trace that matters
		}
		found.job(name)
	}
	for name := range found {
		m.must(m.f.Resume(name))
	}
	var all []frontier.Item
	for range 100 {
		for it, ok := m.tryNext(); ok; it, ok = m.tryNext() {
			all = append(all, it)
			m.must(m.f.Release(it, frontier.Release{}))
			m.pass(100 * time.Millisecond)
		}
		m.pass(time.Second)
	}
	for _, it := range all {
		urls := found.job(it.Job).urls
		if _, twice := urls[it.URL]; twice {
			m.t.Fatalf("after a crash: %s of %s is there twice", it.URL, it.Job)
		}
		urls[it.URL] = modelItem{attempts: it.Attempts}
	}
	// The rest of what a job knows is finished: take it from the last state and
	// see whether the seen set agrees.
	last := m.state
	for name, j := range found {
		for url, it := range last[name].urls {
			if _, ok := j.urls[url]; !ok && it.done {
				j.urls[url] = it
			}
		}
		if c := m.f.Counts(name); len(j.urls) != known[name] || c.Queued+c.Awaiting != len(j.urls)-c.Done {
			m.t.Fatalf("after a crash: job %s knows %d, counts %+v", name, len(j.urls), c)
		}
		j.paused = last[name].paused
		found[name] = j
		if j.paused {
			m.must(m.f.Pause(name))
		}
	}
	return found
}
