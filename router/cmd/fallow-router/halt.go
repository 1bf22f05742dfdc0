package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newHalt() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:   "halt",
		Short: "The kill switch: stop nodes within seconds, and lift that again",
		Long: `Stop what nodes carry. The stop is signed with the router's key, reaches connected
nodes within seconds and the others when they connect, cuts open tunnels, and
holds across restarts of router and nodes until it is lifted. The reason is shown
to the users of all nodes.

  all     whatever nodes carry, for any router: for a fault in the agent itself
  router  what they carry for this router
  job ID  one job, which is paused too; lifted, it stays paused until job resume`,
		Example: `  fallow-router halt job 01J... --reason "the site asked us to stop" --data ./data/router
  fallow-router halt router --reason "looking into a complaint" --data ./data/router
  fallow-router halt show --data ./data/router
  fallow-router halt lift router --data ./data/router`,
	}
	t.flags(cmd)
	cmd.AddCommand(newHaltScope(t, "all", "Stop whatever nodes carry, for any router"),
		newHaltScope(t, "router", "Stop what nodes carry for this router"),
		newHaltScope(t, "job", "Stop one job"), newHaltShow(t), newHaltLift(t))
	return cmd
}

func newHaltScope(t *target, scope, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: scope, Short: short,
		Example: "  fallow-router halt " + scope + ` --reason "looking into a complaint" --data ./data/router`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usageError{errors.New("say why, for the users of nodes: --reason TEXT")}
			}
			stop := api.Stop{StopName: api.StopName{Scope: scope}, Reason: reason}
			if len(args) > 0 {
				stop.Job = args[0]
			}
			return t.changeHalt(cmd, func(ctx context.Context, c *api.Client) (api.Halt, error) { return c.StopNodes(ctx, stop) })
		},
	}
	if scope == "job" {
		cmd.Use, cmd.Args = "job ID", cobra.ExactArgs(1)
		cmd.Example = `  fallow-router halt job 01J... --reason "the site asked us to stop" --data ./data/router`
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one line of at most 200 bytes; every node's user reads it")
	return cmd
}

func newHaltLift(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "lift all|router|job [ID]", Short: "Take a stop back",
		Example: "  fallow-router halt lift router --data ./data/router\n  fallow-router halt lift job 01J... --data ./data/router",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := api.StopName{Scope: args[0]}
			if len(args) > 1 {
				name.Job = args[1]
			}
			return t.changeHalt(cmd, func(ctx context.Context, c *api.Client) (api.Halt, error) { return c.LiftStop(ctx, name) })
		},
	}
}

func newHaltShow(t *target) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show what is stopped",
		Example: "  fallow-router halt show --data ./data/router --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.changeHalt(cmd, func(ctx context.Context, c *api.Client) (api.Halt, error) { return c.Halt(ctx) })
		},
	}
}

// changeHalt does what is asked and shows what is stopped then.
func (t *target) changeHalt(cmd *cobra.Command, ask func(context.Context, *api.Client) (api.Halt, error)) error {
	return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
		h, err := ask(ctx, c)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(s.out, h)
		}
		return showHalt(s, h)
	})
}

func showHalt(s screen, h api.Halt) error {
	if h.Told != nil {
		s.printf("%d connected nodes were told; the others hear it when they connect\n", *h.Told)
	}
	if len(h.Stops) == 0 {
		s.printf("nothing is stopped\n")
		return nil
	}
	rows := make([][]string, 0, len(h.Stops))
	for _, stop := range h.Stops {
		rows = append(rows, []string{stop.Scope, orDash(stop.Job), when(*h.At), stop.Reason})
	}
	return s.table([]string{"STOPPED", "JOB", "CHANGED", "REASON"}, rows)
}
