package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset/cmd/fallow-data/paid"
	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

func newEpochPaid() *cobra.Command {
	var asJSON bool
	var node, endpoint string
	var earlier []string
	cmd := &cobra.Command{
		Use:   "paid FILE --node ID --rpc URL",
		Short: "Check on Solana that a node was paid what an epoch file says it earned",
		Long: `Check on Solana that a node was paid what an epoch file says it has ever earned. The
file is recomputed first, as by epoch verify. Then the router's commitment to it is
looked up by the router's key, root and hash are compared, and every payment of the
treasury to the node is added up. Signatures are checked here; the endpoint is
trusted only for which transactions there are.

Exit codes: 0 paid in full, 1 not paid or not committed to, 2 cannot tell.`,
		Example: `  fallow-data epoch paid epochs/epoch-000012.json --node 7Yx… --rpc https://api.mainnet-beta.solana.com
  fallow-data epoch paid epochs/epoch-000012.json --node 7Yx… --rpc http://127.0.0.1:8899 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			claim, err := claimOf(args[0], node, earlier)
			if err != nil {
				return err
			}
			client, err := jsonrpc.New(endpoint)
			if err != nil {
				return fmt.Errorf("cannot tell: --rpc: %w", err)
			}
			report, err := paid.Check(cmd.Context(), client, claim)
			verdict := ""
			switch {
			case errors.Is(err, paid.ErrNoCommitment), errors.Is(err, paid.ErrCommitOnly):
				verdict = err.Error()
			case err != nil:
				return fmt.Errorf("cannot tell: %w", err)
			case report.Owed > 0:
				verdict = fmt.Sprintf("%d base units of what it earned are not paid; the router may be putting them off, see its settle status", report.Owed)
			}
			if err := showPaid(cmd, asJSON, claim, report, verdict); err != nil {
				return err
			}
			if verdict != "" {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as one JSON object")
	cmd.Flags().StringVar(&node, "node", "", "the node's id")
	cmd.Flags().StringArrayVar(&earlier, "earlier", nil, "an `ADDRESS` the node was paid at before it named the one in the file")
	cmd.Flags().StringVar(&endpoint, "rpc", "", "`URL` of a Solana RPC endpoint")
	return cmd
}

// claimOf is what a file, recomputed, says of a node.
func claimOf(path, node string, earlier []string) (paid.Claim, error) {
	var c paid.Claim
	var err error
	if c.Node, err = wire.ParseKey(node); err != nil {
		return c, fmt.Errorf("cannot tell: --node is %.60q, want the id of a node: %w", node, err)
	}
	f, err := ledger.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("cannot tell: %w", err)
	}
	if r := f.Verify(ledger.VerifyOptions{}); !r.Valid() {
		return c, fmt.Errorf("%w: %s is not valid (%s: %s), so it is no claim to check; see fallow-data epoch verify", errReported, path, r.Problems[0].Where, r.Problems[0].What)
	}
	claims := paid.Claims(f)
	i := slices.IndexFunc(claims, func(claim paid.Claim) bool { return claim.Node == c.Node })
	if i < 0 {
		return c, fmt.Errorf("cannot tell: node %s has no statement in epoch %d: take the newest epoch in which it earned something", c.Node, f.Head.Epoch)
	}
	c = claims[i]
	for _, text := range earlier {
		address, err := wire.ParseKey(text)
		if err != nil {
			return c, fmt.Errorf("cannot tell: --earlier is %.60q: %w", text, err)
		}
		c.Earlier = append(c.Earlier, address)
	}
	return c, nil
}

func showPaid(cmd *cobra.Command, asJSON bool, c paid.Claim, r paid.Report, verdict string) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return writeJSON(out, struct {
			Node    wire.Key `json:"node"`
			Epoch   uint64   `json:"epoch"`
			Settled bool     `json:"settled"`
			Problem string   `json:"problem,omitempty"`
			paid.Report
		}{c.Node, c.Epoch, verdict == "", verdict, r})
	}
	fmt.Fprintf(out, "epoch %d of router %s\n", c.Epoch, c.Router)
	if r.Commitment != "" {
		fmt.Fprintf(out, "  committed to in %s: root and file hash are those of the file\n", r.Commitment)
	}
	for _, other := range r.Others {
		fmt.Fprintf(out, "  ATTENTION: %s commits to the same epoch with another root or file\n", other)
	}
	for _, p := range r.Payments {
		fmt.Fprintf(out, "  paid %s base units for epoch %d in %s\n", strconv.FormatInt(int64(p.Units), 10), p.Epoch, p.Transaction)
	}
	switch {
	case verdict != "":
		fmt.Fprintf(out, "NOT SETTLED: %s\n", verdict)
	case r.Owed < 0:
		fmt.Fprintf(out, "paid in full: node %s has earned %d base units up to this epoch and has been paid %d, later epochs included\n", c.Node, r.Earned, r.Paid)
	default:
		fmt.Fprintf(out, "paid in full: node %s has earned %d base units up to this epoch and has been paid %d\n", c.Node, r.Earned, r.Paid)
	}
	return nil
}
