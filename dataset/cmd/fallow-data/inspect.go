package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	Memo     string            `json:"memo,omitempty"` // what commits the version to a chain
	// Columns are those of the first shard.
	Columns []dataset.ColumnInfo `json:"columns"`
	Preview []preview            `json:"preview"`
}

// preview is one row and where it stands.
type preview struct {
	File   string          `json:"file"`
	Row    int64           `json:"row"`
	Record *dataset.Record `json:"record"`
}

// maxPreview bounds --rows.
const maxPreview = 1000

func newInspect() *cobra.Command {
	var asJSON bool
	var rows int
	var where []string
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show schema, figures and a few rows",
		Long: `Show what a version of a dataset or a single shard holds: columns and the space they
take, counts, languages, sites, dates, and a preview of its first rows, or of the
first that meet all conditions. A condition is column=value, column!=value, or
column~text for a part of it, in any case. Characters that could disturb a terminal
are shown as escapes. It does not verify; see fallow-data verify.`,
		Example: `  fallow-data inspect datasets/go-docs/v1
  fallow-data inspect datasets/go-docs/v1 --rows 10 --where site=go.dev --where 'title~garbage collector'
  fallow-data inspect shard.parquet --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rows < 0 || rows > maxPreview {
				return fmt.Errorf("--rows must be 0 to %d", maxPreview)
			}
			conditions, err := parseConditions(where)
			if err != nil {
				return err
			}
			o, err := look(args[0], rows, conditions)
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
	cmd.Flags().StringArrayVar(&where, "where", nil, "preview rows that meet `CONDITION`: column=value, column!=value or column~text; all of several")
	return cmd
}

func look(path string, rows int, where []condition) (*overview, error) {
	o := &overview{Path: path, Preview: []preview{}}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		v, err := dataset.OpenVersion(path)
		if err != nil {
			return nil, err
		}
		o.Kind, o.Manifest, o.Memo, files = dataset.KindVersion, v.Manifest, v.Manifest.Memo(), nil
		for _, s := range v.Manifest.Shards {
			files = append(files, v.Path(s.File))
		}
		if len(files) == 0 { // all taken down: the columns are still to be seen
			files = []string{v.Path(dataset.SampleFile)}
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
	if o.Columns, err = dataset.Columns(files[0]); err != nil {
		return nil, err
	}
	return o, o.choose(files, rows, where)
}

// choose previews the first rows that meet the conditions.
func (o *overview) choose(files []string, rows int, where []condition) error {
	for _, file := range files {
		err := dataset.ReadShard(file, func(row int64, r *dataset.Record) error {
			if len(o.Preview) >= rows {
				return errEnough
			}
			if meets(r, where) {
				kept := *r
				o.Preview = append(o.Preview, preview{File: filepath.Base(file), Row: row, Record: &kept})
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a preview.
var errEnough = errors.New("enough rows")

// condition is what a row must meet to be shown.
type condition struct{ column, operator, value string }

func parseConditions(texts []string) (list []condition, err error) {
	for _, text := range texts {
		at := strings.IndexAny(text, "=!~")
		if at < 1 || text[at] == '!' && !strings.HasPrefix(text[at:], "!=") {
			return nil, fmt.Errorf("--where %q: write column=value, column!=value or column~text", text)
		}
		c := condition{column: text[:at], operator: text[at : at+1], value: text[at+1:]}
		if c.operator == "!" {
			c.value = c.value[1:]
		}
		if _, ok := new(dataset.Record).Value(c.column); !ok {
			return nil, fmt.Errorf("--where %q: there is no column %q; fallow-data inspect lists them", text, c.column)
		}
		list = append(list, c)
	}
	return list, nil
}

func meets(r *dataset.Record, where []condition) bool {
	for _, c := range where {
		value, _ := r.Value(c.column)
		ok := value == c.value
		switch c.operator {
		case "!":
			ok = !ok
		case "~":
			ok = strings.Contains(strings.ToLower(value), strings.ToLower(c.value))
		}
		if !ok {
			return false
		}
	}
	return true
}
