package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newEpoch() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "epoch",
		Short: "Look at epochs, close them, and settle what is said against them",
		Example: `  fallow-router epoch list --data ./data/router
  fallow-router epoch close --data ./data/router
  fallow-router epoch show --data ./data/router 1`,
	}
	t.flags(cmd)
	cmd.AddCommand(newEpochList(t), newEpochClose(t), newEpochShow(t),
		newEpochChallenge(t), newEpochChallenges(t), newEpochDecide(t), newEpochLate(t))
	return cmd
}

func newEpochList(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List epochs, newest first",
		Example: "  fallow-router epoch list --data ./data/router --limit 10",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				epochs, err := readAll(limit, func(p api.Page) ([]api.Epoch, string, error) {
					page, err := c.Epochs(ctx, p)
					return page.Epochs, page.Next, err
				})
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, map[string]any{"epochs": epochs})
				}
				return showEpochs(s, epochs)
			})
		},
	}
	limitFlag(cmd, &limit, 50)
	return cmd
}

func showEpochs(s screen, epochs []api.Epoch) error {
	rows := make([][]string, 0, len(epochs))
	for _, e := range epochs {
		end := "-"
		if e.End != nil {
			end = when(*e.End)
		}
		rows = append(rows, []string{
			strconv.FormatUint(e.Number, 10), cmp.Or(e.Phase, e.State), when(e.Start), end, e.Pool.String(), e.Allocated.String(), orDash(e.Root),
		})
	}
	return s.table([]string{"EPOCH", "STATE", "START", "END", "POOL", "EARNED", "ROOT"}, rows)
}

func newEpochClose(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "close",
		Short: "Close the open epoch and show what each node earned",
		Long: `Close the open epoch. Nodes have some seconds to countersign their last receipts;
then points are computed, the epoch file is written and the next epoch is open.`,
		Example: `  fallow-router epoch close --data ./data/router
  fallow-router epoch close --data ./data/router --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				e, err := c.CloseEpoch(ctx)
				if err != nil {
					return err
				}
				return t.showEpoch(ctx, c, s, e)
			})
		},
	}
}

func newEpochShow(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "show [NUMBER]",
		Short: "Show an epoch and what each node earned; the newest without NUMBER",
		Example: `  fallow-router epoch show --data ./data/router 1
  fallow-router epoch show --data ./data/router 1 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted := uint64(0)
			if len(args) == 1 {
				var err error
				if wanted, err = strconv.ParseUint(args[0], 10, 64); err != nil || wanted == 0 {
					return usageError{fmt.Errorf("%q is not the number of an epoch; they count from 1", args[0])}
				}
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				e, err := epochOrNewest(ctx, c, wanted)
				if err != nil {
					return err
				}
				return t.showEpoch(ctx, c, s, e)
			})
		},
	}
}

func epochOrNewest(ctx context.Context, c *api.Client, wanted uint64) (api.Epoch, error) {
	if wanted != 0 {
		return c.Epoch(ctx, wanted)
	}
	page, err := c.Epochs(ctx, api.Page{Limit: 1})
	if err != nil {
		return api.Epoch{}, err
	}
	if len(page.Epochs) == 0 {
		return api.Epoch{}, fmt.Errorf("the router has no epoch yet")
	}
	return page.Epochs[0], nil
}

// fullEpoch is an epoch with its statements, as JSON shows it.
type fullEpoch struct {
	api.Epoch
	Statements []api.Statement `json:"statements"`
}

func (t *target) showEpoch(ctx context.Context, c *api.Client, s screen, e api.Epoch) error {
	list, err := readAll(math.MaxInt, func(p api.Page) ([]api.Statement, string, error) {
		page, err := c.Statements(ctx, e.Number, p)
		return page.Statements, page.Next, err
	})
	if err != nil {
		return err
	}
	if t.json {
		return writeJSON(s.out, fullEpoch{e, list})
	}
	if e.End == nil {
		s.printf("epoch %d is open since %s; points are computed when it is closed: fallow-router epoch close%s\n", e.Number, when(e.Start), t.again())
		return nil
	}
	s.fields([][2]string{
		{"epoch", fmt.Sprintf("%d, %s", e.Number, phaseText(e))},
		{"time", when(e.Start) + " to " + when(*e.End)},
		{"pool", fmt.Sprintf("%s points, %s earned", e.Pool, e.Allocated)},
		{"root", e.Root},
		{"file", e.File},
	})
	if e.File != "" {
		s.fields([][2]string{{"verify", "fallow-data epoch verify " + e.File}})
	}
	return showStatements(s, list)
}

// phaseText is where an epoch stands and until when.
func phaseText(e api.Epoch) string {
	switch {
	case e.Phase == "challengeable" && e.SettleFrom != nil:
		return "closed, can be challenged until " + when(*e.SettleFrom)
	case e.Challenges > 0:
		return fmt.Sprintf("closed, %d challenges wait for a decision", e.Challenges)
	case e.Phase == "settleable":
		return "closed, can be settled"
	}
	return e.State
}

func showStatements(s screen, list []api.Statement) error {
	if len(list) == 0 {
		s.printf("no node has earned anything yet\n")
		return nil
	}
	slices.SortStableFunc(list, func(a, b api.Statement) int { return cmp.Compare(b.Amount, a.Amount) })
	rows := make([][]string, 0, len(list))
	for _, l := range list {
		standing := strconv.Itoa(l.Standing)
		if len(l.Reasons) > 0 {
			standing += ": " + fmt.Sprint(l.Reasons)
		}
		rows = append(rows, []string{
			l.Node, bytesText(l.BytesSigned), bytesText(l.BytesUnsigned + l.BytesDisputed),
			strconv.FormatUint(l.OnlineSeconds, 10) + " s", standing, l.Amount.String(), l.Cumulative.String(),
		})
	}
	return s.table([]string{"NODE", "SIGNED", "UNSIGNED", "ONLINE", "STANDING", "POINTS", "EVER"}, rows)
}
