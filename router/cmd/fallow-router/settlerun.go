package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
)

// errNotSettled says that a settlement stopped before its end.
var errNotSettled = errors.New("the settlement is not finished")

func newSettleRun(t *target) *cobra.Command {
	var yes, wait bool
	cmd := &cobra.Command{
		Use:   "run [EPOCH]",
		Short: "Settle an epoch; a dry run without --yes",
		Long: `Settle an epoch, the newest that can be settled without EPOCH. Without --yes it is
a dry run: the plan is shown and nothing is sent. With --yes the router carries it
out, and this command waits and shows how it goes; Ctrl-C ends the waiting and not
the settlement. What an earlier run left unfinished is finished first.`,
		Example: `  fallow-router settle run --data ./data/router
  fallow-router settle run --data ./data/router --yes
  fallow-router settle run --data ./data/router 12 --yes --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			epoch, err := epochArgument(args)
			if err != nil {
				return err
			}
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				p, err := c.PlanSettlement(ctx, epoch)
				if err != nil {
					return err
				}
				if !yes && t.json {
					return writeJSON(s.out, p)
				}
				if !t.json {
					if err := showPlan(s, p); err != nil {
						return err
					}
				}
				if !yes {
					s.printf("%s nothing was sent; add --yes to settle\n", s.title("dry run:"))
					return nil
				}
				if p.ShortLamports > 0 {
					return fmt.Errorf("%w: nothing was sent", errNotSettled)
				}
				return t.settle(ctx, c, s, p, wait, newProgress(newScreen(cmd.ErrOrStderr())))
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "send: without it nothing leaves")
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until it is settled")
	return cmd
}

func (t *target) settle(ctx context.Context, c *api.Client, s screen, p api.SettlementPlan, wait bool, progress *progress) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	st, err := c.RunSettlement(ctx, p.Epoch)
	if err != nil {
		return err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for wait && st.Running {
		progress.say(settleProgress(st))
		select {
		case <-ctx.Done():
			progress.end()
			return fmt.Errorf("%w: the router goes on settling epoch %d; see: fallow-router settle status%s", errLeft, p.Epoch, t.again())
		case <-tick.C:
		}
		next, err := c.Settlement(ctx)
		if err != nil && ctx.Err() == nil {
			progress.end()
			return fmt.Errorf("%w\nwhat is signed is on the router's disk: run this again once it is back", err)
		}
		if err == nil {
			st = next
		}
	}
	progress.end()
	if t.json {
		err = writeJSON(s.out, st)
	} else {
		err = t.showSettlement(s, st)
	}
	if err == nil && st.Error != "" {
		err = fmt.Errorf("%w; running it again goes on and pays nothing twice", errNotSettled)
	}
	return err
}

// settleProgress is one line on how a run goes.
func settleProgress(st api.Settlement) string {
	text := "planning"
	if e := st.Epoch; e != nil && !e.Done {
		text = fmt.Sprintf("epoch %d: %d of %d batches final, %d base units paid", e.Number, e.Final, e.Batches, e.Paid)
	}
	if l := st.Live; l != nil && len(l.Attempts) > 0 {
		a := l.Attempts[len(l.Attempts)-1]
		text += fmt.Sprintf("; payment %d is %s for %s", l.Payment, a.State, time.Since(a.Created).Round(time.Second))
		if len(l.Attempts) > 1 {
			text += fmt.Sprintf(", attempt %d", len(l.Attempts))
		}
	}
	return text
}

func newSettleReconcile(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "reconcile",
		Short: "Compare every final payment with the chain",
		Long: `Compare every final payment with the chain: its marker, its transaction, each
transfer, and by how much the treasury's balance fell. Nothing is changed or sent.
The exit code is 1 if anything differs.`,
		Example: "  fallow-router settle reconcile --data ./data/router",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				progress := newProgress(newScreen(cmd.ErrOrStderr()))
				all, err := reconcileAll(ctx, c, func(done int) { progress.say(fmt.Sprintf("%d payments compared", done)) })
				progress.end()
				if err != nil {
					return err
				}
				if t.json {
					err = writeJSON(s.out, all)
				} else {
					showReconciliation(s, all)
				}
				if err == nil && len(all.Problems) > 0 {
					err = errors.New("the books and the chain differ")
				}
				return err
			})
		},
	}
}

func reconcileAll(ctx context.Context, c *api.Client, show func(done int)) (api.Reconciliation, error) {
	var all api.Reconciliation
	for from := uint64(1); from != 0; {
		r, err := c.Reconcile(ctx, from)
		if err != nil {
			return all, err
		}
		r.Batches += all.Batches
		r.Units += all.Units
		r.Problems = append(all.Problems, r.Problems...)
		all, from = r, r.Next
		show(all.Batches)
	}
	return all, nil
}

func showReconciliation(s screen, r api.Reconciliation) {
	s.printf("%d payments compared, %d base units in all\n", r.Batches, r.Units)
	s.printf("the treasury holds %d base units and %s SOL\n", r.TreasuryUnits, decimal(r.TreasuryLamports, 9))
	if r.Unknown > 0 {
		s.printf("%s %d payments on the chain are not in the database; settle run reads them back before it pays anything\n", s.warn("note:"), r.Unknown)
	}
	for _, h := range r.Ahead {
		s.printf("%s node %s: %s\n", s.warn("note:"), h.Node, h.Words)
	}
	for _, p := range r.Problems {
		s.printf("%s %s\n", s.warn("differs:"), visible(p))
	}
	if len(r.Problems) == 0 {
		s.printf("books and chain agree\n")
	}
}

func newSettleKey(t *target) *cobra.Command {
	var from source
	var create bool
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Show the treasury's address, or make its key",
		Long: `Show the address of the treasury, which is what payouts come from: send it the
token, and SOL for fees and rent. With --new its key is made, at DIR/treasury.json
or where settle.key says, in the form of Solana's own tools. Back that file up:
whoever has it has the treasury, and so has nobody without it.`,
		Example: `  fallow-router settle key --new --data ./data/router
  fallow-router settle key --config router.toml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.load()
			if err != nil {
				return err
			}
			if c.Dir == "" && t.data != "" {
				c.Dir = t.data
			}
			if c.Dir == "" && c.Settle.Key == "" {
				return usageError{errors.New("say where the key lies: --data DIR, or settle.key in the configuration")}
			}
			path := c.Settle.TreasuryPath(c.Dir)
			load := router.LoadTreasury
			if create {
				load = router.CreateTreasury
			}
			private, err := load(path)
			if err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			address := wire.KeyOf(private).String()
			if t.json {
				return writeJSON(s.out, map[string]string{"address": address, "file": path})
			}
			s.fields([][2]string{{"treasury", address}, {"key file", path}})
			return nil
		},
	}
	cmd.Flags().BoolVar(&create, "new", false, "make the key; one that is there is never replaced")
	from.configFlag(cmd)
	return cmd
}
