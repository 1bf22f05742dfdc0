package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newStanding() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "standing",
		Short: "Look at standings, hear appeals and decide on them",
		Long: `A standing multiplies what a node earns: 1000 is full. It falls when a node is caught
at what only it can have done, with a reason code, and mends by 50 a day. An owner can
appeal; a decision takes effect at once and the next epoch file publishes it.`,
		Example: `  fallow-router standing list --data ./data/router
  fallow-router standing show 7xKX... --data ./data/router
  fallow-router standing decide 7xKX... --permille 1000 --because "its provider put the page there" --data ./data/router`,
	}
	t.flags(cmd)
	cmd.AddCommand(newStandingList(t), newStandingShow(t), newStandingAppeal(t), newStandingDecide(t))
	return cmd
}

func newStandingList(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List nodes that are not in good standing or appeal",
		Example: "  fallow-router standing list --data ./data/router --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				list, err := c.Standings(ctx)
				if err != nil {
					return err
				}
				if t.json {
					return writeJSON(s.out, api.StandingList{Standings: list})
				}
				if len(list) == 0 {
					s.printf("every node is in good standing, and nobody appeals\n")
					return nil
				}
				rows := make([][]string, 0, len(list))
				for _, l := range list {
					rows = append(rows, []string{l.Node, strconv.Itoa(l.Permille), l.Reason, when(l.At), strconv.Itoa(l.Appeals)})
				}
				return s.table([]string{"NODE", "STANDING", "REASON", "SINCE", "APPEALS"}, rows)
			})
		},
	}
}

func newStandingShow(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "show NODE", Short: "Show how a node stands and why",
		Example: "  fallow-router standing show 7xKX... --data ./data/router",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.showStanding(cmd, func(ctx context.Context, c *api.Client) (api.NodeStanding, error) { return c.Standing(ctx, args[0]) })
		},
	}
}

func newStandingAppeal(t *target) *cobra.Command {
	var claim string
	cmd := &cobra.Command{
		Use: "appeal NODE --claim TEXT", Short: "Record what a node's owner says about its standing",
		Example: `  fallow-router standing appeal 7xKX... --claim "that was my school's filter" --data ./data/router`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if claim == "" {
				return usageError{errors.New("say what the owner says: --claim TEXT")}
			}
			return t.showStanding(cmd, func(ctx context.Context, c *api.Client) (api.NodeStanding, error) {
				return c.Appeal(ctx, args[0], api.NewAppeal{Claim: claim})
			})
		},
	}
	cmd.Flags().StringVar(&claim, "claim", "", "what the owner says, in one line of at most 500 bytes")
	return cmd
}

func newStandingDecide(t *target) *cobra.Command {
	var permille int
	var because string
	cmd := &cobra.Command{
		Use: "decide NODE --permille N --because TEXT", Short: "Set a node's standing",
		Long: `Set a node's standing. That ends its quarantine and its appeals at once; the next epoch
file publishes the decision with your reason.`,
		Example: `  fallow-router standing decide 7xKX... --permille 1000 --because "its provider put the page there" --data ./data/router`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case permille < 0 || permille > 1000:
				return usageError{errors.New("say to what: --permille N, 0 to 1000; 1000 is full")}
			case because == "":
				return usageError{errors.New("say why: --because TEXT")}
			}
			return t.showStanding(cmd, func(ctx context.Context, c *api.Client) (api.NodeStanding, error) {
				return c.DecideStanding(ctx, args[0], api.StandingDecision{Permille: permille, Because: because})
			})
		},
	}
	cmd.Flags().IntVar(&permille, "permille", -1, "the standing from now on, 0 to 1000")
	cmd.Flags().StringVar(&because, "because", "", "why, in one line of at most 500 bytes; it is published")
	return cmd
}

func (t *target) showStanding(cmd *cobra.Command, ask func(context.Context, *api.Client) (api.NodeStanding, error)) error {
	return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
		n, err := ask(ctx, c)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(s.out, n)
		}
		s.printf("node %s stands at %d of 1000\n", n.Node, n.Permille)
		for _, e := range n.Events {
			s.printf("  %s  %-18s %4d  %s\n", when(e.At), e.Reason, e.Permille, e.Detail)
		}
		for _, a := range n.Appeals {
			state := "waits"
			if a.Decided != nil {
				state = "decided " + when(*a.Decided)
			}
			s.printf("  appeal %d of %s (%s): %s\n", a.ID, when(a.At), state, a.Claim)
		}
		return nil
	})
}
