package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/journal"
)

// journalVerdict is what journal verify prints as JSON.
type journalVerdict struct {
	Valid bool `json:"valid"`
	journal.Report
	Damage *journalDamage `json:"damage,omitempty"`
}

type journalDamage struct {
	Entry   uint64 `json:"entry"`
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
	Why     string `json:"why"`
	Torn    bool   `json:"torn"` // the agent mends it when it starts
}

func newJournalVerify(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry was changed, removed or put in",
		Long: `Check every entry of the journal and the chain of hashes that holds them
together. Works whether the agent runs or not.

Exit codes: 0 sound, 1 damaged (the first damaged entry is named) or not
readable. What retention removed at the beginning is not damage. The hash of the
last entry, written down elsewhere, later shows that none was cut off the end.`,
		Example: `  fallow-node journal verify
  fallow-node journal verify --json | jq -r .head`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := verifyJournal(cmd.Context(), o.dir)
			var damage *journal.Damage
			if err != nil && !errors.As(err, &damage) {
				return err
			}
			if o.json {
				v := journalVerdict{Valid: err == nil, Report: report}
				if damage != nil {
					v.Damage = &journalDamage{damage.Entry, filepath.Base(damage.Segment), damage.Offset, damage.Why, damage.Torn}
				}
				return errors.Join(printJSON(cmd.OutOrStdout(), v), err)
			}
			switch {
			case damage != nil && damage.Torn:
				return fmt.Errorf("%w\na power cut may have left it; it is put aside when the agent starts", err)
			case damage != nil:
				return fmt.Errorf("%w\nthe %d entries before it are sound; keep a copy of the file before anything else writes to it", err, report.Entries)
			case report.Entries == 0:
				fmt.Fprintln(cmd.OutOrStdout(), "The journal has no entries.")
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "The journal is sound: entries %d to %d, from %s to %s.\nHead %s\n", report.First, report.Last,
					report.From.Local().Format(time.DateTime), report.To.Local().Format(time.DateTime), report.Head)
			}
			return nil
		},
	}
}

const (
	verifyTries = 5 // while an agent writes
	verifyPause = 200 * time.Millisecond
)

// verifyJournal reads the files beside an agent that may be writing them: an end
// that is just being written, and a segment that retention just removed, are
// looked at again.
func verifyJournal(ctx context.Context, dir string) (report journal.Report, err error) {
	path := filepath.Join(dir, relay.JournalDir)
	for range verifyTries {
		report, err = journal.Verify(path)
		var damage *journal.Damage
		torn := errors.As(err, &damage) && damage.Torn
		gone := errors.Is(err, fs.ErrNotExist)
		if !torn && !gone {
			return report, err
		}
		if _, asked := control.NewClient(dir).Status(ctx); asked != nil {
			break // nobody writes
		}
		select {
		case <-time.After(verifyPause):
		case <-ctx.Done():
			return report, ctx.Err()
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return journal.Report{}, nil // an agent that never ran has no journal
	}
	return report, err
}
