package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// Jobs is what the API needs of the crawl.
type Jobs interface {
	// Submit accepts a job. When it returns, the job survives a crash.
	Submit(ctx context.Context, spec job.Spec) (id string, err error)
	// Job is one job with its seeds; NotFound if there is none of that id.
	Job(ctx context.Context, id string) (Job, error)
	// List is jobs without seeds, newest first; a key of the list is a job's
	// id. p.Limit is never above MaxPage+1.
	List(ctx context.Context, p Page) ([]Job, error)
	// Pause, Resume and Cancel answer NotFound, or Conflict when the job is in
	// no state for that.
	Pause(ctx context.Context, id string) error
	Resume(ctx context.Context, id string) error
	Cancel(ctx context.Context, id string) error
}

// NewJob is the body that asks for a job.
type NewJob struct {
	Dataset  string   `json:"dataset" doc:"Name of the dataset the records go to: a-z, 0-9 and -" example:"go-docs"`
	Purpose  string   `json:"purpose" doc:"What the data is for, in a sentence; home users and readers of the dataset see it"`
	Scope    string   `json:"scope,omitempty" enum:"list,prefix,host,site" doc:"Which found addresses are followed; host unless given"`
	MaxPages int64    `json:"max_pages,omitempty" minimum:"0" doc:"Fetches at most, seeds included; 10,000 unless given"`
	Country  string   `json:"country,omitempty" doc:"ISO 3166-1 alpha-2 code of the country the nodes should be in"`
	Seeds    []string `json:"seeds" nullable:"false" doc:"Absolute http(s) addresses to start from"`
	KeepRaw  bool     `json:"keep_raw,omitempty" doc:"Keep the answers as the sites sent them too, in files of their own (raw/): some twenty times the size of the text"`
	Redact   bool     `json:"redact,omitempty" doc:"Replace mail addresses, telephone numbers, IBANs and identity numbers in titles and texts by [email], [phone], [iban] and [id]; they are counted in any case. Not together with keep_raw"`
	Near     float64  `json:"near,omitempty" minimum:"0" maximum:"1" doc:"Similarity of word shingles from which a page is dropped as a near duplicate, 0.7 to 1; 0.8 unless given, 1 drops exact duplicates only"`
	JobOptions
}

// JobOptions are the finer wishes of a job.
type JobOptions struct {
	Include    []string `json:"include,omitempty" maxItems:"64" doc:"Patterns of found addresses to follow, in the spelling of robots.txt: /path or host/path from the start, * for anything, $ at the end. Seeds are fetched whatever they say"`
	Exclude    []string `json:"exclude,omitempty" maxItems:"64" doc:"Patterns of found addresses not to follow"`
	MaxDepth   int      `json:"max_depth,omitempty" minimum:"0" doc:"Links from a seed that are followed; the router's bound unless given"`
	MaxPerSite int64    `json:"max_per_site,omitempty" minimum:"0" doc:"Addresses of one site that are fetched; the router's bound unless given"`
	Priority   string   `json:"priority,omitempty" enum:"low,normal,high" doc:"Share of the starts beside other jobs: each step is four times the one below; normal unless given"`
	Sitemaps   string   `json:"sitemaps,omitempty" enum:"follow,off,only" doc:"Whether the sitemaps that robots.txt names are read: follow unless given; only follows nothing else"`
	Recrawl    bool     `json:"recrawl,omitempty" doc:"Take up the dataset's addresses that are due again, and ask sites only for what has changed"`
	Use        string   `json:"use,omitempty" enum:"training,other" doc:"What the dataset is for: training, unless given, leaves out pages whose sites refuse the training of models; other keeps them, marked"`
	Collector  string   `json:"collector,omitempty" maxLength:"63" doc:"Collector that reads fields out of pages; the records carry them"`
}

// options fits them to the crawl's.
func (o JobOptions) options() job.Options {
	out := job.Options{
		Include: o.Include, Exclude: o.Exclude, MaxDepth: o.MaxDepth, MaxPerSite: o.MaxPerSite,
		Priority: job.Priority(o.Priority), Sitemaps: job.Sitemaps(o.Sitemaps), Recrawl: o.Recrawl,
		Collector: o.Collector, Use: job.Use(o.Use),
	}
	if o.Use == "training" {
		out.Use = job.UseTraining
	}
	if o.Priority == "normal" {
		out.Priority = job.PriorityNormal
	}
	if o.Sitemaps == "follow" {
		out.Sitemaps = job.SitemapsFollow
	}
	return out
}

