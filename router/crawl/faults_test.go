package crawl_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/store"
)

var storeAll = store.JobQuery{}

// fillDisk makes shards impossible to write until the returned function is
// called.
func (w *world) fillDisk() (free func()) {
	w.t.Helper()
	inTheWay := filepath.Join(w.dir, "datasets")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(inTheWay); err != nil {
			w.t.Error(err)
		}
	}
}

// A shard that cannot be written holds the crawl at its memory bound, says so,
// and loses nothing once there is room again.
func TestShardCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := small(60)
	w.site("small.fallow.test", s)
	w.cfg.ShardRows, w.cfg.Drain = 5, 200*time.Millisecond
	free := w.fillDisk()
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}})
	w.await(id, "to say why it waits", func(p crawl.Progress) bool { return strings.Contains(p.Waiting, "shard cannot be written") })
	time.Sleep(200 * time.Millisecond)
	if p := w.progress(id); p.Tally.Records > 4*5 {
		t.Errorf("%d records in memory, the bound is two groups of two shards", p.Tally.Records)
	}
	// Stopping on a full disk ends in time and says what is wrong.
	if err := w.stop(); err == nil || !strings.Contains(err.Error(), "write shard") {
		t.Errorf("stop: %v", err)
	}
	free()
	w.start()
	checkWhole(t, w, s, w.finish(id))
}

// A commit cut short by the stop is taken up by the last one, whole: its
// records and its digests.
func TestCommitTakenUpAtClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.ShardAge, w.cfg.Drain = 10*time.Millisecond, 1200*time.Millisecond
	w.site("many.fallow.test", manyLinks(30))
	free := w.fillDisk()
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "all pages", func(p crawl.Progress) bool {
		return p.Tally.Pages == 31 && strings.Contains(p.Waiting, "shard cannot be written")
	})
	time.AfterFunc(1100*time.Millisecond, free) // just before the drain ends and the commit is cut short
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.fleet.set() // whatever was not committed now will not come again
	w.start()
	p := w.await(id, "done", func(p crawl.Progress) bool { return p.Job.State.Final() || p.Queued > 0 })
	if p.Tally.Records != 31 || p.Queued > 0 {
		t.Errorf("%d records after the restart, %d addresses queued", p.Tally.Records, p.Queued)
	}
	w.finish(id)
}

// A publisher that fails is asked again; the job waits, says why, and is done
// in the end. A restart between does not publish twice.
func TestPublisherFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(5))
	var calls atomic.Int64
	w.hook = func(point string) error {
		if point == "published" && calls.Add(1) == 1 {
			return errors.New("the answer is lost")
		}
		return nil
	}
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	p := w.await(id, "to say why it waits", func(p crawl.Progress) bool { return strings.Contains(p.Waiting, "the answer is lost") })
	if p.Job.State != job.StateRunning || p.Result != nil {
		t.Fatalf("%s %+v", p.Job.State, p.Result)
	}
	w.restart()
	if p = w.finish(id); p.Result.Version != 1 || len(w.records(p)) != 6 {
		t.Errorf("result %+v", p.Result)
	}
}

// A job whose limit was spent when the router stopped is ended by the next run,
// though its queue is not empty.
func TestEndOfALimitedJobAfterRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(50))
	w.hook = func(point string) error {
		if point == "publish" {
			return errors.New("not now")
		}
		return nil
	}
	w.start()
	id := w.submit(job.Spec{MaxPages: 9, Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "to say why it waits", func(p crawl.Progress) bool { return strings.Contains(p.Waiting, "not now") })
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.hook = nil
	w.start()
	if p := w.finish(id); p.Tally.Pages != 9 || p.Job.State != job.StateDone {
		t.Errorf("%s with %d pages", p.Job.State, p.Tally.Pages)
	}
}

