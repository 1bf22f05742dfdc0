package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newSettle() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "settle",
		Short: "Settle closed epochs on Solana: commit to them, and pay nodes",
		Long: `Settle closed epochs on Solana. The configuration says how far: settle.mode is off,
commit (a memo per epoch with the root, the totals and the hash of the epoch file)
or pay (the memo, and payouts to nodes in a token).

"plan" shows what would be paid, what it costs, and what is put off and why; it
sends nothing. "run" shows the same, and with --yes has the router do it. A run
that is cut off, however, is run again and goes on; nothing is paid twice. What is
put off stays owed.`,
		Example: `  fallow-router settle plan --data ./data/router
  fallow-router settle run --data ./data/router --yes
  fallow-router settle status --data ./data/router
  fallow-router settle reconcile --data ./data/router
  fallow-router settle key --new --data ./data/router`,
	}
	t.flags(cmd)
	cmd.AddCommand(newSettleStatus(t), newSettlePlan(t), newSettleRun(t), newSettleReconcile(t), newSettleKey(t))
	return cmd
}

func newSettleStatus(t *target) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show how far settling is",
		Example: "  fallow-router settle status --data ./data/router --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				st, err := c.Settlement(ctx)
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, st)
				}
				return t.showSettlement(s, st)
			})
		},
	}
}

func (t *target) showSettlement(s screen, st api.Settlement) error {
	if st.Mode == "off" {
		s.printf("settlement is off: nothing goes on a chain. Set settle.mode to commit or pay to change that;\nfallow-router config print has all settings with their meaning\n")
		return nil
	}
	rows := [][2]string{{"mode", st.Mode}, {"treasury", st.Treasury}, {"token", st.Mint}, {"rate", rateText(st.Rate)}}
	if e := st.Epoch; e != nil {
		state := "under way"
		switch {
		case e.Done:
			state = "settled " + when(*e.Finished)
		case !st.Running:
			state = "begun and not finished; go on with: fallow-router settle run --yes" + t.again()
		}
		rows = append(rows, [][2]string{
			{"epoch", fmt.Sprintf("%d, %s", e.Number, state)},
			{"batches", fmt.Sprintf("%d of %d final", e.Final, e.Batches)},
			{"commitment", e.Commit},
		}...)
		if st.Mode == "pay" {
			rows = append(rows, [2]string{"paid", fmt.Sprintf("%d base units, %d waiting, to nodes ever %d", e.Paid, e.Waiting, st.Paid)})
		}
		s.fields(rows)
		if err := showHeld(s, e.Held, len(e.Held)+e.HeldMore); err != nil {
			return err
		}
	} else {
		s.fields(rows)
		s.printf("no epoch has been settled yet; see what would be: fallow-router settle plan%s\n", t.again())
	}
	if l := st.Live; l != nil {
		s.printf("payment %d (%s, %d payouts, %d base units) is not final yet:\n", l.Payment, l.Kind, l.Payouts, l.Units)
		rows := make([][]string, 0, len(l.Attempts))
		for _, a := range l.Attempts {
			rows = append(rows, []string{a.Signature, a.State, when(a.Updated), orDash(a.Note)})
		}
		if err := s.table([]string{"TRANSACTION", "STATE", "SINCE", "NOTE"}, rows); err != nil {
			return err
		}
	}
	if st.Error != "" {
		s.printf("%s %s\n", s.warn("the last run stopped:"), visible(st.Error))
	}
	return nil
}

func rateText(rate string) string {
	if rate == "" {
		return ""
	}
	return rate + " base units per micro-point"
}

func newSettlePlan(t *target) *cobra.Command {
	return &cobra.Command{
		Use:   "plan [EPOCH]",
		Short: "Show what settling would pay and cost; the newest epoch that can be settled without EPOCH",
		Long: `Show what settling an epoch would do now: who is paid how much, in how many
transactions, the fees and rents, and what is put off and why. The amounts are all
that nodes are owed, earlier epochs included. Nothing is stored or sent.`,
		Example: `  fallow-router settle plan --data ./data/router
  fallow-router settle plan --data ./data/router 12 --json`,
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
				if t.json {
					return writeJSON(s.out, p)
				}
				return showPlan(s, p)
			})
		},
	}
}

