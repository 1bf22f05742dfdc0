package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newDataset() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "dataset",
		Short: "Look at datasets, publish versions, take pages down",
		Example: `  fallow-router dataset list --data ./data/router
  fallow-router dataset show --data ./data/router go-docs
  fallow-router dataset takedown --data ./data/router go-docs --site example.org --reason "the owner asked"`,
	}
	t.flags(cmd)
	cmd.AddCommand(newDatasetList(t), newDatasetShow(t), newDatasetPublish(t), newDatasetTakedown(t))
	return cmd
}

func newDatasetList(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List datasets and their latest versions",
		Example: "  fallow-router dataset list --data ./data/router",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				list, err := readAll(limit, func(p api.Page) ([]api.Dataset, string, error) {
					page, err := c.Datasets(ctx, p)
					return page.Datasets, page.Next, err
				})
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, map[string]any{"datasets": list})
				}
				return showDatasets(s, list)
			})
		},
	}
	limitFlag(cmd, &limit, 100)
	return cmd
}

func showDatasets(s screen, list []api.Dataset) error {
	if len(list) == 0 {
		s.printf("no datasets yet; a job makes one: fallow-router job add --dataset NAME\n")
		return nil
	}
	rows := make([][]string, 0, len(list))
	for _, d := range list {
		row := []string{d.Name, "-", "-", "-", "-", "-"}
		if v := d.Latest; v != nil {
			row = []string{d.Name, strconv.Itoa(v.Version), number(v.Rows), number(v.Sites), bytesText(v.Bytes), when(v.Created)}
		}
		rows = append(rows, row)
	}
	return s.table([]string{"DATASET", "VERSION", "ROWS", "SITES", "SIZE", "PUBLISHED"}, rows)
}

// shownDataset is what show answers as JSON.
type shownDataset struct {
	Name     string        `json:"name"`
	Versions []api.Version `json:"versions"`
	Notices  []api.Notice  `json:"notices"`
}

func newDatasetShow(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show the versions of a dataset, and what was taken down",
		Example: `  fallow-router dataset show --data ./data/router go-docs
  fallow-router dataset show --data ./data/router go-docs --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				d := shownDataset{Name: args[0]}
				var err error
				d.Versions, err = readAll(limit, func(p api.Page) ([]api.Version, string, error) {
					page, err := c.Versions(ctx, args[0], p)
					return page.Versions, page.Next, err
				})
				if err != nil {
					return err
				}
				d.Notices, err = readAll(math.MaxInt, func(p api.Page) ([]api.Notice, string, error) {
					page, err := c.Notices(ctx, args[0], p)
					return page.Notices, page.Next, err
				})
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, d)
				}
				return showDataset(s, c, d)
			})
		},
	}
	limitFlag(cmd, &limit, 20)
	return cmd
}

func showDataset(s screen, c *api.Client, d shownDataset) error {
	if len(d.Versions) == 0 {
		s.printf("dataset %s has no version yet; publish what is gathered: fallow-router dataset publish %s\n", visible(d.Name), visible(d.Name))
		return nil
	}
	v := d.Versions[0]
	s.fields([][2]string{
		{"dataset", v.Dataset},
		{"latest", fmt.Sprintf("version %d, published %s", v.Version, when(v.Created))},
		{"purpose", v.Purpose},
		{"licence", v.License},
		{"rows", fmt.Sprintf("%d from %d sites, about %d tokens", v.Rows, v.Sites, v.Tokens)},
		{"dropped", fmt.Sprintf("%d exact and %d near duplicates", v.Duplicates.Exact, v.Duplicates.Near)},
		{"root", v.Root},
		{"signed by", v.Router},
		{"pull", fmt.Sprintf("fallow-data pull %s/api/v1/datasets/%s", c.Base(), v.Dataset)},
	})
	rows := make([][]string, 0, len(d.Versions))
	for _, v := range d.Versions {
		rows = append(rows, []string{strconv.Itoa(v.Version), number(v.Rows), bytesText(v.Bytes), strconv.Itoa(len(v.Files)), when(v.Created), v.Root})
	}
	if err := s.table([]string{"VERSION", "ROWS", "SIZE", "FILES", "PUBLISHED", "ROOT"}, rows); err != nil {
		return err
	}
	if len(d.Notices) == 0 {
		return nil
	}
	rows = rows[:0]
	for _, n := range d.Notices {
		rows = append(rows, []string{strconv.Itoa(n.Number), strconv.Itoa(n.Version), number(n.Rows), n.Scope, when(n.At), n.Reason})
	}
	return s.table([]string{"TAKEDOWN", "SINCE VERSION", "ROWS", "SCOPE", "ORDERED", "REASON"}, rows)
}

func newDatasetPublish(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "publish NAME",
		Short: "Publish what was gathered up to now, without waiting for jobs to end",
		Example: `  fallow-router dataset publish --data ./data/router go-docs
  fallow-router dataset publish --data ./data/router go-docs --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				v, err := c.Publish(ctx, args[0])
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, v)
				}
				s.printf("version %d of %s is out: %d rows, root %s\n", v.Version, visible(v.Dataset), v.Rows, visible(v.Root))
				return nil
			})
		},
	}
}

