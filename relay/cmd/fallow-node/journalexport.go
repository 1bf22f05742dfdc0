package main

import (
	"bufio"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/durable"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

// exported is what journal export says about the file it wrote.
type exported struct {
	File    string `json:"file"`
	Format  string `json:"format"`
	Entries int    `json:"entries"`
	Damaged int    `json:"damaged"` // lines left out
}

func newJournalExport(o *options) *cobra.Command {
	var since, format, out string
	var filter journal.Filter
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all entries to a file or to standard output",
		Long: `Write all entries, or those chosen, oldest first. Works whether the agent runs
or not, and with a journal of any size.

jsonl has one entry a line, byte by byte as the journal has it: SHA-256 over
"fallow-journal-v1", a line end and the line is the prev of the next entry. csv is
for spreadsheets: what a router wrote is kept from being taken for a formula.

With --out the file appears when it is whole, or stays as it was.`,
		Example: `  fallow-node journal export --out journal.jsonl
  fallow-node journal export --format csv --since 720h --out last-month.csv
  fallow-node journal export --site example.org | jq -r .purpose`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if filter.Since, err = parseSince(since, time.Now()); err != nil {
				return usageError{err}
			}
			if format != "jsonl" && format != "csv" {
				return usageError{fmt.Errorf("--format is %q, want jsonl or csv", format)}
			}
			if o.json && out == "" && format != "jsonl" {
				return usageError{errors.New("--json tells of the file written: add --out FILE, or leave --json away")}
			}
			done := exported{File: out, Format: format}
			if out == "" {
				done.Entries, done.Damaged, err = exportJournal(cmd.OutOrStdout(), o.dir, format, filter)
			} else {
				done.Entries, done.Damaged, err = exportTo(out, o.dir, format, filter)
			}
			if err != nil {
				return err
			}
			if done.Damaged > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "Warning: %d damaged lines were left out; see fallow-node journal verify\n", done.Damaged)
			}
			switch {
			case out == "":
			case o.json:
				return printJSON(cmd.OutOrStdout(), done)
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "Done. %d entries are in %s.\n", done.Entries, out)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&format, "format", "jsonl", "jsonl or csv")
	flags.StringVar(&out, "out", "", "file to write; standard output without it")
	flags.StringVar(&since, "since", "", "from this time on: 90m, 24h, 2006-01-02 or RFC 3339")
	flags.StringVar(&filter.Site, "site", "", "this host and those under it")
	return cmd
}

func exportTo(path, dir, format string, f journal.Filter) (entries, damaged int, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return 0, 0, fmt.Errorf("%s is not a file that can be replaced; for a pipe, leave --out away", path)
	}
	file, err := durable.Create(path)
	if err != nil {
		return 0, 0, err
	}
	entries, damaged, err = exportJournal(file, dir, format, f)
	if err != nil {
		file.Abort()
		return entries, damaged, err
	}
	return entries, damaged, file.Commit()
}

func exportJournal(to io.Writer, dir, format string, f journal.Filter) (entries, damaged int, err error) {
	w := bufio.NewWriterSize(to, 64<<10)
	write := func(e journal.Written) error {
		_, _ = w.Write(e.JSON) // w keeps its first error
		return w.WriteByte('\n')
	}
	var table *csv.Writer
	if format == "csv" {
		table = csv.NewWriter(w)
		if err := table.Write(exportColumns); err != nil {
			return 0, 0, fmt.Errorf("export journal: %w", err)
		}
		write = func(e journal.Written) error { return table.Write(exportRow(e)) }
	}
	damaged, err = journal.Stream(filepath.Join(dir, relay.JournalDir), f, func(e journal.Written) error {
		entries++
		if err := write(e); err != nil {
			return fmt.Errorf("export journal: %w", err)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // an agent that never ran has no journal
	}
	if err != nil {
		return entries, damaged, err
	}
	if table != nil {
		table.Flush() // its error is w's
	}
	if err := w.Flush(); err != nil {
		return entries, damaged, fmt.Errorf("export journal: %w", err)
	}
	return entries, damaged, nil
}

var exportColumns = []string{
	"seq", "time", "kind", "host", "port", "address", "bytes_down", "bytes_up", "reason",
	"job", "purpose", "dataset", "urls", "note", "router", "serial", "lease", "lease_sig", "hash",
}

func exportRow(e journal.Written) []string {
	var address, router, serial, reason string
	if e.Entry.Address.IsValid() {
		address = e.Entry.Address.String()
	}
	if !e.Entry.Router.IsZero() {
		router = e.Entry.Router.String()
	}
	if e.Entry.Serial != (wire.Serial{}) {
		serial = e.Entry.Serial.String()
	}
	if e.Entry.Kind == journal.Closed || e.Entry.Kind == journal.Refused {
		reason = e.Entry.Reason.String()
	}
	row := []string{
		strconv.FormatUint(e.Entry.Seq, 10), e.Entry.Time.Format(time.RFC3339Nano), string(e.Entry.Kind),
		e.Entry.Host, strconv.Itoa(int(e.Entry.Port)), address,
		strconv.FormatUint(e.Entry.BytesDown, 10), strconv.FormatUint(e.Entry.BytesUp, 10), reason,
		e.Entry.Job, e.Entry.Purpose, e.Entry.Dataset, strings.Join(e.Entry.URLs, " "), e.Entry.Note, router, serial,
		base64.StdEncoding.EncodeToString(e.Entry.Lease), base64.StdEncoding.EncodeToString(e.Entry.LeaseSig), e.Hash.String(),
	}
	for i := range row {
		row[i] = cell(row[i])
	}
	return row
}

// cell is text that a spreadsheet takes for text, whoever wrote it.
func cell(text string) string {
	text = printable(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}
