package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

func newNode() *cobra.Command {
	t := new(target)
	cmd := &cobra.Command{
		Use:     "node",
		Short:   "Look at the connected nodes",
		Example: "  fallow-router node list --data ./data/router",
	}
	t.flags(cmd)
	cmd.AddCommand(newNodeList(t))
	return cmd
}

func newNodeList(t *target) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the connected nodes",
		Long: `List the connected nodes. SHARING is ok or the reason why a node does not share
now; STANDING is 1000 or, with the reason beside it, less.`,
		Example: `  fallow-router node list --data ./data/router
  fallow-router node list --data ./data/router --limit 20000 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.speak(cmd, func(ctx context.Context, c *api.Client, s screen) error {
				var all api.NodePage
				nodes, err := readAll(limit, func(p api.Page) ([]api.Node, string, error) {
					page, err := c.Nodes(ctx, p)
					all.Connected, all.Sharing = page.Connected, page.Sharing
					return page.Nodes, page.Next, err
				})
				if err != nil {
					return err
				}
				all.Nodes = nodes
				if t.json {
					return writeJSON(s.out, all)
				}
				return showNodes(s, all)
			})
		},
	}
	limitFlag(cmd, &limit, 100)
	return cmd
}

func showNodes(s screen, all api.NodePage) error {
	if all.Connected == 0 {
		s.printf("no node is connected; one joins with: fallow-node run --router ADDRESS --data DIR\n" +
			"the router prints its ADDRESS when it starts, and keeps it in addresses.json\n")
		return nil
	}
	rows := make([][]string, 0, len(all.Nodes))
	for _, n := range all.Nodes {
		rtt := "-"
		if n.RTT > 0 {
			rtt = fmt.Sprintf("%.0f ms", n.RTT)
		}
		rows = append(rows, []string{
			n.ID, orDash(n.Country), n.Sharing, fmt.Sprintf("%d/%d", n.InFlight, n.MaxTunnels), rtt, standing(n), when(n.Since),
		})
	}
	if err := s.table([]string{"NODE", "COUNTRY", "SHARING", "IN FLIGHT", "RTT", "STANDING", "SINCE"}, rows); err != nil {
		return err
	}
	s.printf("%d connected, %d sharing\n", all.Connected, all.Sharing)
	return nil
}

func standing(n api.Node) string {
	text := fmt.Sprint(n.Standing)
	if n.Quarantine != nil {
		return fmt.Sprintf("%s, quarantined until %s: %s", text, n.Quarantine.Until.Local().Format(time.TimeOnly), n.Quarantine.Reason)
	}
	if n.Standing < 1000 && len(n.Events) > 0 {
		return text + ": " + n.Events[0].Reason
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
