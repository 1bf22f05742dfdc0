package crawl

import (
	"context"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// keep ends jobs that have nothing left to fetch, until ctx ends.
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
			if c.exhausted(r) {
				c.tryEnd(ctx, r)
			}
		}
	}
}

// tryEnd ends a job, or says why it cannot and leaves it for a later look: every
// step can be repeated.
func (c *Crawler) tryEnd(ctx context.Context, r *run) {
	if c.now().Before(r.retryEnd) {
		return
	}
	if err := c.end(ctx, r); err != nil && ctx.Err() == nil {
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

// exhausted reports whether a running job will fetch nothing more.
func (c *Crawler) exhausted(r *run) bool {
	closed, quiet := r.spent()
	if !quiet || r.state() != job.StateRunning {
		return false
	}
	counts := c.frontier.Counts(r.job.ID)
	return counts.InFlight == 0 && (closed || counts.Queued == 0)
}

// end commits what is left, publishes and marks the job done. Each step finds
// its work done already when a crash makes it run again.
func (c *Crawler) end(ctx context.Context, r *run) error {
	id, name := r.job.ID, r.job.Dataset
	r.close()
	if err := c.frontier.Pause(id); err != nil {
		return fmt.Errorf("end job %s: %w", id, err)
	}
	if err := c.commit(ctx, c.gathering(name)); err != nil {
		return err
	}
	if err := c.publishVersion(ctx, r); err != nil {
		return err
	}
	if err := c.db.SetJobState(ctx, id, job.StateRunning, job.StateDone, "", c.now()); err != nil {
		return fmt.Errorf("end job %s: %w", id, err)
	}
	r.setState(job.StateDone)
	tally, _ := r.snapshot()
	c.log.Info("job done", "job", id, "pages", tally.Pages, "records", tally.Records)
	return c.forget(ctx, id)
}

func (c *Crawler) publishVersion(ctx context.Context, r *run) error {
	entries, err := c.entries(r.job.Dataset)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	total, err := c.storedTally(sumKey(r.job.Dataset))
	if err != nil {
		return err
	}
	published, err := c.publish.Publish(ctx, Publication{
		Dataset: r.job.Dataset, Purpose: r.job.Purpose, Entries: entries, Total: total,
	})
	if err != nil {
		return fmt.Errorf("publish dataset %s: %w", r.job.Dataset, err)
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
