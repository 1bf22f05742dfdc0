package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/pull"
)

// tokenVariable is where a key for the server is looked for: on the command
// line, others on this machine could read it.
const tokenVariable = "FALLOW_TOKEN"

func newPull() *cobra.Command {
	var o pull.Options
	var key, since string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pull URL",
		Short: "Fetch a version from a router or a web server, verifying on the way",
		Long: `Fetch a version of a dataset into a folder: in parallel, each file compared with the
digest in the signed manifest while it arrives. Interrupted, it goes on where it
stopped when the same command is run again. Files that versions beside the folder
have are linked, not fetched: the next version costs what is new.

URL is that of a dataset in a router's API (its latest version), of one version, or
of any folder on a web server that has manifest.json in it. If the server wants a
key, put it into the environment as ` + tokenVariable + `.

If rows were taken down since the version you have, it says so, with the reasons.

With --since it fetches only the shards that came after a version, with
removed.parquet, which names the rows to drop from the ones you have.

Exit codes: 0 the folder is whole, 1 the server sends other bytes than were signed,
2 it could not be fetched.`,
		Example: `  fallow-data pull http://127.0.0.1:4180/api/v1/datasets/go-docs
  fallow-data pull http://127.0.0.1:4180/api/v1/datasets/go-docs/versions/3 --out ./go-docs/v3 --parallel 8
  fallow-data pull https://data.example/go-docs/v3/ --key 7Xw…
  fallow-data pull http://127.0.0.1:4180/api/v1/datasets/go-docs --since v2 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pullOptions(&o, key, since); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			bar := newBar(cmd.ErrOrStderr())
			o.Progress = bar.show
			result, err := pull.Pull(ctx, args[0], o)
			bar.end()
			if errors.Is(err, context.Canceled) {
				return errors.New("stopped; run the same command again to go on where it was")
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), result)
			}
			showPulled(newScreen(cmd.OutOrStdout()), result)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Out, "out", "", "folder to make (default NAME/vN)")
	flags.IntVar(&o.Parallel, "parallel", 4, "files at once, 1 to 32")
	flags.StringVar(&since, "since", "", "a version you have, such as v2: fetch only what came after it")
	flags.StringVar(&key, "key", "", "router key (base58) that must have signed")
	flags.BoolVar(&o.Redirects, "redirects", false, "let the server send us to another host")
	flags.BoolVar(&asJSON, "json", false, "write the result as one JSON object")
	return cmd
}

func pullOptions(o *pull.Options, key, since string) (err error) {
	o.Token = os.Getenv(tokenVariable)
	if since != "" {
		if o.Since, err = strconv.Atoi(strings.TrimPrefix(since, "v")); err != nil || o.Since < 1 {
			return fmt.Errorf("--since %q: give the number of a version, such as v2", since)
		}
	}
	if key != "" {
		if o.Key, err = dataset.ParseAddress(key); err != nil {
			return fmt.Errorf("--key: %w", err)
		}
	}
	return nil
}

func showPulled(s screen, r pull.Result) {
	what := "version " + strconv.Itoa(r.Version)
	if r.Since > 0 {
		what = fmt.Sprintf("what came after version %d, up to version %d,", r.Since, r.Version)
	}
	if r.Already {
		s.printf("%s %s of %s is in %s already\n", s.good("whole"), what, visible(r.Dataset), visible(r.Dir))
	} else {
		s.printf("%s %s of %s is in %s\n", s.good("whole"), what, visible(r.Dataset), visible(r.Dir))
		s.printf("  %d files: %s fetched, %s from an earlier attempt, %s from versions beside it\n", r.Files, amount(r.Downloaded), amount(r.Resumed), amount(r.Reused))
	}
	s.printf("  signed by %s; root %s\n", r.Router, r.Root)
	if r.Newer > 0 {
		s.printf("  version %d is out\n", r.Newer)
	}
	rows := int64(0)
	for _, n := range r.Removed {
		rows += n.Rows
	}
	if len(r.Removed) > 0 {
		s.printf("%s %d rows of the version you have were taken down since:\n", s.bad("removed"), rows)
	}
	for _, n := range r.Removed {
		s.printf("  %s  %6d rows  %-8s %s (gone since version %d)\n", n.At.Format(time.DateOnly), n.Rows, n.Scope, visible(n.Reason), n.Version)
	}
	if len(r.Removed) > 0 {
		s.printf("  drop from what you keep the rows whose leaf is in column record of %s\n", dataset.RemovedFile)
	}
	if r.Since == 0 {
		s.printf("  check all of it, row by row: fallow-data verify %s\n", visible(r.Dir))
	}
}

// amount is a number of bytes for people.
func amount(n int64) string {
	value, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB"}
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}

// bar shows progress: in place on a terminal, else a line now and then.
type bar struct {
	out   io.Writer
	live  bool
	start time.Time
	last  time.Time // line written
	drawn bool
}

// plainEvery is how often progress is written where it cannot be redrawn.
const plainEvery = 5 * time.Second

func newBar(out io.Writer) *bar {
	f, ok := out.(*os.File)
	now := time.Now()
	return &bar{out: out, live: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb", start: now, last: now}
}

func (b *bar) show(p pull.Progress) {
	share := 1.0
	if p.Total > 0 {
		share = float64(p.Bytes) / float64(p.Total)
	}
	spent := time.Since(b.start)
	text := fmt.Sprintf("%3.0f %%  %s of %s, %d of %d files", 100*share, amount(p.Bytes), amount(p.Total), p.Done, p.Files)
	if rate := float64(p.Bytes) / spent.Seconds(); rate > 0 && spent > 2*time.Second && p.Bytes < p.Total {
		left := time.Duration(float64(p.Total-p.Bytes)/rate) * time.Second
		text += fmt.Sprintf(", %s/s, about %s left", amount(int64(rate)), left)
	}
	if b.live {
		const width = 24
		full := int(width * min(1, max(0, share)))
		_, _ = fmt.Fprintf(b.out, "\r\x1b[K%s%s %s", strings.Repeat("█", full), strings.Repeat("░", width-full), text)
		b.drawn = true
		return
	}
	if now := time.Now(); now.Sub(b.last) >= plainEvery {
		b.last = now
		_, _ = fmt.Fprintln(b.out, text)
	}
}

// end leaves the last state standing.
func (b *bar) end() {
	if b.drawn {
		_, _ = fmt.Fprintln(b.out)
	}
}
