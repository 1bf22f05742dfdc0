package crawl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
)

// Publication is what a version is made of.
type Publication struct {
	Dataset string
	Purpose string // empty: that of the version before
	Entries []Entry
	Total   Tally // over all jobs of the dataset
	// Carriage says through which nodes the records came; for Publish alone.
	Carriage Carriage
}

// Published is a version that exists.
type Published struct {
	Dir     string `json:"dir"`
	Version int    `json:"version"`
	Shards  int    `json:"shards"`
	Rows    int64  `json:"rows"`
	Root    string `json:"root"` // hex
}

// Progress is how a job stands.
type Progress struct {
	Job      job.Job
	Tally    Tally // up to now, what is not committed included
	Known    int   // addresses found so far
	Queued   int
	InFlight int
	Estimate *Estimate  // while it is running
	Waiting  string     // why nothing moves; empty when it does
	Result   *Published // once done, if there was anything to publish
}

// Errors of the calls on jobs; job.ErrInvalid and the DB's own come too.
var (
	// ErrState says that a job cannot go from the state it is in to the one
	// asked for.
	ErrState = errors.New("job is not in a state for that")
)

// Submit accepts a job and starts it. When it returns, the job survives a
// crash.
func (c *Crawler) Submit(ctx context.Context, spec job.Spec) (job.Job, error) {
	j, err := job.New(spec, c.cfg.Jobs, c.now())
	if err != nil {
		return job.Job{}, err
	}
	if err := c.checkCollector(j.Options.Collector); err != nil {
		return job.Job{}, err
	}
	for _, seed := range j.Seeds {
		a, err := dedupe.Canonical(seed)
		if err != nil {
			return job.Job{}, fmt.Errorf("%w: seed %q: %w", job.ErrInvalid, short(seed), err)
		}
		if !c.mayAsk(a) {
			return job.Job{}, fmt.Errorf("%w: seed %q: only host names and ports 80 and 443 can be crawled", job.ErrInvalid, short(seed))
		}
	}
	leave, err := c.enter()
	if err != nil {
		return job.Job{}, err
	}
	defer leave()
	c.moving.Lock() // nobody may move the job before it has begun
	defer c.moving.Unlock()
	if len(c.runs()) >= c.cfg.Frontier.MaxJobs {
		return job.Job{}, fmt.Errorf("accept a job beside %d others: %w", c.cfg.Frontier.MaxJobs, frontier.ErrTooManyJobs)
	}
	if err := c.db.CreateJob(ctx, j); err != nil {
		return job.Job{}, fmt.Errorf("store job: %w", err)
	}
	// From here on the job exists; a caller that hangs up must not leave it half
	// begun.
	return j, c.begin(context.WithoutCancel(ctx), j)
}

func short(s string) string { return s[:min(len(s), 120)] }

// begin puts a job's seeds in the frontier and marks it running. Both steps can
// be repeated after a crash.
func (c *Crawler) begin(ctx context.Context, j job.Job) error {
	tally, err := c.storedTally(tallyKey(j.ID))
	if err != nil {
		return err
	}
	r := newRun(j, tally, c.now, c.cfg.Traps)
	if err := c.frontier.Limit(j.ID, r.terms()); err != nil {
		return fmt.Errorf("set the terms of %s: %w", j.ID, err)
	}
	// A crash may have come between a job's state and what the frontier was told.
	r.held = r.wants() // the wrong way round, so that steer does tell it
	if err := c.steer(r); err != nil {
		return err
	}
	c.mu.Lock()
	c.jobs[j.ID] = r
	c.mu.Unlock()
	var items []frontier.Item
	for _, seed := range j.Seeds {
		if a, err := dedupe.Canonical(seed); err == nil {
			items = append(items, newItem(j.ID, upgrade(a), seedPriority))
		}
	}
	if _, err := c.frontier.Add(items); err != nil {
		return fmt.Errorf("queue the seeds of %s: %w", j.ID, err)
	}
	if j.Options.Recrawl && j.State == job.StateQueued {
		if err := c.takeUp(r); err != nil {
			return err
		}
	}
	if j.State != job.StateQueued {
		return nil
	}
	if err := c.setRunning(ctx, r); err != nil {
		// The job is stored and its seeds are queued: it is accepted, and keep tries again.
		c.log.Error("job not marked running, trying again", "job", j.ID, "error", err)
	}
	return nil
}