func epochArgument(args []string) (uint64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	epoch, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil || epoch == 0 {
		return 0, usageError{fmt.Errorf("%q is not the number of an epoch; they count from 1", args[0])}
	}
	return epoch, nil
}

// maxShown is how many lines a person is shown; --json has all.
const maxShown = 25

func showPlan(s screen, p api.SettlementPlan) error {
	rows := [][2]string{
		{"epoch", strconv.FormatUint(p.Epoch, 10)},
		{"root", p.Root},
		{"file", p.File},
		{"treasury", fmt.Sprintf("%s, %s SOL", p.Treasury, decimal(p.TreasuryLamports, 9))},
	}
	if p.Mode == "pay" {
		rows = append(rows, [][2]string{
			{"token", fmt.Sprintf("%s, the treasury has %s", p.Mint, decimal(int64(p.TreasuryUnits), p.Decimals))},
			{"rate", rateText(p.Rate)},
			{"pays", fmt.Sprintf("%s to %d nodes", decimal(int64(p.Units), p.Decimals), len(p.Payouts))},
		}...)
	}
	costs := fmt.Sprintf("%s SOL: fees of %d transactions %s, rent of their markers %s",
		decimal(p.FeeLamports+p.AccountRentLamports+p.MarkerRentLamports, 9), len(p.Batches), decimal(p.FeeLamports, 9), decimal(p.MarkerRentLamports, 9))
	if p.NewAccounts > 0 {
		costs += fmt.Sprintf(", opening %d token accounts %s", p.NewAccounts, decimal(p.AccountRentLamports, 9))
	}
	s.fields(append(rows, [2]string{"costs", costs}))
	if p.ShortLamports > 0 {
		s.printf("%s send %s SOL to %s, or lower settle.account_budget\n", s.warn("the treasury cannot pay these costs:"), decimal(p.ShortLamports, 9), p.Treasury)
	}
	if len(p.Batches) == 0 {
		s.printf("nothing is left to do for this epoch\n")
	}
	if len(p.Payouts) > 0 {
		rows := make([][]string, 0, maxShown)
		for _, o := range p.Payouts[:min(len(p.Payouts), maxShown)] {
			address, opens := "its own key", ""
			if o.Address != o.Node {
				address = o.Address
			}
			if o.New {
				opens = "opens the account"
			}
			rows = append(rows, []string{o.Node, decimal(int64(o.Units), p.Decimals), address, strconv.Itoa(o.Batch), opens})
		}
		if err := s.table([]string{"NODE", "AMOUNT", "PAID AT", "BATCH", ""}, rows); err != nil {
			return err
		}
		more(s, len(p.Payouts))
	}
	return showHeld(s, p.Held, len(p.Held))
}

func more(s screen, all int) {
	if all > maxShown {
		s.printf("… and %d more; --json lists all\n", all-maxShown)
	}
}

// showHeld lists what is put off; all is how many there are.
func showHeld(s screen, held []api.Held, all int) error {
	if len(held) == 0 {
		return nil
	}
	s.printf("put off, and still owed:\n")
	rows := make([][]string, 0, maxShown)
	for _, h := range held[:min(len(held), maxShown)] {
		rows = append(rows, []string{h.Node, strconv.FormatInt(int64(h.Units), 10), h.Reason, h.Words})
	}
	if err := s.table([]string{"NODE", "BASE UNITS", "REASON", "IN WORDS"}, rows); err != nil {
		return err
	}
	more(s, all)
	return nil
}

// decimal writes an amount of base units with its decimals.
func decimal(amount int64, decimals int) string {
	sign, text := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, text = "-", text[1:]
	}
	if decimals == 0 {
		return sign + text
	}
	for len(text) <= decimals {
		text = "0" + text
	}
	return sign + text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}
