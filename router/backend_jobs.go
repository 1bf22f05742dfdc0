package router

import (
	"context"
	"errors"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/store"
)

// backendJobs fits the crawl to the API.
type backendJobs struct {
	crawler *crawl.Crawler
	store   *store.Store
	located bool // the router can tell where nodes are
}

var _ api.Jobs = backendJobs{}

func (b backendJobs) Submit(ctx context.Context, spec job.Spec) (string, error) {
	if spec.Country != "" && !b.located {
		// Accepted, it would wait for ever.
		return "", api.Invalid("country is %q: this router does not know where its nodes are; leave the country out, or start the router with --geoip FILE", spec.Country)
	}
	j, err := b.crawler.Submit(ctx, spec)
	return j.ID, forCaller(err)
}

func (b backendJobs) Job(ctx context.Context, id string) (api.Job, error) {
	p, err := b.crawler.Progress(ctx, id)
	if err != nil {
		return api.Job{}, forCaller(err)
	}
	return jobView(p), nil
}

func (b backendJobs) List(ctx context.Context, p api.Page) ([]api.Job, error) {
	listed, err := b.store.Jobs(ctx, store.JobQuery{Limit: p.Limit, After: p.After})
	if err != nil {
		return nil, forCaller(err)
	}
	views := make([]api.Job, 0, len(listed))
	for _, j := range listed {
		progress, err := b.crawler.Progress(ctx, j.ID)
		if err != nil {
			return nil, forCaller(err)
		}
		view := jobView(progress)
		view.Seeds, view.Counts.Nodes, view.Counts.CutSamples = nil, nil, nil
		views = append(views, view)
	}
	return views, nil
}

func (b backendJobs) Pause(ctx context.Context, id string) error {
	return forCaller(b.crawler.Pause(ctx, id))
}

func (b backendJobs) Resume(ctx context.Context, id string) error {
	return forCaller(b.crawler.Resume(ctx, id))
}

func (b backendJobs) Cancel(ctx context.Context, id string) error {
	return forCaller(b.crawler.Cancel(ctx, id))
}

// forCaller gives the errors a caller can act on their code.
func forCaller(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return api.NotFound("there is no such job; fallow-router job list shows what there is")
	case errors.Is(err, crawl.ErrState), errors.Is(err, store.ErrConflict):
		return api.Conflict("%v", err)
	case errors.Is(err, store.ErrFull):
		return api.Unavailable("%v", store.ErrFull)
	default:
		return err
	}
}

func jobView(p crawl.Progress) api.Job {
	view := api.Job{
		ID: p.Job.ID, Dataset: p.Job.Dataset, Purpose: p.Job.Purpose, Scope: string(p.Job.Scope),
		MaxPages: p.Job.MaxPages, Country: p.Job.Country, Seeds: p.Job.Seeds, KeepRaw: p.Job.KeepRaw, Redact: p.Job.Redact, Near: p.Job.Near,
		JobOptions: api.OptionsView(p.Job.Options),
		State:      string(p.Job.State), Reason: p.Job.Reason, Created: p.Job.Created, Updated: p.Job.Updated,
		Counts: countsView(p.Tally), Known: int64(p.Known), Queued: int64(p.Queued), InFlight: int64(p.InFlight),
		Waiting: p.Waiting,
	}
	if e := p.Estimate; e != nil {
		view.Estimate = &api.Estimate{
			PagesPerSecond: e.Rate, Remaining: e.Remaining, Seconds: e.Least.Seconds(), SecondsMost: e.Most.Seconds(), Note: e.String(),
		}
	}
	if !p.Job.Finished.IsZero() {
		view.Finished = &p.Job.Finished
	}
	if p.Result != nil {
		view.Result = &api.JobResult{
			Dir: p.Result.Dir, Version: p.Result.Version, Shards: p.Result.Shards, Rows: p.Result.Rows, Root: p.Result.Root,
		}
	}
	return view
}

func countsView(t crawl.Tally) api.Counts {
	return api.Counts{
		Pages: t.Pages, Records: t.Records, Duplicates: api.Duplicates{Exact: t.Exact, Near: t.Near},
		Skipped: orEmpty(t.Skipped), Forbidden: t.Forbidden, Failed: orEmpty(t.Failed), Bytes: t.Bytes, Nodes: t.Nodes,
		Unchanged: t.Skipped["unchanged"], Cut: t.Cut, CutSamples: t.CutSamples,
	}
}

// orEmpty makes a missing map an empty one, which JSON shows as {}.
func orEmpty(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}
