package dataset

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// maxCrew bounds how many cores one file is worked on by: each worker holds a
// page and what it compresses to.
const maxCrew = 16

// crew works on pieces of a file on all cores and reports how far it is.
type crew struct {
	workers []scratch

	mu       sync.Mutex
	progress func(done, total int64)
	done     int64
	total    int64
}

func newCrew(progress func(done, total int64)) *crew {
	return &crew{workers: make([]scratch, min(runtime.GOMAXPROCS(0), maxCrew)), progress: progress}
}

// each calls do for every number below n, each once, on all workers, and
// returns the first error; after one no new call is begun. A panic in do
// becomes the caller's.
func (c *crew) each(n int, do func(i int, s *scratch) error) error {
	var next atomic.Int64
	var failed error
	var panicked any
	var once sync.Once
	var wait sync.WaitGroup
	stop := func(err error, p any) {
		once.Do(func() { failed, panicked = err, p })
		next.Store(int64(n))
	}
	for w := range min(n, len(c.workers)) {
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					stop(nil, p)
				}
			}()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := do(int(i), &c.workers[w]); err != nil {
					stop(err, nil)
					return
				}
			}
		})
	}
	wait.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return failed
}

// add reports that more work is done.
func (c *crew) add(work int64) {
	if c.progress == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += work
	c.progress(min(c.done, c.total), c.total)
}