// OptionsView shows a job's options.
func OptionsView(o job.Options) JobOptions {
	return JobOptions{
		Include: o.Include, Exclude: o.Exclude, MaxDepth: o.MaxDepth, MaxPerSite: o.MaxPerSite,
		Priority: cmp.Or(string(o.Priority), "normal"), Sitemaps: cmp.Or(string(o.Sitemaps), "follow"), Recrawl: o.Recrawl,
		Collector: o.Collector, Use: cmp.Or(string(o.Use), "training"),
	}
}

// JobID names a job.
type JobID struct {
	ID string `json:"id" doc:"The job's id"`
}

// Job is one job and how it stands.
type Job struct {
	ID       string   `json:"id"`
	Dataset  string   `json:"dataset"`
	Purpose  string   `json:"purpose"`
	Scope    string   `json:"scope" enum:"list,prefix,host,site"`
	MaxPages int64    `json:"max_pages"`
	Country  string   `json:"country,omitempty" doc:"Wished-for country of the nodes"`
	Seeds    []string `json:"seeds,omitempty" doc:"Left out in lists"`
	KeepRaw  bool     `json:"keep_raw,omitempty" doc:"The answers are kept too"`
	Redact   bool     `json:"redact,omitempty" doc:"Personal data in titles and texts is replaced by its kind"`
	Near     float64  `json:"near" doc:"Similarity from which pages are near duplicates"`
	JobOptions
	State    string     `json:"state" enum:"queued,running,paused,cancelled,done,failed"`
	Reason   string     `json:"reason,omitempty" doc:"Why it is paused, failed or cancelled"`
	Created  time.Time  `json:"created"`
	Updated  time.Time  `json:"updated" doc:"Last change of state"`
	Finished *time.Time `json:"finished,omitempty"`

	Counts   Counts     `json:"counts"`
	Known    int64      `json:"known" doc:"Addresses found so far"`
	Queued   int64      `json:"queued" doc:"Addresses still to fetch"`
	InFlight int64      `json:"in_flight" doc:"Addresses being fetched"`
	Waiting  string     `json:"waiting,omitempty" doc:"Why nothing moves, in a sentence; left out when it does"`
	Estimate *Estimate  `json:"estimate,omitempty" doc:"How long it may take yet; left out when it has ended or nothing moves"`
	Result   *JobResult `json:"result,omitempty" doc:"The version it made, once done"`
}

// Final says whether the job never changes again.
func (j Job) Final() bool { return job.State(j.State).Final() }

// Counts says what became of a job's addresses. Pages is every address that a
// site answered and equals Records, both Duplicates and all Skipped together;
// Forbidden and Failed come on top.
type Counts struct {
	Pages      int64            `json:"pages" doc:"Addresses that a site answered"`
	Records    int64            `json:"records" doc:"Rows for the dataset"`
	Duplicates Duplicates       `json:"duplicates"`
	Skipped    map[string]int64 `json:"skipped" doc:"Answered but no record, by cause"`
	Forbidden  int64            `json:"forbidden" doc:"Not fetched because robots.txt or an opt-out forbids it"`
	Failed     map[string]int64 `json:"failed" doc:"Given up, by kind of failure"`
	Unchanged  int64            `json:"unchanged,omitempty" doc:"Asked for again and not changed since; part of skipped"`
	Cut        map[string]int64 `json:"cut,omitempty" doc:"Found and not fetched, by reason: traps, caps, patterns. An address found on several pages may count several times"`
	// CutSamples are some addresses for each reason.
	CutSamples map[string][]string `json:"cut_samples,omitempty" doc:"Some of the addresses that were cut, by reason, ten at most; left out in lists"`
	Bytes      int64               `json:"bytes" doc:"Bodies as the sites sent them"`
	Nodes      map[string]int64    `json:"nodes,omitempty" doc:"Pages by the node that carried them; left out in lists"`
}

