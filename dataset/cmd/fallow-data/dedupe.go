package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

func newDedupe() *cobra.Command {
	var asJSON bool
	d := deduping{near: 0.8}
	cmd := &cobra.Command{
		Use:   "dedupe PATH...",
		Short: "Find duplicates within and across datasets",
		Long: `Find records with the same text, and records whose texts are alike, within and
across versions of datasets, folders of shards and single shards. The first of
each kind is kept, in the order of the arguments; so name what you hold already
first, and what you want to add after it.

Texts are compared by shingles of five words (characters, where a script writes
no spaces): the same comparison that the router makes while it crawls. Two pages
of one site that share their template but each have a passage of their own count
as different.

Without --out it only reports. With --out it writes a new folder: data/ with the
kept records, and duplicates.jsonl with what was dropped and why. Shards in it
verify each by itself; no router has signed the whole.`,
		Example: `  fallow-data dedupe datasets/news/v3
  fallow-data dedupe datasets/news/v3 datasets/blogs/v1 --json
  fallow-data dedupe old/v1 new/v1 --near 0.9 --out ./merged
  fallow-data dedupe datasets/news/v3 --near 1        # same text only`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(d.near >= 0.7 && d.near <= 1) {
				return fmt.Errorf("--near %v: give 0.7 to 1 (1 finds the same text only)", d.near)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			d.progress = newScreen(cmd.ErrOrStderr())
			found, err := d.run(ctx, args)
			if errors.Is(err, context.Canceled) {
				return errors.New("interrupted; nothing was written")
			}
			if err != nil {
				return explain(err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), found)
			}
			found.show(newScreen(cmd.OutOrStdout()))
			return nil
		},
	}
	set := cmd.Flags()
	set.Float64Var(&d.near, "near", d.near, "similarity from which texts are duplicates, 0.7 to 1; 1 finds the same text only")
	set.StringVar(&d.out, "out", "", "`FOLDER` to write the kept records to; it must not exist")
	set.StringVar(&d.tmp, "tmp", "", "`FOLDER` for the index, about as large as the texts (default the system's for temporary files)")
	set.BoolVar(&asJSON, "json", false, "write the report as one JSON object")
	return cmd
}

// maxExamples is how many duplicates a report names.
const maxExamples = 10

// duplicates is what dedupe reports, and its JSON.
type duplicates struct {
	Records  int64      `json:"records"`
	Kept     int64      `json:"kept"`
	Exact    int64      `json:"exact"`
	Near     int64      `json:"near"`
	Sources  []source   `json:"sources"`
	Examples []dropping `json:"examples"` // the first of them
	Out      string     `json:"out,omitempty"`
	Shards   int        `json:"shards,omitempty"`
}

// source is one of the arguments.
type source struct {
	Path    string   `json:"path"`
	Records int64    `json:"records"`
	Kept    int64    `json:"kept"`
	files   []string // Parquet files in it, in order
}

// dropping is a record that is not kept; duplicates.jsonl holds one a line.
type dropping struct {
	ID         string  `json:"id"`
	URL        string  `json:"url"`
	Source     string  `json:"source"`
	KeptID     string  `json:"kept_id"`
	KeptURL    string  `json:"kept_url"`
	Kind       string  `json:"kind"`
	Similarity float64 `json:"similarity"`
}

func (d *duplicates) show(s screen) {
	share := func(part, of int64) float64 { return 100 * float64(part) / float64(max(of, 1)) }
	s.printf("%s  %d of %d records (%.1f%%); %d with the same text, %d alike\n", s.title("duplicates"),
		d.Exact+d.Near, d.Records, share(d.Exact+d.Near, d.Records), d.Exact, d.Near)
	for _, from := range d.Sources {
		s.printf("  %s: %d records, %d kept (%.1f%%)\n", visible(from.Path), from.Records, from.Kept, share(from.Kept, from.Records))
	}
	if len(d.Examples) > 0 {
		s.printf("\n%s\n", s.title("for example"))
	}
	for _, e := range d.Examples {
		s.printf("  %s\n    %s %.3f  %s\n", cut(visible(e.URL), s.width-2), e.Kind, e.Similarity, s.faint(cut(visible(e.KeptURL), s.width-18)))
	}
	if d.Out != "" {
		s.printf("\nwritten to %s: %d records in %d shard(s), duplicates.jsonl\n", visible(d.Out), d.Kept, d.Shards)
	}
}
