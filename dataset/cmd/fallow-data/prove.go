package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
)

func newProve() *cobra.Command {
	var w dataset.Wanted
	var row int64
	var out string
	cmd := &cobra.Command{
		Use:   "prove PATH",
		Short: "Make the proof that one row is in a signed version",
		Long: `Make a file that shows, offline and without the dataset, that a row is in a version
that the router signed: the row itself, the hashes that lead from it to the root of
its shard, and the manifest. fallow-data verify checks it.

PATH is the folder of a version, or a shard in one. The shard that holds the row is
read and checked on the way. Rows count from 0, over the whole version or within the
shard that was named; of several rows with one address the first is proven.`,
		Example: `  fallow-data prove datasets/go-docs/v1 --url https://go.dev/doc/effective_go --out proof.json
  fallow-data prove datasets/go-docs/v1/data/train-00000-of-00001.parquet --row 12 > proof.json
  fallow-data verify proof.json --key 9xQe…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("row") {
				w.Row = &row
			}
			p, err := dataset.Prove(args[0], w)
			if err != nil {
				return explain(hint(args[0], err))
			}
			raw, err := p.Encode()
			if err != nil {
				return err
			}
			if out == "" {
				_, err = cmd.OutOrStdout().Write(raw)
				return err
			}
			if err := os.WriteFile(out, raw, 0o644); err != nil {
				return fmt.Errorf("write the proof: %w", err)
			}
			newScreen(cmd.ErrOrStderr()).printf("row %d of %s, proven by %d hashes, in %s\ncheck it with: fallow-data verify %s\n", p.Row, p.File, len(p.Path), out, out)
			return nil
		},
	}
	set := cmd.Flags()
	set.Int64Var(&row, "row", 0, "`N`umber of the row, from 0")
	set.StringVar(&w.ID, "id", "", "`ID` of the record")
	set.StringVar(&w.URL, "url", "", "address of the page, as in the column url")
	set.StringVar(&out, "out", "", "`FILE` to write; standard output if not given")
	cmd.MarkFlagsOneRequired("row", "id", "url")
	cmd.MarkFlagsMutuallyExclusive("row", "id", "url")
	return cmd
}

// checkChain holds a report that is valid so far against a transaction.
func checkChain(cmd *cobra.Command, path, rpc, signature string, report *dataset.Report) error {
	if report.Manifest == nil {
		return errors.New("cannot tell: there is no manifest, so nothing that a chain could commit to")
	}
	c, err := report.Manifest.Committed(cmd.Context(), rpc, signature)
	switch {
	case errors.Is(err, dataset.ErrNotCommitted):
		report.Reject(dataset.Problem{Kind: dataset.ProblemChain, File: dataset.ManifestFile, Field: "root", Detail: fmt.Sprintf("%s says: %v", c.Host, err)})
	case err != nil:
		return fmt.Errorf("cannot tell whether the chain has the root of %s: %w", path, err)
	default:
		report.Notes = append(report.Notes, fmt.Sprintf("committed in slot %d on %s, signed by %v, as %s tells", c.Slot, c.Time.Format("2006-01-02 15:04:05 UTC"), c.Signers, c.Host))
	}
	return nil
}
