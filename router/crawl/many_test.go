package crawl_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// A job that is one too many is refused before it is stored: half accepted, it
// would keep the router from starting.
func TestTooManyJobs(t *testing.T) {
	w := newWorld(t)
	w.cfg.Frontier.MaxJobs = 2
	w.fleet.set()
	w.start()
	for i := range 2 {
		w.submit(job.Spec{Seeds: []string{fmt.Sprintf("https://s%d.fallow.test/", i)}})
	}
	_, err := w.crawler.Submit(t.Context(), job.Spec{Dataset: "d", Purpose: "p", Seeds: []string{"https://more.fallow.test/"}})
	if !errors.Is(err, frontier.ErrTooManyJobs) {
		t.Errorf("one too many: %v", err)
	}
	w.restart()
}

// A disk that fails once while a job is marked running costs nothing.
func TestMarkedRunningLater(t *testing.T) {
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(5))
	var calls atomic.Int64
	w.hook = func(at string) error {
		if at == "before running" && calls.Add(1) == 1 {
			return errors.New("disk I/O error")
		}
		return nil
	}
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "to end", func(p crawl.Progress) bool { return p.Job.State.Final() })
}

// A fleet in which every node rests is asked now and then, not all the time.
func TestRestingFleetIsNotAskedInALoop(t *testing.T) {
	w := newWorld(t)
	w.site("a.fallow.test", manyLinks(3))
	var asked atomic.Int64
	w.fleet.refuse = func() error { asked.Add(1); return resting{} }
	w.start()
	w.submit(job.Spec{Seeds: []string{"https://a.fallow.test/"}})
	time.Sleep(1500 * time.Millisecond)
	if n := asked.Load(); n == 0 || n > 100 {
		t.Errorf("the fleet was asked %d times in 1.5 s", n)
	}
}

type resting struct{}

func (resting) Error() string   { return "all are resting" }
func (resting) Exhausted() bool { return true }