// A crash between the note of a job's new state and what follows from it: the
// next run goes by the note.
func TestStateOutlivesACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.site("many.fallow.test", manyLinks(40))
	w.cfg.Workers = 1
	crash := errors.New("crash")
	var at atomic.Value
	at.Store("")
	w.hook = func(point string) error {
		if point == at.Load() {
			return crash
		}
		return nil
	}
	w.start()
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "some pages", func(p crawl.Progress) bool { return p.Tally.Pages > 2 })
	at.Store("after paused")
	if err := w.crawler.Pause(t.Context(), id); !errors.Is(err, crash) {
		t.Fatalf("pause: %v", err)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	asked := len(site.Log())
	if asked > 38 {
		t.Fatalf("all pages are fetched already")
	}
	w.start()
	time.Sleep(100 * time.Millisecond)
	if now := len(site.Log()); now != asked {
		t.Errorf("%d requests for a paused job", now-asked)
	}
	if err := w.crawler.Resume(t.Context(), id); err != nil { // the frontier is paused and resumed, durably
		t.Fatal(err)
	}
	at.Store("")
	if err := w.crawler.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	at.Store("after running")
	if err := w.crawler.Resume(t.Context(), id); !errors.Is(err, crash) {
		t.Fatalf("resume: %v", err)
	}
	at.Store("")
	w.restart()
	if p := w.finish(id); p.Tally.Records != 41 {
		t.Errorf("%+v", p.Tally)
	}
}

// Without nodes nothing is asked and nothing is lost; a job for a country waits
// for a node there without keeping others from theirs.
func TestNoNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := w.site("many.fallow.test", manyLinks(10))
	nodes := w.fleet.nodes
	w.fleet.set()
	w.start()
	abroad := w.submit(job.Spec{Dataset: "abroad", Country: "FR", Seeds: []string{"https://many.fallow.test/"}})
	id := w.submit(job.Spec{Seeds: []string{"https://many.fallow.test/"}})
	w.await(id, "to say why it waits", func(p crawl.Progress) bool { return strings.Contains(p.Waiting, "no node is sharing") })
	if asked := len(site.Log()); asked > 0 {
		t.Errorf("%d requests without a node", asked)
	}
	w.fleet.set(nodes...)
	if p := w.finish(id); p.Tally.Records != 11 {
		t.Errorf("%+v", p.Tally)
	}
	w.await(abroad, "to say why it waits", func(p crawl.Progress) bool { return strings.Contains(p.Waiting, "none fits") })
	nodes[0].country = "FR"
	w.fleet.set(nodes...)
	if p := w.finish(abroad); p.Tally.Records != 11 {
		t.Errorf("%+v", p.Tally)
	}
}

// Texts in the open shards of all datasets together stay below their bound.
func TestMemoryBoundOverDatasets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(40))
	w.cfg.OpenBytes = 4_000 // some ten of these pages
	w.start()
	var ids []string
	for i := range 4 {
		ids = append(ids, w.submit(job.Spec{Dataset: fmt.Sprintf("d%d", i), Seeds: []string{"https://many.fallow.test/"}}))
	}
	for i, id := range ids {
		p := w.finish(id)
		if p.Tally.Records != 41 {
			t.Errorf("%+v", p.Tally)
		}
		if shards, err := w.crawler.Shards(fmt.Sprintf("d%d", i)); err != nil || len(shards) < 2 {
			t.Errorf("d%d has %d shards, want several: %v", i, len(shards), err)
		}
	}
}

// The duplicate index takes no more before a commit: one is made, whatever
// dataset holds the entries.
func TestDuplicateIndexFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("many.fallow.test", manyLinks(40))
	w.cfg.Dedupe.MaxStaged = 10
	w.start()
	first := w.submit(job.Spec{Dataset: "a", Seeds: []string{"https://many.fallow.test/"}})
	second := w.submit(job.Spec{Dataset: "b", Seeds: []string{"https://many.fallow.test/"}})
	if a, b := w.finish(first), w.finish(second); a.Tally.Records != 41 || b.Tally.Records != 41 {
		t.Errorf("%+v and %+v", a.Tally, b.Tally)
	}
}