// Estimate is what can be said of the rest of a job.
type Estimate struct {
	PagesPerSecond float64 `json:"pages_per_second" doc:"Over the last minutes"`
	Remaining      int64   `json:"remaining" doc:"Addresses known and not fetched yet, within the job's limit"`
	// Seconds and SecondsMost are zero while nothing can be said.
	Seconds     float64 `json:"seconds,omitempty" doc:"For the remaining addresses at that rate: the least it will take"`
	SecondsMost float64 `json:"seconds_most,omitempty" doc:"To the job's page limit at that rate: the most it will take if the rate holds"`
	Note        string  `json:"note" doc:"The same in a sentence"`
}

// Duplicates counts pages that were dropped because their text was known.
type Duplicates struct {
	Exact int64 `json:"exact"`
	Near  int64 `json:"near"`
}

// JobResult is the dataset version that a finished job made.
type JobResult struct {
	Dir     string `json:"dir" doc:"Folder on the router's machine"`
	Version int    `json:"version"`
	Shards  int    `json:"shards"`
	Rows    int64  `json:"rows"`
	Root    string `json:"root" doc:"Merkle root, hex"`
}

// JobPage is a part of the list of jobs.
type JobPage struct {
	Jobs []Job  `json:"jobs" nullable:"false"`
	Next string `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

func (s *Server) addJobs() {
	tags := []string{"jobs"}
	handle(s, huma.Operation{
		OperationID: "create-job", Method: http.MethodPost, Path: "/api/v1/jobs", Tags: tags,
		Summary: "Ask for a crawl", Description: "Answered once the job is stored durably.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: s.cfg.MaxJobBytes,
	}, s.createJob)
	handle(s, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/api/v1/jobs", Tags: tags, Summary: "Jobs, newest first",
	}, s.listJobs)
	handle(s, huma.Operation{
		OperationID: "get-job", Method: http.MethodGet, Path: "/api/v1/jobs/{id}", Tags: tags, Summary: "How a job stands",
		Errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *jobPath) (*answer[Job], error) {
		return ok(s.backend.Jobs.Job(ctx, in.ID))
	})
	for _, move := range []struct {
		name, summary string
		call          func(ctx context.Context, id string) error
	}{
		{"pause", "Fetch no more for now; what is under way finishes", s.backend.Jobs.Pause},
		{"resume", "Go on with a paused job", s.backend.Jobs.Resume},
		{"cancel", "End a job; what was committed stays in its dataset", s.backend.Jobs.Cancel},
	} {
		handle(s, huma.Operation{
			OperationID: move.name + "-job", Method: http.MethodPost, Path: "/api/v1/jobs/{id}/" + move.name, Tags: tags,
			Summary: move.summary, Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, func(ctx context.Context, in *jobPath) (*answer[Job], error) {
			if err := move.call(ctx, in.ID); err != nil {
				return nil, err
			}
			return ok(s.backend.Jobs.Job(ctx, in.ID))
		})
	}
}

type jobPath struct {
	ID string `path:"id" maxLength:"64"`
}

type createdJob struct {
	Location string `header:"Location"`
	Body     JobID
}

func (s *Server) createJob(ctx context.Context, in *struct{ Body NewJob }) (*createdJob, error) {
	b := in.Body
	id, err := s.backend.Jobs.Submit(ctx, job.Spec{
		Dataset: b.Dataset, Purpose: b.Purpose, Scope: job.Scope(b.Scope),
		MaxPages: b.MaxPages, Country: b.Country, Seeds: b.Seeds, KeepRaw: b.KeepRaw, Redact: b.Redact, Near: b.Near,
		Options: b.options(),
	})
	if err != nil {
		return nil, err
	}
	return &createdJob{Location: "/api/v1/jobs/" + id, Body: JobID{ID: id}}, nil
}

func (s *Server) listJobs(ctx context.Context, in *ListQuery) (*answer[JobPage], error) {
	list, err := s.backend.Jobs.List(ctx, in.page())
	var p JobPage
	p.Jobs, p.Next = cut(list, in.Limit, func(j Job) string { return j.ID })
	return ok(p, err)
}
