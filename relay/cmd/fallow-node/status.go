package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
)

func newStatus(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say whether the agent shares and, if not, why and until when",
		Example: `  fallow-node status
  fallow-node status --json | jq -r .sentence`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := control.NewClient(o.dir).Status(cmd.Context())
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), s)
			}
			printStatus(cmd.OutOrStdout(), s)
			return nil
		},
	}
}

func printStatus(w io.Writer, s relay.Status) {
	colour := yellow
	if s.Sharing.OK && connected(s) {
		colour = green
	}
	fmt.Fprintln(w, paint(w, colour, s.Sentence))
	for _, warning := range s.Warnings {
		fmt.Fprintln(w, paint(w, yellow, "Warning: "+warning))
	}
	fmt.Fprintf(w, "\nNode      %s (version %s, up %s)\n", s.Node, s.Version, time.Since(s.Started).Round(time.Second))
	for _, r := range s.Routers {
		fmt.Fprintf(w, "Router    %s %s\n", r.Router, routerText(r))
	}
	fmt.Fprintf(w, "Payouts   %s\n", payoutText(s.Payout))
	fmt.Fprintf(w, "Tunnels   %d open of %d; %d reached their site, %d did not, %d refused\n",
		s.Tunnels.Open, s.MaxTunnels, s.Tunnels.Reached, s.Tunnels.Failed, s.Tunnels.Refused)
	fmt.Fprintf(w, "Carried   %s down, %s up since the start; %s today, %s this month\n",
		bytesText(s.Carried.BytesDown), bytesText(s.Carried.BytesUp), bytesText(s.Used.Day), bytesText(s.Used.Month))
	fmt.Fprintf(w, "Receipts  %d countersigned, %d disputed\n", s.Carried.Signed, s.Carried.Disputed)
}

func routerText(r relay.RouterStatus) string {
	switch {
	case r.Connected:
		return fmt.Sprintf("connected over %s for %s, epoch %d", r.Carrier, time.Since(r.Since).Round(time.Second), r.Epoch)
	case r.Problem != "" && !r.NextTry.IsZero():
		return fmt.Sprintf("%s Next try at %s.", r.Problem, r.NextTry.Local().Format("15:04:05"))
	case r.Problem != "":
		return r.Problem
	default:
		return "not connected"
	}
}

func connected(s relay.Status) bool {
	for _, r := range s.Routers {
		if r.Connected {
			return true
		}
	}
	return false
}
