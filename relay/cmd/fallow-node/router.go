package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// chosenRouter is a router on the list as it is printed.
type chosenRouter struct {
	Router    wire.Key `json:"router"`
	PeerID    string   `json:"peer_id"`
	Home      bool     `json:"home"`
	Addresses []string `json:"addresses"`
}

func newRouter(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "router",
		Short: "Choose the routers this node works for",
		Long: `Choose the routers that "fallow-node run" connects to when it is given none. The
first is home, the others are failover, in their order. The key behind /p2p/ is
pinned: whoever answers with another one is not talked to. An agent that runs
takes a new list at once.`,
		Example: `  fallow-node router add /dns4/router.example.org/tcp/4001/p2p/12D3KooW...
  fallow-node router list`,
	}
	var home bool
	add := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "Add a router, or one more address of one",
		Example: `  fallow-node router add /dns4/router.example.org/tcp/4001/p2p/12D3KooW...
  fallow-node router add --home /ip4/203.0.113.7/udp/4001/quic-v1/p2p/12D3KooW...`,
		Args: one("an address that ends in /p2p/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeRouters(cmd, o, func(list []string) ([]string, error) { return routerlist.Add(list, args[0], home) })
		},
	}
	add.Flags().BoolVar(&home, "home", false, "make it the home router, tried first")
	cmd.AddCommand(add, &cobra.Command{
		Use:     "list",
		Short:   "List the chosen routers, home first",
		Example: "  fallow-node router list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := routerlist.Load(o.dir)
			if err != nil {
				return err
			}
			return printRouters(cmd.OutOrStdout(), o, list)
		},
	}, &cobra.Command{
		Use:     "remove ADDRESS|KEY",
		Short:   "Remove an address, or a router with all of its addresses",
		Example: "  fallow-node router remove 12D3KooW...",
		Args:    one("an address or a router's key; see router list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeRouters(cmd, o, func(list []string) ([]string, error) { return routerlist.Remove(list, args[0]) })
		},
	})
	return cmd
}

// one is for commands whose single argument is what.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{errors.New("give " + what + "; see " + cmd.CommandPath() + " --help")}
		}
		return nil
	}
}

func changeRouters(cmd *cobra.Command, o *options, change func([]string) ([]string, error)) error {
	list, err := routerlist.Load(o.dir)
	if err != nil {
		return err
	}
	list, err = change(list)
	if err != nil {
		return usageError{err}
	}
	if err := routerlist.Save(o.dir, list); err != nil {
		return err
	}
	_, err = control.NewClient(o.dir).SetRouters(cmd.Context(), list)
	switch {
	case errors.Is(err, control.ErrNotRunning):
	case errors.Is(err, relay.ErrPinned), errors.Is(err, control.ErrTooOld):
		fmt.Fprintln(cmd.ErrOrStderr(), "The list is stored, but not in force:", err)
	case err != nil:
		return err
	}
	return printRouters(cmd.OutOrStdout(), o, list)
}

func printRouters(w io.Writer, o *options, list []string) error {
	routers, err := uplink.ParseRouters(list)
	if err != nil {
		return err
	}
	shown := []chosenRouter{}
	for i, r := range routers {
		c := chosenRouter{Router: r.Key, PeerID: r.Key.PeerID().String(), Home: i == 0}
		for _, a := range r.Addrs {
			c.Addresses = append(c.Addresses, a.String())
		}
		shown = append(shown, c)
	}
	if o.json {
		return printJSON(w, shown)
	}
	if len(shown) == 0 {
		fmt.Fprintln(w, "No routers yet. Add one with: fallow-node router add ADDRESS")
	}
	for _, c := range shown {
		role := "Failover"
		if c.Home {
			role = "Home    "
		}
		fmt.Fprintf(w, "%s  %s\n          key %s\n", role, c.PeerID, c.Router)
		for _, a := range c.Addresses {
			fmt.Fprintf(w, "          %s\n", a)
		}
	}
	return nil
}
