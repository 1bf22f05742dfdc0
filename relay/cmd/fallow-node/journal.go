package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

func newJournal(o *options) *cobra.Command {
	var since string
	var filter journal.Filter
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "List the connections this node made or refused",
		Long: `List what the journal has, oldest first. With --json the entries carry the
router's signed leases, the proof of who asked for a connection. Works whether
the agent runs or not.`,
		Example: `  fallow-node journal --since 24h
  fallow-node journal --site example.org --limit 20
  fallow-node journal --since 2026-11-01 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if filter.Since, err = parseSince(since, time.Now()); err != nil {
				return usageError{err}
			}
			if filter.Limit < 1 || filter.Limit > journal.MaxLimit {
				return usageError{fmt.Errorf("--limit is %d, want 1 to %d", filter.Limit, journal.MaxLimit)}
			}
			entries, err := control.NewClient(o.dir).Journal(cmd.Context(), filter)
			if errors.Is(err, control.ErrNotRunning) {
				entries, err = journal.Read(filepath.Join(o.dir, relay.JournalDir), filter)
			}
			if errors.Is(err, fs.ErrNotExist) {
				err = nil // an agent that never ran has no journal
			}
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), append([]journal.Entry{}, entries...))
			}
			return printJournal(cmd.OutOrStdout(), entries)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&since, "since", "", "from this time on: 90m, 24h, 2006-01-02 or RFC 3339")
	flags.StringVar(&filter.Site, "site", "", "this host and those under it")
	flags.IntVar(&filter.Limit, "limit", 100, "at most this many, the newest")
	cmd.AddCommand(newJournalVerify(o), newJournalExport(o))
	return cmd
}

func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("--since %q is neither like 24h, nor 2006-01-02, nor RFC 3339", text)
}

func printJournal(w io.Writer, entries []journal.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(w, "No entries.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tWHAT\tSITE\tADDRESS\tDOWN\tUP\tOUTCOME\tPURPOSE")
	for _, e := range entries {
		fmt.Fprintln(table, strings.Join(row(e), "\t"))
	}
	return table.Flush()
}

func row(e journal.Entry) []string {
	site, address, down, up, outcome := "-", "-", "-", "-", "-"
	if e.Host != "" {
		site = e.Host
	}
	if e.Port != 0 {
		site = fmt.Sprintf("%s:%d", e.Host, e.Port)
	}
	if e.Address.IsValid() {
		address = e.Address.Addr().String()
	}
	if e.Kind == journal.Closed {
		down, up = bytesText(e.BytesDown), bytesText(e.BytesUp)
	}
	purpose := e.Purpose
	switch e.Kind {
	case journal.Closed, journal.Refused:
		outcome = e.Reason.String()
	case journal.Pages:
		purpose = strings.Join(e.URLs, " ")
	case journal.Halted:
		purpose = haltText(e)
	case journal.Disputed, journal.Omitted, journal.Recovered:
		purpose = e.Note
	}
	// What a router wrote is not to move the user's cursor about.
	return []string{
		e.Time.Local().Format(time.DateTime), string(e.Kind), site, address, down, up, outcome, printable(purpose),
	}
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
			return '?'
		}
		return r
	}, text)
}

// haltText is what a router had stopped from then on.
func haltText(e journal.Entry) string {
	h, err := wire.OpenHalt(e.Halt, e.HaltSig)
	if err != nil {
		return "unreadable"
	}
	if len(h.Stops) == 0 {
		return "the router lifted what it had stopped"
	}
	var all []string
	for _, s := range h.Stops {
		all = append(all, strings.TrimSpace(s.Scope.String()+" "+s.Job)+" stopped: "+s.Reason)
	}
	return printable(strings.Join(all, "; "))
}
