package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

// formats of a page, as --format takes them.
var formats = []string{"text", "markdown", "links", "html"}

func newFetch() *cobra.Command {
	t := new(target)
	ask := api.NewFetch{Purpose: "A page somebody at the router wants to see"}
	var format string
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "fetch URL",
		Short: "Fetch one page now and print it",
		Long: `Fetch one page through a node, now, and print its text to standard output. It
passes the site's rules and waits for its turn like every other fetch.

--format chooses text, markdown, links or html. With --json the output is one
object with all that is known of the page: status, language, what the site says
about its use, metadata, and the formats asked for, parted by commas.`,
		Example: `  fallow-router fetch --data ./data/router https://go.dev/doc/
  fallow-router fetch --data ./data/router --format markdown https://go.dev/doc/ > doc.md
  fallow-router fetch --data ./data/router --country DE --format text,links --json https://www.example.com/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.URL, ask.Within = args[0], within.Seconds()
			ask.Formats = strings.Split(format, ",")
			for _, f := range ask.Formats {
				if !slices.Contains(formats, f) {
					return usageError{fmt.Errorf("--format %q: give one of %s", f, strings.Join(formats, ", "))}
				}
			}
			if len(ask.Formats) > 1 && !t.json {
				return usageError{fmt.Errorf("--format %s: several at once need --json", format)}
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				got, err := c.Fetch(ctx, ask)
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, got)
				}
				if got.Status >= 400 {
					return fmt.Errorf("%s answered %d", got.URL, got.Status)
				}
				_, err = fmt.Fprintln(s.out, body(got, ask.Formats[0]))
				return err
			})
		},
	}
	t.flags(cmd)
	set := cmd.Flags()
	set.StringVar(&format, "format", "text", "what to print: text, markdown, links or html; with --json several, parted by commas")
	set.StringVar(&ask.Country, "country", "", "two-letter `CC` of the country the node should be in")
	set.StringVar(&ask.Purpose, "purpose", ask.Purpose, "what it is for, in a sentence; the home user who carries it sees it")
	set.DurationVar(&within, "within", 40*time.Second, "time it may take, waiting and redirects included; up to 50s")
	return cmd
}

// body is the one format that was asked for; like every page it may hold control
// characters only if it is html, which is for a file and not for a screen.
func body(got api.Fetched, format string) string {
	switch format {
	case "markdown":
		return got.Markdown
	case "links":
		return strings.Join(got.Links, "\n")
	case "html":
		return got.HTML
	}
	return got.Text
}
