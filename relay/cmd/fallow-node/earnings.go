package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

func newEarnings(o *options) *cobra.Command {
	var epoch uint64
	cmd := &cobra.Command{
		Use:   "earnings",
		Short: "Show what this node has earned, checked against its own counts",
		Long: `Show the points of each closed epoch. The agent fetches each statement from the
router with its proof, keeps it on disk, and takes it only if the proof leads to a
root that the router has signed. What the router counts is held against the
receipts this node has countersigned, and each difference is explained; "!" marks
those that are not as they should be.

Points are credit in the router's books; what they are worth is its operator's
matter. Without a running agent the statements on disk are shown.

Exit codes: 0 all in order, 1 something is not as it should be, or it failed.`,
		Example: `  fallow-node earnings
  fallow-node earnings --epoch 12
  fallow-node earnings --json | jq -r '.routers[] | "\(.router) \(.cumulative)"'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := control.NewClient(o.dir).Earnings(cmd.Context(), epoch)
			if errors.Is(err, control.ErrNotRunning) {
				report, err = storedEarnings(cmd.Context(), o.dir, epoch)
			}
			if err != nil {
				return err
			}
			if o.json {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				printEarnings(cmd.OutOrStdout(), report)
			}
			if err == nil && amiss(report) {
				err = errors.New("something is not as it should be; see above")
			}
			return err
		},
	}
	cmd.Flags().Uint64Var(&epoch, "epoch", 0, "this epoch alone, in full")
	return cmd
}

// storedEarnings reads the files of an agent that is stopped.
func storedEarnings(_ context.Context, dir string, epoch uint64) (report earnings.Report, err error) {
	id, err := identity.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return report, fmt.Errorf("there is nothing in %s yet: no agent has run there", dir)
	}
	if err != nil {
		return report, err
	}
	hold, err := datadir.Take(dir)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, hold.Release()) }()
	receipts, err := journal.OpenReceipts(slog.New(slog.DiscardHandler), time.Now, dir)
	if err != nil {
		return report, err
	}
	return earnings.NewReport(id.Public, earnings.OpenBook(dir), receipts.Newest(), epoch), receipts.Close()
}

// amiss reports whether anything speaks against a router.
func amiss(r earnings.Report) bool {
	for _, e := range r.Epochs {
		for _, d := range e.Differences {
			if d.Severity == earnings.Against {
				return true
			}
		}
	}
	return len(r.Damaged) > 0
}

func printEarnings(w io.Writer, r earnings.Report) {
	if r.Fetched != nil && r.Fetched.Problem != "" {
		fmt.Fprintln(w, paint(w, yellow, r.Fetched.Problem))
	}
	for _, damaged := range r.Damaged {
		fmt.Fprintln(w, paint(w, yellow, "! "+printable(damaged)))
	}
	if len(r.Routers) == 0 {
		fmt.Fprintln(w, "Nothing yet: no receipt and no closed epoch.")
	}
	for _, router := range r.Routers {
		fmt.Fprintf(w, "\nRouter %s\n", router.Router)
		if router.Newest > 0 {
			fmt.Fprintf(w, "  %s points up to epoch %d, proven\n", paint(w, green, router.Cumulative.String()), router.Newest)
		}
		for _, open := range router.Open {
			fmt.Fprintf(w, "  epoch %d, no statement yet: receipts for %s of %d jobs, %s online\n",
				open.Epoch, bytesText(open.Bytes), open.Receipts, time.Duration(open.OnlineSeconds)*time.Second)
		}
		for _, e := range r.Epochs {
			if e.Router == router.Router {
				printEpoch(w, e)
			}
		}
	}
}

func printEpoch(w io.Writer, e earnings.Epoch) {
	fmt.Fprintf(w, "  epoch %d, closed %s: %s points (%s for carriage, %s for availability); %s agreed, %s online\n",
		e.Epoch, e.End.Local().Format("2006-01-02 15:04"), e.Amount, e.Carriage, e.Availability,
		bytesText(e.BytesSigned), time.Duration(e.OnlineSeconds)*time.Second)
	if e.Royalty > 0 {
		fmt.Fprintf(w, "    royalties: %d base units of the router's token, %d ever, to %s\n", e.Royalty, e.RoyaltyEver, e.Payout)
	}
	for _, d := range e.Differences {
		mark := "-"
		if d.Severity == earnings.Against {
			mark = paint(w, yellow, "!")
		}
		fmt.Fprintf(w, "    %s %s\n", mark, strings.TrimSpace(printable(d.Sentence)))
	}
}
