package crawl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// keep ends jobs that have nothing left to fetch, and clears up after those that
// were cancelled, until ctx ends.
func (c *Crawler) keep(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.wakeKeep:
		}
		for _, r := range c.runs() {
			if r.state() == job.StateQueued {
				c.tryStart(ctx, r)
			}
			if err := c.steer(r); err != nil {
				return err
			}
			c.measure(r)
			if c.finished(r) {
				c.tryEnd(ctx, r)
			}
		}
	}
}

// measure notes how far a job is; what it did before a pause says nothing.
func (c *Crawler) measure(r *run) {
	if r.state() != job.StateRunning {
		r.speed.reset()
		return
	}
	tally, _ := r.snapshot()
	r.speed.note(c.now(), tally.spent())
}

// tryStart marks a job running that Submit or New could not.
func (c *Crawler) tryStart(ctx context.Context, r *run) {
	if c.now().Before(r.retryEnd) {
		return
	}
	c.moving.Lock()
	defer c.moving.Unlock()
	if err := c.setRunning(ctx, r); err != nil && ctx.Err() == nil {
		c.log.Error("job not marked running, trying again", "job", r.job.ID, "error", err)
		r.retryEnd = c.now().Add(time.Second)
	}
}

// tryEnd ends a job, or says why it cannot and leaves it for a later look: every
// step can be repeated.
func (c *Crawler) tryEnd(ctx context.Context, r *run) {
	if c.now().Before(r.retryEnd) {
		return
	}
	err := c.end(ctx, r)
	if paused := r.state() == job.StatePaused; err != nil && !paused && ctx.Err() == nil {
		c.log.Error("job not ended, trying again", "job", r.job.ID, "error", err)
		r.wait("cannot be ended: " + err.Error())
		r.retryEnd = c.now().Add(endRetry)
	}
}

const endRetry = 10 * time.Second

func (c *Crawler) wakeKeeper() {
	select {
	case c.wakeKeep <- struct{}{}:
	default:
	}
}

// finished reports whether a job has nothing under way and will fetch nothing
// more. The frontier is asked first: an item leaves it, and what it led to
// enters it, before its fetch ends, so that whatever the frontier does not know
// of any more was gathered when the run is quiet.
func (c *Crawler) finished(r *run) bool {
	state := r.state() // before the rest: what starts under an earlier state is seen below
	counts := c.frontier.Counts(r.job.ID)
	closed, quiet := r.spent()
	if counts.InFlight > 0 || !quiet {
		return false
	}
	return state.Final() || state == job.StateRunning && (closed || counts.Queued == 0)
}

// end commits what is left, publishes, marks the job done and forgets it; of a
// cancelled job it only commits and forgets. Each step finds its work done
// already when a failure or a crash makes it run again.
func (c *Crawler) end(ctx context.Context, r *run) error {
	r.close()
	if err := c.steer(r); err != nil {
		return err
	}
	if err := c.commit(ctx, c.gathering(r.job.Dataset)); err != nil {
		return err
	}
	if !r.state().Final() {
		if err := c.publishVersion(ctx, r); err != nil {
			return err
		}
		if err := c.done(ctx, r); err != nil {
			return err
		}
	}
	return c.forget(r)
}

func (c *Crawler) done(ctx context.Context, r *run) error {
	c.moving.Lock()
	defer c.moving.Unlock()
	id := r.job.ID
	if err := c.db.SetJobState(ctx, id, job.StateRunning, job.StateDone, "", c.now()); err != nil {
		return fmt.Errorf("end job %s: %w", id, err)
	}
	r.setState(job.StateDone)
	tally, _ := r.snapshot()
	c.log.Info("job done", "job", id, "pages", tally.Pages, "records", tally.Records)
	return nil
}

// forget drops what a job that ended still had in the frontier. Nothing of it is
// under way, so nothing can come back after it.
func (c *Crawler) forget(r *run) error {
	id := r.job.ID
	c.fleet.Ended(id)
	if err := c.frontier.Drop(id); err != nil {
		return fmt.Errorf("drop the frontier of %s: %w", id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.jobs, id)
	return nil
}

func (c *Crawler) publishVersion(ctx context.Context, r *run) error {
	published, err := c.publishDataset(ctx, r.job.Dataset, r.job.Purpose)
	if errors.Is(err, ErrNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	b := c.state.NewBatch()
	defer func() { _ = b.Close() }()
	if err := setJSON(b, resultKey(r.job.ID), published); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("note the version of job %s: %w", r.job.ID, err)
	}
	return nil
}

// ErrNothing says that a dataset has no record to publish.
var ErrNothing = errors.New("nothing to publish: no record was committed yet")

// Publish commits what was gathered for a dataset and makes its next version, or
// finds that the latest one holds just that. Jobs go on meanwhile. ErrNothing
// if there is no record yet.
func (c *Crawler) Publish(ctx context.Context, name string) (Published, error) {
	leave, err := c.enter()
	if err != nil {
		return Published{}, err
	}
	defer leave()
	for _, g := range c.allGathers() {
		if g.dataset != name {
			continue
		}
		if err := c.commit(ctx, g); err != nil {
			return Published{}, err
		}
	}
	return c.publishDataset(ctx, name, "")
}

// publishDataset makes a version of what is committed. Without a purpose it is
// that of the version before.
func (c *Crawler) publishDataset(ctx context.Context, name, purpose string) (Published, error) {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	entries, err := c.entries(name)
	if err != nil {
		return Published{}, err
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Shard != nil }) {
		return Published{}, ErrNothing
	}
	if err := c.settleClusters(ctx, name, entries); err != nil {
		return Published{}, err
	}
	total, err := c.storedTally(sumKey(name))
	if err != nil {
		return Published{}, err
	}
	published, err := c.publish.Publish(ctx, Publication{
		Dataset: name, Purpose: purpose, Entries: entries, Total: total, Carriage: c.carriage(name, entries),
	})
	if err != nil {
		return Published{}, fmt.Errorf("publish dataset %s: %w", name, err)
	}
	return published, nil
}