// setRunning marks a queued job running. The caller holds moving, or is New.
func (c *Crawler) setRunning(ctx context.Context, r *run) error {
	if r.state() != job.StateQueued {
		return nil
	}
	if err := c.db.SetJobState(ctx, r.job.ID, job.StateQueued, job.StateRunning, "", c.now()); err != nil {
		return fmt.Errorf("start job %s: %w", r.job.ID, err)
	}
	r.setState(job.StateRunning)
	c.wakeKeeper() // all may have been fetched meanwhile
	c.log.Info("job started", "job", r.job.ID, "dataset", r.job.Dataset, "seeds", len(r.job.Seeds), "max_pages", r.job.MaxPages)
	return nil
}

// resumeJobs takes up what an earlier run left, and drops what jobs that ended
// left in the frontier when a crash came between the two.
func (c *Crawler) resumeJobs() error {
	ctx := context.Background()
	open, err := c.db.OpenJobs(ctx)
	if err != nil {
		return fmt.Errorf("list jobs: %w", err)
	}
	for _, j := range open {
		if err := c.begin(ctx, j); err != nil {
			return err
		}
	}
	for _, id := range c.frontier.Jobs() {
		if c.run(id) != nil {
			continue
		}
		if err := c.frontier.Drop(id); err != nil {
			return fmt.Errorf("drop the frontier of %s: %w", id, err)
		}
	}
	return nil
}

// Pause stops a running job. Fetches under way finish.
func (c *Crawler) Pause(ctx context.Context, id string) error {
	return c.move(ctx, id, job.StatePaused, "paused by the operator")
}

// Resume lets a paused job go on.
func (c *Crawler) Resume(ctx context.Context, id string) error {
	return c.move(ctx, id, job.StateRunning, "")
}

// Cancel ends a job. Fetches under way finish; what was gathered stays in its
// dataset. The rest is cleared up when the last of them has ended.
func (c *Crawler) Cancel(ctx context.Context, id string) error {
	defer c.wakeKeeper()
	return c.move(ctx, id, job.StateCancelled, "cancelled by the operator")
}

func (c *Crawler) move(ctx context.Context, id string, to job.State, reason string) error {
	leave, err := c.enter()
	if err != nil {
		return err
	}
	defer leave()
	c.moving.Lock()
	defer c.moving.Unlock()
	j, err := c.db.Job(ctx, id)
	if err != nil {
		return err
	}
	if !job.CanMove(j.State, to) {
		return fmt.Errorf("%w: %s is %s", ErrState, id, j.State)
	}
	if err := c.db.SetJobState(ctx, id, j.State, to, reason, c.now()); err != nil {
		return err
	}
	r := c.run(id)
	if r == nil {
		return nil
	}
	r.setState(to)
	return c.steer(r)
}

// Progress is how one job stands.
func (c *Crawler) Progress(ctx context.Context, id string) (Progress, error) {
	leave, err := c.enter()
	if err != nil {
		return Progress{}, err
	}
	defer leave()
	j, err := c.db.Job(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Job: j}
	counts := c.frontier.Counts(id)
	p.Known, p.Queued, p.InFlight = counts.Known, counts.Queued, counts.InFlight
	if r := c.run(id); r != nil {
		p.Tally, p.Waiting = r.snapshot()
		if j.State == job.StateRunning {
			if !c.fleet.Ready() {
				p.Waiting = noNode
			}
			spent := p.Tally.spent()
			e := estimate(r.speed.rate(c.now(), spent), int64(p.Queued+p.InFlight), spent, j.MaxPages)
			p.Estimate = &e
		}
	} else if p.Tally, err = c.storedTally(tallyKey(id)); err != nil {
		return Progress{}, err
	}
	var result Published
	found, err := c.getJSON(resultKey(id), &result)
	if found {
		p.Result = &result
	}
	return p, err
}

func (c *Crawler) run(id string) *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs[id]
}

func (c *Crawler) runs() []*run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.jobs))
}

// Shards are the committed shards of a dataset, oldest first.
func (c *Crawler) Shards(name string) ([]dataset.Shard, error) {
	leave, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	entries, err := c.entries(name)
	var shards []dataset.Shard
	for _, e := range entries {
		if e.Shard != nil {
			shards = append(shards, *e.Shard)
		}
	}
	return shards, err
}
