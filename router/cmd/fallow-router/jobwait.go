package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// Times of a wait.
const (
	pollEvery  = 500 * time.Millisecond
	plainEvery = 5 * time.Second // between lines where there is no terminal
	patience   = time.Minute     // for a router that restarts
)

// errLeft says that somebody stopped waiting for a job.
var errLeft = errors.New("stopped waiting")

// errJobEnded says that a job ended otherwise than done.
var errJobEnded = errors.New("job did not finish")

// outcome is what --wait --json answers.
type outcome struct {
	ID    string `json:"id"`
	State string `json:"state"`
	// Reason is why the job failed or was cancelled.
	Reason string `json:"reason,omitempty"`
	api.Counts
	Seconds float64        `json:"seconds"` // from its creation to its end
	Dataset *api.JobResult `json:"dataset,omitempty"`
}

// wait stays until the job has ended. Ctrl-C ends the wait and not the job.
func (t *target) wait(cmd *cobra.Command, s screen, id string) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	progress := newProgress(newScreen(cmd.ErrOrStderr()))
	j, err := t.follow(ctx, id, progress.show)
	progress.end()
	if errors.Is(err, context.Canceled) {
		if t.json {
			if err := writeJSON(s.out, api.JobID{ID: id}); err != nil {
				return err
			}
		}
		return fmt.Errorf("%w: job %s goes on; follow it with: fallow-router job show %s%s", errLeft, id, id, t.again())
	}
	if err != nil {
		return fmt.Errorf("wait for job %s: %w", id, err)
	}
	if err := t.report(s, j); err != nil {
		return err
	}
	if j.State != string(job.StateDone) {
		return fmt.Errorf("%w: %s is %s: %s", errJobEnded, j.ID, j.State, orDash(j.Reason))
	}
	return nil
}

func (t *target) report(s screen, j api.Job) error {
	if t.json {
		o := outcome{ID: j.ID, State: j.State, Reason: j.Reason, Counts: j.Counts, Dataset: j.Result}
		if j.Finished != nil {
			o.Seconds = j.Finished.Sub(j.Created).Seconds()
		}
		return writeJSON(s.out, o)
	}
	s.printf("job %s is %s\n", visible(j.ID), visible(j.State))
	showCounts(s, j.Counts)
	showResult(s, j)
	return nil
}

// follow asks until the job is final. A router that is away for a while, which
// may come back on another port, is waited for.
func (t *target) follow(ctx context.Context, id string, show func(api.Job)) (api.Job, error) {
	heard := time.Now()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		j, err := t.look(ctx, id)
		switch {
		case ctx.Err() != nil:
			return api.Job{}, ctx.Err()
		case err == nil && j.Final():
			return j, nil
		case err == nil:
			heard = time.Now()
			show(j)
		case !errors.Is(err, api.ErrUnreachable) || time.Since(heard) > patience:
			return api.Job{}, err
		}
		select {
		case <-ctx.Done():
			return api.Job{}, ctx.Err()
		case <-tick.C:
		}
	}
}

func (t *target) look(ctx context.Context, id string) (api.Job, error) {
	c, err := t.client()
	if err != nil {
		return api.Job{}, err
	}
	return c.Job(ctx, id)
}

// progress writes one line that renews itself on a terminal, and plain lines
// now and then elsewhere.
type progress struct {
	s    screen
	last string
	at   time.Time
}

func newProgress(s screen) *progress { return &progress{s: s} }

func (p *progress) show(j api.Job) {
	c := j.Counts
	line := fmt.Sprintf("%s: %d pages, %d records, %d duplicates, %d failed, %s; %d queued, %d in flight",
		j.State, c.Pages, c.Records, c.Duplicates.Exact+c.Duplicates.Near, sum(c.Failed), bytesText(c.Bytes), j.Queued, j.InFlight)
	if j.Estimate != nil && j.Estimate.Seconds > 0 {
		line += "; " + j.Estimate.Note
	}
	if j.Waiting != "" {
		line += "; waiting: " + j.Waiting
	}
	p.say(line)
}

// say renews the line on a terminal, and elsewhere writes it now and then.
func (p *progress) say(line string) {
	line = visible(line)
	switch {
	case p.s.terminal:
		p.s.printf("\r\x1b[K%s", line)
		p.last = line
	case line != p.last && time.Since(p.at) >= plainEvery:
		p.s.printf("%s\n", line)
		p.last, p.at = line, time.Now()
	}
}

// end leaves the renewed line behind.
func (p *progress) end() {
	if p.s.terminal && p.last != "" {
		p.s.printf("\n")
	}
}
