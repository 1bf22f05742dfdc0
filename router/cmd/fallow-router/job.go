package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

func newJob() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "job",
		Short: "Ask for crawls and look after them",
		Example: `  fallow-router job add --data ./data/router --dataset go-docs --purpose "search over documentation" https://go.dev/doc/
  fallow-router job list --data ./data/router
  fallow-router job show --data ./data/router JOB`,
	}
	t.flags(cmd)
	cmd.AddCommand(newJobAdd(t), newJobList(t), newJobShow(t),
		newJobMove(t, "pause", "Fetch no more for now; what is under way finishes", (*api.Client).PauseJob),
		newJobMove(t, "resume", "Go on with a paused job", (*api.Client).ResumeJob),
		newJobMove(t, "cancel", "End a job; what was committed stays in its dataset", (*api.Client).CancelJob))
	return cmd
}

func newJobList(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, newest first",
		Example: `  fallow-router job list --data ./data/router
  fallow-router job list --api http://127.0.0.1:4180 --limit 500 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				jobs, err := readAll(limit, func(p api.Page) ([]api.Job, string, error) {
					page, err := c.Jobs(ctx, p)
					return page.Jobs, page.Next, err
				})
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, map[string]any{"jobs": jobs})
				}
				return showJobs(s, jobs)
			})
		},
	}
	limitFlag(cmd, &limit, 50)
	return cmd
}

func showJobs(s screen, jobs []api.Job) error {
	if len(jobs) == 0 {
		s.printf("no jobs yet; ask for one with: fallow-router job add\n")
		return nil
	}
	rows := make([][]string, 0, len(jobs))
	for _, j := range jobs {
		rows = append(rows, []string{
			j.ID, j.State, j.Dataset, number(j.Counts.Pages), number(j.Counts.Records),
			number(j.Counts.Duplicates.Exact + j.Counts.Duplicates.Near), number(sum(j.Counts.Failed)), number(j.Queued), when(j.Created),
		})
	}
	return s.table([]string{"JOB", "STATE", "DATASET", "PAGES", "RECORDS", "DUPLICATES", "FAILED", "QUEUED", "CREATED"}, rows)
}

func newJobShow(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "show JOB",
		Short: "Show how a job stands",
		Example: `  fallow-router job show --data ./data/router j-abcdefghijklmnop
  fallow-router job show --data ./data/router j-abcdefghijklmnop --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				j, err := c.Job(ctx, args[0])
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, j)
				}
				showJob(s, j)
				return nil
			})
		},
	}
}

func newJobMove(t *target, verb, short string, move func(*api.Client, context.Context, string) (api.Job, error)) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " JOB",
		Short:   short,
		Example: fmt.Sprintf("  fallow-router job %s --data ./data/router j-abcdefghijklmnop", verb),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				j, err := move(c, ctx, args[0])
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, j)
				}
				s.printf("job %s is %s\n", visible(j.ID), visible(j.State))
				return nil
			})
		},
	}
}

func showJob(s screen, j api.Job) {
	state := j.State
	if j.Reason != "" {
		state += ": " + j.Reason
	}
	s.fields([][2]string{
		{"job", j.ID},
		{"state", state},
		{"waiting", j.Waiting},
		{"dataset", j.Dataset},
		{"purpose", j.Purpose},
		{"scope", fmt.Sprintf("%s, %d pages at most", j.Scope, j.MaxPages)},
		{"country", j.Country},
		{"raw", kept(j.KeepRaw)},
		{"redact", redacted(j.Redact)},
		{"near", nearness(j.Near)},
		{"seeds", seeds(j.Seeds)},
		{"created", when(j.Created)},
		{"wishes", wishes(j.JobOptions)},
		{"estimate", estimateText(j.Estimate)},
		{"addresses", fmt.Sprintf("%d known, %d queued, %d in flight", j.Known, j.Queued, j.InFlight)},
	})
	showCounts(s, j.Counts)
	showResult(s, j)
}

func redacted(redact bool) string {
	if redact {
		return "personal data in titles and texts"
	}
	return ""
}

func kept(raw bool) string {
	if raw {
		return "answers are kept"
	}
	return ""
}

func showCounts(s screen, c api.Counts) {
	s.fields([][2]string{
		{"pages    ", fmt.Sprintf("%d (%s)", c.Pages, bytesText(c.Bytes))},
		{"records  ", number(c.Records)},
		{"dropped  ", fmt.Sprintf("%d exact and %d near duplicates", c.Duplicates.Exact, c.Duplicates.Near)},
		{"skipped  ", causes(c.Skipped)},
		{"forbidden", fmt.Sprintf("%d by robots.txt or opt-out, not fetched", c.Forbidden)},
		{"failed   ", causes(c.Failed)},
	})
	if len(c.Cut) == 0 {
		return
	}
	cut := [][2]string{{"cut      ", causes(c.Cut)}}
	for _, reason := range slices.Sorted(maps.Keys(c.CutSamples)) { // all of them are in --json
		if samples := c.CutSamples[reason]; len(samples) > 0 {
			cut = append(cut, [2]string{"         ", reason + ", such as " + samples[0]})
		}
	}
	s.fields(cut)
}

func showResult(s screen, j api.Job) {
	if j.Result == nil {
		return
	}
	s.fields([][2]string{
		{"version  ", fmt.Sprintf("%d: %d rows in %d shard(s), root %s", j.Result.Version, j.Result.Rows, j.Result.Shards, j.Result.Root)},
		{"lies in  ", j.Result.Dir},
		{"verify   ", "fallow-data verify " + j.Result.Dir},
	})
}

// wishes are a job's options in words, empty when it has none.
func wishes(o api.JobOptions) string {
	var parts []string
	add := func(wished bool, format string, args ...any) {
		if wished {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(len(o.Include) > 0, "include %s", strings.Join(o.Include, " "))
	add(len(o.Exclude) > 0, "exclude %s", strings.Join(o.Exclude, " "))
	add(o.MaxDepth > 0, "%d links deep at most", o.MaxDepth)
	add(o.MaxPerSite > 0, "%d addresses of a site at most", o.MaxPerSite)
	add(o.Priority != "" && o.Priority != "normal", "%s priority", o.Priority)
	add(o.Sitemaps == "off", "no sitemaps")
	add(o.Sitemaps == "only", "sitemaps only")
	add(o.Recrawl, "recrawl")
	add(o.Use == "other", "not for training models")
	add(o.Collector != "", "collector %s", o.Collector)
	return strings.Join(parts, ", ")
}

func estimateText(e *api.Estimate) string {
	if e == nil {
		return ""
	}
	return e.Note
}

// causes are counts by cause, largest first.
func causes(counts map[string]int64) string {
	if len(counts) == 0 {
		return "0"
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return fmt.Sprintf("%d (%s)", sum(counts), strings.Join(parts, ", "))
}

func sum(counts map[string]int64) int64 {
	total := int64(0)
	for _, n := range counts {
		total += n
	}
	return total
}

func seeds(list []string) string {
	const shown = 3
	if len(list) <= shown {
		return strings.Join(list, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], " "), len(list)-shown)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func when(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// nearness says from when pages are duplicates, where that is not the default.
func nearness(near float64) string {
	switch near {
	case 0, job.DefaultNear:
		return ""
	case 1:
		return "only exact duplicates are dropped"
	}
	return fmt.Sprintf("pages alike by %.0f%% are duplicates", 100*near)
}
