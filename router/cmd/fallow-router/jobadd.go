package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

func newJobAdd(t *target) *cobra.Command {
	var ask api.NewJob
	var seedsFile string
	var wait bool
	cmd := &cobra.Command{
		Use:   "add --dataset NAME --purpose TEXT [flags] URL...",
		Short: "Ask for a crawl",
		Long: `Ask for a crawl of the given addresses and what the scope lets it follow. The
command returns once the job is stored; from then on it survives a restart of
the router. With --wait it stays and shows the progress on standard error;
Ctrl-C then leaves the job running.

--json answers {"id":...}; with --wait, the final counts in the same object.`,
		Example: `  fallow-router job add --data ./data/router --dataset go-docs --purpose "search over documentation" https://go.dev/doc/
  fallow-router job add --data ./data/router --dataset news --purpose "study of headlines" --scope site --max-pages 5000 --wait https://news.example/
  fallow-router job add --data ./data/router --dataset news --purpose "study of headlines" --scope site --include "/2026/" --exclude "/*?print=" --max-per-site 2000 https://news.example/
  fallow-router job add --data ./data/router --dataset news --purpose "study of headlines" --scope site --recrawl https://news.example/
  fallow-router job add --data ./data/router --dataset pages --purpose "benchmark" --scope list --seeds urls.txt --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if ask.Seeds, err = gatherSeeds(args, seedsFile, cmd.InOrStdin()); err != nil {
				return usageError{err}
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				id, err := c.Submit(ctx, ask)
				if err != nil {
					return err
				}
				if wait {
					return t.wait(cmd, s, id)
				}
				if t.json {
					return writeJSON(s.out, api.JobID{ID: id})
				}
				s.printf("job %s accepted\nfollow it with: fallow-router job show %s%s\n", id, id, t.again())
				return nil
			})
		},
	}
	set := cmd.Flags()
	set.StringVar(&ask.Dataset, "dataset", "", "`NAME` of the dataset the records go to: a-z, 0-9 and -")
	set.StringVar(&ask.Purpose, "purpose", "", "what the data is for, in a sentence; the home users who carry it and the dataset's readers see it")
	set.StringVar(&ask.Scope, "scope", string(job.ScopeHost), "which found links are followed: list (none), prefix, host or site")
	set.Int64Var(&ask.MaxPages, "max-pages", 0, "fetches at most, seeds included (default 10000)")
	set.StringVar(&ask.Country, "country", "", "two-letter `CC` of the country the nodes have to be in; while none is there the job waits and says so. Needs a router started with --geoip")
	set.BoolVar(&ask.KeepRaw, "keep-raw", false, "keep the answers too, as the sites sent them (raw/ in the dataset; needed for a WARC export; some twenty times the size of the text)")
	set.BoolVar(&ask.Redact, "redact", false, "replace mail addresses, telephone numbers, IBANs and identity numbers in titles and texts by [email], [phone], [iban] and [id]; without it they are only counted")
	set.Float64Var(&ask.Near, "near", job.DefaultNear, "similarity of word shingles from which a page is dropped as a near duplicate, 0.7 to 1; 1 drops exact duplicates only")
	set.StringArrayVar(&ask.Include, "include", nil, "follow only found addresses that match `PATTERN`: /path or host/path from the start, * for anything, $ for the end; may be given several times")
	set.StringArrayVar(&ask.Exclude, "exclude", nil, "do not follow found addresses that match `PATTERN`; may be given several times")
	set.IntVar(&ask.MaxDepth, "max-depth", 0, "links from a seed that are followed (default: the router's bound of 64)")
	set.Int64Var(&ask.MaxPerSite, "max-per-site", 0, "addresses of one site that are fetched (default: the router's bound of 1000000)")
	set.StringVar(&ask.Priority, "priority", "normal", "low, normal or high: share of the fetches beside other jobs, four times the one below each")
	set.StringVar(&ask.Sitemaps, "sitemaps", "follow", "follow reads the sitemaps that robots.txt names (not in scope list), off does not, only follows nothing else")
	set.StringVar(&ask.Use, "use", "training", "what the dataset is for: training leaves out pages whose sites refuse the training of models; other keeps them, marked as such")
	set.StringVar(&ask.Collector, "collector", "", "`NAME` of the collector that reads fields out of pages; see fallow-router collector list")
	set.BoolVar(&ask.Recrawl, "recrawl", false, "take up the dataset's addresses that are due again by how often they change, and ask sites only for what has changed")
	set.StringVar(&seedsFile, "seeds", "", "`FILE` with one address a line, # for comments; - reads standard input")
	set.BoolVar(&wait, "wait", false, "stay until the job has ended and show its counts")
	return cmd
}

// again repeats how the router was found, for a command to copy.
func (t *target) again() string {
	switch {
	case t.api != "":
		return " --api " + t.api
	case t.data != "":
		return " --data " + t.data
	}
	return ""
}

// gatherSeeds puts addresses of the command line and of a file together.
func gatherSeeds(args []string, file string, stdin io.Reader) ([]string, error) {
	list := args
	if file != "" {
		in := stdin
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return nil, fmt.Errorf("read seeds: %w", err)
			}
			defer f.Close()
			in = f
		}
		read, err := readSeeds(in, job.DefaultLimits())
		if err != nil {
			return nil, fmt.Errorf("read seeds from %s: %w", file, err)
		}
		list = append(list, read...)
	}
	if len(list) == 0 {
		return nil, errors.New("no address to start from: give at least one URL, or --seeds FILE")
	}
	return list, nil
}

// readSeeds reads one address a line and stops at what no router would take.
func readSeeds(in io.Reader, l job.Limits) ([]string, error) {
	var list []string
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	total := 0
	for lines.Scan() {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		list = append(list, line)
		if total += len(line); len(list) > l.MaxSeeds || total > l.MaxSeedsBytes {
			return nil, fmt.Errorf("more than %d addresses or %d MiB: split them into several jobs", l.MaxSeeds, l.MaxSeedsBytes>>20)
		}
	}
	return list, lines.Err()
}
