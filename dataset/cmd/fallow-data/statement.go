package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// provenStatement is a node's statement in words, with the way from its leaf to
// the root that the chain has.
type provenStatement struct {
	ledger.Explanation
	Statement ledger.Statement `json:"statement"`
	Root      merkle.Hash      `json:"root"`
	File      merkle.Hash      `json:"file"`
	Index     int              `json:"index"`
	Nodes     int              `json:"nodes"`
	Path      []merkle.Hash    `json:"path"`
}

func newStatement() *cobra.Command {
	var asJSON bool
	var node string
	cmd := &cobra.Command{
		Use:   "statement --node ID FILE",
		Short: "Show what one node earned in an epoch, and how that came about",
		Long: `Show one node's lines in an epoch file: work × rate × modifiers = amount, in words.
The file is recomputed first; what does not verify is not explained. With --json also
the statement itself and its Merkle proof.

A node has a statement in each epoch in which it did or earned something. What it has
earned ever stands on its newest one.

Exit codes: 0 shown, 1 the file is not valid or has no statement of the node,
2 cannot tell (no such file, no permission).`,
		Example: `  fallow-data statement --node 7xKX… epochs/epoch-000001.json
  fallow-data statement --node 7xKX… epochs/epoch-000001.parquet --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := wire.ParseKey(node)
			if err != nil {
				return fmt.Errorf("--node: %w", err)
			}
			p, err := findStatement(args[0], key)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), p)
			}
			showStatement(newScreen(cmd.OutOrStdout()), p)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write statement, words and proof as one JSON object")
	cmd.Flags().StringVar(&node, "node", "", "the node's id (base58)")
	_ = cmd.MarkFlagRequired("node") // fails only for a flag that is not there
	return cmd
}

func findStatement(path string, node wire.Key) (*provenStatement, error) {
	f, err := ledger.ReadFile(path)
	if errors.Is(err, ledger.ErrFormat) {
		return nil, invalid{err}
	} else if err != nil {
		return nil, explain(err)
	}
	if r := f.Verify(ledger.VerifyOptions{}); !r.Valid() {
		return nil, invalid{fmt.Errorf("%s does not verify: %s %s\nsee: fallow-data epoch verify %s", path, r.Problems[0].Where, r.Problems[0].What, path)}
	}
	i := f.Find(node)
	if i < 0 {
		return nil, invalid{fmt.Errorf("node %s has no statement in epoch %d: it did and earned nothing in it; look into an earlier epoch", node, f.Head.Epoch)}
	}
	proof, err := ledger.Tree(f.Head.Epoch, f.Statements).Prove(i)
	if err != nil {
		return nil, err
	}
	return &provenStatement{
		Explanation: f.Explain(i), Statement: f.Statements[i], Root: f.Head.Root, File: f.Hash, Index: i, Nodes: len(f.Statements), Path: proof,
	}, nil
}

// invalid is an error that says the file is not as it should be.
type invalid struct{ error }

func (e invalid) Unwrap() error { return e.error }

func showStatement(s screen, p *provenStatement) {
	s.printf("node %s in epoch %d\n", p.Node, p.Epoch)
	for _, l := range p.Lines {
		s.printf("  %-12s %s\n", l.Kind, visible(l.Words))
	}
	if len(p.Lines) == 0 {
		s.printf("  nothing done\n")
	}
	s.printf("  = %s points, %s ever\n", p.Amount, p.Ever)
	if p.RoyaltyEver > 0 {
		s.printf("  = %d base units of royalties, %d ever\n", p.Royalty, p.RoyaltyEver)
	}
	s.printf("  paid to %s\n", p.Payout)
	for _, n := range p.Notes {
		s.printf("  note: %s\n", visible(n))
	}
	s.printf("  statement %d of %d under root %s\n", p.Index+1, p.Nodes, p.Root)
}
