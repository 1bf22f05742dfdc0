package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/collect"
)

func newCollector() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "collector",
		Short: "Look at and test what reads fields out of pages",
		Long: `A collector is a TOML file that says for which addresses it is, what makes a row on
a page, where each field stands, and what to follow; it carries an example and
the rows expected of it. Jobs use one by name: job add --collector NAME. Those in
the folder of the setting crawl.collectors come beside the built-in ones.`,
		Example: `  fallow-router collector list
  fallow-router collector test ./collectors/my-forum.toml`,
	}
	cmd.AddCommand(newCollectorList(), newCollectorTest())
	return cmd
}

// collectorLine is a collector in a list, and its JSON.
type collectorLine struct {
	Name    string   `json:"name"`
	Version int      `json:"version"`
	Kind    string   `json:"kind"`
	About   string   `json:"about"`
	Match   []string `json:"match"`
}

func newCollectorList() *cobra.Command {
	var asJSON bool
	var dir string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List collectors",
		Example: "  fallow-router collector list\n  fallow-router collector list --dir ./collectors --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := collect.Builtin()
			if err != nil {
				return err
			}
			if dir != "" {
				own, err := collect.Load(dir)
				if err != nil {
					return err
				}
				list = append(list, own...)
			}
			lines := []collectorLine{}
			for _, c := range list {
				lines = append(lines, collectorLine{c.Name, c.Version, c.Kind, c.About, c.Match})
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), lines)
			}
			s := newScreen(cmd.OutOrStdout())
			for _, l := range lines {
				s.printf("%-16s %-4s  %s\n", visible(l.Name), visible(l.Kind), visible(l.About))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write a JSON list")
	cmd.Flags().StringVar(&dir, "dir", "", "`FOLDER` with collectors of your own, to list too")
	return cmd
}

func newCollectorTest() *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE...",
		Short: "Check collectors and let them read their own examples",
		Long: `Check each file and let the collector read the example in it. A mistake is named
with file and line; an example that is not read as expected, with row and field.
Exit codes: 0 all is well, 1 something is not.`,
		Example: "  fallow-router collector test ./collectors/*.toml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen(cmd.OutOrStdout())
			failed := 0
			for _, file := range args {
				rows, err := testCollector(file)
				if err != nil {
					failed++
					s.printf("%s %s\n", s.warn("FAILED"), visible(err.Error()))
					continue
				}
				s.printf("ok      %s: %d row(s) as expected\n", visible(file), rows)
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d collectors failed", failed, len(args))
			}
			return nil
		},
	}
}

func testCollector(file string) (rows int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	c, err := collect.Parse(file, text)
	if err != nil {
		return 0, err
	}
	if err := c.Check(); err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return len(c.Test.Rows), nil
}