func newDatasetTakedown(t *target) *cobra.Command {
	var url, site, pattern, reason string
	cmd := &cobra.Command{
		Use:   "takedown NAME --url|--site|--pattern TARGET --reason TEXT",
		Short: "Leave pages out of a dataset, from now on and for good",
		Long: `Leave pages out of a dataset, from now on and for good. The next version is published
without their rows; only the shards that held some are written anew. What was taken
down does not come back: such pages are neither fetched nor kept any more.

Earlier versions stay as they are, as a version never changes. Whoever pulls a later
one is told what is gone and why; removed.parquet has hashes to find the rows by. The
reason is published, so keep names out of it.`,
		Example: `  fallow-router dataset takedown --data ./data/router go-docs --url https://example.org/people/jane --reason "personal data"
  fallow-router dataset takedown --data ./data/router go-docs --site example.org --reason "the owner asked"
  fallow-router dataset takedown --data ./data/router go-docs --pattern "example.org/people/*" --reason "personal data" --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			order, err := takedownOf(url, site, pattern, reason)
			if err != nil {
				return usageError{err}
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				done, err := c.TakeDown(ctx, args[0], order)
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, done)
				}
				showTakedown(s, args[0], done)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "one `ADDRESS`")
	cmd.Flags().StringVar(&site, "site", "", "a `HOST` and all below it")
	cmd.Flags().StringVar(&pattern, "pattern", "", "an `ADDRESS` in which * stands for anything")
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a sentence; it is published")
	return cmd
}

func takedownOf(url, site, pattern, reason string) (api.NewTakedown, error) {
	given := map[string]string{}
	for scope, target := range map[string]string{"url": url, "site": site, "pattern": pattern} {
		if target != "" {
			given[scope] = target
		}
	}
	if len(given) != 1 {
		return api.NewTakedown{}, errors.New("say what to take down with one of --url, --site and --pattern")
	}
	if reason == "" {
		return api.NewTakedown{}, errors.New("say why with --reason; holders of earlier versions read it")
	}
	order := api.NewTakedown{Reason: reason}
	for order.Scope, order.Target = range given {
	}
	return order, nil
}

func showTakedown(s screen, name string, done api.Takedown) {
	if done.Known {
		s.printf("that was ordered before: takedown %d of %s\n", done.Number, visible(name))
	} else {
		s.printf("takedown %d of %s is in force: such pages are not fetched any more\n", done.Number, visible(name))
	}
	if done.Version == 0 {
		s.printf("nothing is published yet\n")
		return
	}
	s.printf("version %d is the first without them: %d rows less\n", done.Version, done.Rows)
}
