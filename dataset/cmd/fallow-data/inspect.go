package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
)

// overview is what inspect shows, and its JSON.
type overview struct {
	Path     string            `json:"path"`
	Kind     string            `json:"kind"` // dataset.KindVersion or KindShard
	Manifest *dataset.Manifest `json:"manifest,omitempty"`
	Shard    *dataset.Shard    `json:"shard,omitempty"`
	Sites    map[string]int64  `json:"sites"`
	Columns  []field           `json:"columns"`
	Preview  []*dataset.Record `json:"preview"`
}

type field struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Unit        string `json:"unit,omitempty"`
	Description string `json:"description"`
}

// maxPreview bounds --rows.
const maxPreview = 1000

func newInspect() *cobra.Command {
	var asJSON bool
	var rows int
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show schema, figures and a few rows",
		Long: `Show what a version of a dataset or a single shard holds: columns, counts, languages,
sites, dates, and a preview of its first rows. Characters that could disturb a
terminal are shown as escapes. It does not verify; see fallow-data verify.`,
		Example: `  fallow-data inspect datasets/go-docs/v1
  fallow-data inspect datasets/go-docs/v1 --rows 10
  fallow-data inspect shard.parquet --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rows < 0 || rows > maxPreview {
				return fmt.Errorf("--rows must be 0 to %d", maxPreview)
			}
			o, err := look(args[0], rows)
			if err != nil {
				return explain(hint(args[0], err))
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), o)
			}
			show(newScreen(cmd.OutOrStdout()), o)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object")
	cmd.Flags().IntVar(&rows, "rows", 3, "rows to preview")
	return cmd
}

func look(path string, rows int) (*overview, error) {
	o := &overview{Path: path, Columns: columns(), Preview: []*dataset.Record{}}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	first := path
	if info.IsDir() {
		v, err := dataset.OpenVersion(path)
		if err != nil {
			return nil, err
		}
		o.Kind, o.Manifest, first = dataset.KindVersion, v.Manifest, v.Path(dataset.SampleFile)
		if len(v.Manifest.Shards) > 0 {
			first = v.Path(v.Manifest.Shards[0].File)
		}
		if o.Sites, err = v.Sites(); err != nil {
			return nil, err
		}
	} else {
		shard, err := dataset.Describe(path)
		if err != nil {
			return nil, err
		}
		o.Kind, o.Shard, o.Sites = dataset.KindShard, &shard, shard.Sites
		o.Shard.Sites = nil
	}
	err = dataset.ReadShard(first, func(row int64, r *dataset.Record) error {
		if row >= int64(rows) {
			return errEnough
		}
		kept := *r
		o.Preview = append(o.Preview, &kept)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return o, err
}

// errEnough ends a preview.
var errEnough = errors.New("enough rows")

func columns() []field {
	var list []field
	for _, f := range dataset.Schema().Fields() {
		unit, _ := f.Metadata.GetValue("unit")
		about, _ := f.Metadata.GetValue("description")
		list = append(list, field{Name: f.Name, Type: f.Type.String(), Unit: unit, Description: about})
	}
	return list
}

func show(s screen, o *overview) {
	var sum dataset.Summary
	if m := o.Manifest; m != nil {
		sum = m.Summary
		s.printf("%s  %s version %d, signed by %s\n", s.title("dataset"), visible(m.Dataset), m.Version, m.Router)
		s.printf("  %s\n  made %s by %s; schema %s; root %s\n", visible(m.Description), m.Created.Format(time.RFC3339), visible(m.Generator), visible(m.Schema), m.Root)
		s.printf("  %d shard(s), %d bytes; duplicates dropped: %d exact, %d near\n", len(m.Shards), m.Bytes, m.Duplicates.Exact, m.Duplicates.Near)
	} else {
		sum = o.Shard.Summary
		s.printf("%s  %s: %d bytes; root %s\n", s.title("shard"), visible(o.Shard.File), o.Shard.Bytes, o.Shard.Root)
	}
	s.printf("  %d rows, %d bytes of text, about %d tokens\n", sum.Rows, sum.TextBytes, sum.Tokens)
	s.printf("  fetched %s to %s\n", sum.FirstFetched.Format(time.RFC3339), sum.LastFetched.Format(time.RFC3339))
	showCounts(s, "languages", sum.Languages)
	showCounts(s, "sites", o.Sites)
	showCounts(s, "AI training, as sites say", sum.AITrain)
	showCounts(s, "transport", sum.Transports)
	s.printf("\n%s\n", s.title("columns"))
	for _, f := range o.Columns {
		s.printf("  %-20s %-22s %s\n", f.Name, cut(f.Type, 22), s.faint(cut(f.Description, max(20, s.width-46))))
	}
	for i, r := range o.Preview {
		showRow(s, i, r)
	}
}

// maxCounts is how many lines of each count are shown.
const maxCounts = 10

func showCounts(s screen, title string, counts map[string]int64) {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
	s.printf("\n%s (%d)\n", s.title(title), len(names))
	for _, name := range names[:min(len(names), maxCounts)] {
		s.printf("  %8d  %s\n", counts[name], visible(name))
	}
	if len(names) > maxCounts {
		s.printf("  %8s  %d more\n", "…", len(names)-maxCounts)
	}
}

func showRow(s screen, number int, r *dataset.Record) {
	s.printf("\n%s  %s\n", s.title(fmt.Sprintf("row %d", number)), cut(visible(r.URL), s.width-8))
	s.printf("  %s\n", cut(visible(r.Title), s.width-2))
	s.printf("  %s\n", s.faint(fmt.Sprintf("%s_%s %.2f, %d tokens, %s %d, fetched %s, robots: %s", visible(r.Language), visible(r.LanguageScript), r.LanguageScore,
		r.TokenCount, visible(r.MIME), r.Status, r.FetchedAt.Format(time.RFC3339), visible(r.Robots))))
	text := visible(r.Text[:min(len(r.Text), 8*s.width)])
	for range 3 {
		line := cut(text, s.width-2)
		s.printf("  %s\n", line)
		if text = strings.TrimPrefix(text, strings.TrimSuffix(line, "…")); text == "" {
			break
		}
	}
}
