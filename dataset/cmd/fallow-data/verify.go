package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/dataset"
)

func newVerify() *cobra.Command {
	var asJSON bool
	var key, rpc, memo string
	cmd := &cobra.Command{
		Use:   "verify PATH",
		Short: "Check that nothing was altered since the router signed",
		Long: `Check a version of a dataset, a single shard, or the proof of one row (fallow-data
prove), offline: the router's signature, the digest of every file, the Merkle leaf of every row, the roots, and the figures in
the manifest. Where something differs, file, row (counted from 0) and field are
named as closely as the damage allows.

Exit codes: 0 valid, 1 not valid, 2 cannot tell (no such path, no permission, not a version).`,
		Example: `  fallow-data verify datasets/go-docs/v1
  fallow-data verify datasets/go-docs/v1 --key 9xQe…   # insist on this router
  fallow-data verify datasets/go-docs/v1/data/train-00000-of-00001.parquet --json
  fallow-data verify proof.json --key 9xQe…
  fallow-data verify datasets/go-docs/v1 --rpc https://api.mainnet-beta.solana.com --memo 5VERv8NM…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var o dataset.VerifyOptions
			if key != "" {
				var err error
				if o.Key, err = dataset.ParseAddress(key); err != nil {
					return fmt.Errorf("--key: %w", err)
				}
			}
			report, err := dataset.Verify(args[0], o)
			if err != nil {
				return explain(hint(args[0], err))
			}
			if rpc != "" && report.Valid {
				if err := checkChain(cmd, args[0], rpc, memo, &report); err != nil {
					return explain(err)
				}
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				showReport(newScreen(cmd.OutOrStdout()), report)
			}
			if err == nil && !report.Valid {
				err = errReported
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as one JSON object")
	cmd.Flags().StringVar(&key, "key", "", "router key (base58) that must have signed")
	cmd.Flags().StringVar(&rpc, "rpc", "", "`URL` of a Solana RPC endpoint: look there for the root too")
	cmd.Flags().StringVar(&memo, "memo", "", "`SIGNATURE` of the transaction whose memo commits the version, with --rpc")
	cmd.MarkFlagsRequiredTogether("rpc", "memo")
	return cmd
}

// hint helps those who name the folder of a dataset instead of a version.
func hint(path string, err error) error {
	if !errors.Is(err, dataset.ErrNoVersion) {
		return err
	}
	if n, _, latestErr := dataset.Latest(path); latestErr == nil {
		return fmt.Errorf("%w\nthis is the folder of a dataset; its latest version is %s/v%d", err, path, n)
	}
	return fmt.Errorf("%w\ngive the folder of a version (it holds %s) or a Parquet shard", err, dataset.ManifestFile)
}

func showReport(s screen, r dataset.Report) {
	what := r.Kind + " " + r.Path
	switch {
	case r.Dataset != "" && r.Kind == dataset.KindProof:
		what = fmt.Sprintf("proof of a row of %s version %d (%s)", visible(r.Dataset), r.Version, r.Path)
	case r.Dataset != "":
		what = fmt.Sprintf("%s version %d (%s)", visible(r.Dataset), r.Version, r.Path)
	}
	if r.Valid {
		s.printf("%s %s\n", s.good("valid"), what)
	} else {
		s.printf("%s %s: %d problem(s)\n", s.bad("not valid"), what, int64(len(r.Problems))+r.Omitted)
	}
	for _, p := range r.Problems {
		s.printf("  %s\n", visible(p.String()))
	}
	if r.Omitted > 0 {
		s.printf("  … and %d more\n", r.Omitted)
	}
	s.printf("  checked %d rows in %d shard(s), %d bytes; root %s\n", r.Rows, r.Shards, r.Bytes, r.Root)
	for _, note := range r.Notes {
		s.printf("  note: %s\n", visible(note))
	}
}
