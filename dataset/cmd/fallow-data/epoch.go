package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

func newEpoch() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "epoch",
		Short:   "Check published epochs of the ledger",
		Example: "  fallow-data epoch verify epochs/epoch-000001.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("say what to do; see " + cmd.CommandPath() + " --help")
		},
	}
	cmd.AddCommand(newEpochVerify(), newEpochPaid())
	return cmd
}

// epochReport is the ledger's report with the verdict beside it.
type epochReport struct {
	Path  string `json:"path"`
	Valid bool   `json:"valid"`
	// Audited says that the receipts behind the file were checked too.
	Audited bool `json:"receipts_checked"`
	ledger.Report
}

func newEpochVerify() *cobra.Command {
	var asJSON, skip bool
	var key, previous string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Recompute what every node earned",
		Long: `Check the published file of an epoch, offline, as JSON or as Parquet: the router's
signature, the points and royalties of every node by the formula, all sums, and the
Merkle root. If the receipts lie beside it (epoch-NNNNNN.receipts.parquet), also both
signatures of every receipt, and that bytes and online time are what the receipts add
up to; a million nodes take minutes for that, --amounts leaves it out. With the file of
the epoch before, also where cumulative amounts start.

Exit codes: 0 valid, 1 not valid, 2 cannot tell (no such file, no permission).`,
		Example: `  fallow-data epoch verify epochs/epoch-000001.json
  fallow-data epoch verify epochs/epoch-000001.parquet --amounts
  fallow-data epoch verify epochs/epoch-000002.json --previous epochs/epoch-000001.json --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := epochOptions(key, previous)
			if err != nil {
				return explain(err)
			}
			report := epochReport{Path: args[0]}
			f, err := ledger.ReadFile(args[0])
			switch {
			case errors.Is(err, ledger.ErrFormat): // there, and not what a router writes
				report.Problems = []ledger.Problem{{Where: "file", What: err.Error()}}
			case err != nil:
				return fmt.Errorf("cannot tell: %w\ncheck the path; epoch files lie at DIR/epochs/epoch-NNNNNN.json", err)
			default:
				report.Report = f.Verify(o)
				if !skip {
					if err := report.audit(f, args[0], cmd.ErrOrStderr()); err != nil {
						return err
					}
				}
			}
			report.Valid = report.Report.Valid()
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				err = nil
				showEpoch(newScreen(cmd.OutOrStdout()), report)
			}
			if err == nil && !report.Valid {
				err = errReported
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as one JSON object")
	cmd.Flags().BoolVar(&skip, "amounts", false, "leave the receipts out, recompute amounts and root only")
	cmd.Flags().StringVar(&key, "key", "", "router key (base58) that must have signed")
	cmd.Flags().StringVar(&previous, "previous", "", "file of the epoch before")
	return cmd
}

// auditShown is from how many nodes on progress is shown.
const auditShown = 20_000

// audit checks the receipts behind the file, if they are there.
func (r *epochReport) audit(f *ledger.File, path string, progress io.Writer) error {
	each := func(yield func(ledger.Evidence) error) error { return f.EachReceipt(path, yield) }
	var show func(int)
	if len(f.Statements) > auditShown {
		show = func(nodes int) {
			if nodes%auditShown < 256 { // they come in batches of that size
				fmt.Fprintf(progress, "receipts of %d of %d nodes checked\n", nodes, len(f.Statements))
			}
		}
	}
	err := f.VerifyReceipts(&r.Report, each, show)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, ledger.ErrFormat):
		r.Problems = append(r.Problems, ledger.Problem{Where: "receipts", What: err.Error()})
	case err != nil:
		return fmt.Errorf("cannot tell: %w", err)
	}
	r.Audited = true
	return nil
}

func epochOptions(key, previous string) (o ledger.VerifyOptions, err error) {
	if key != "" {
		router, err := wire.ParseKey(key)
		if err != nil {
			return o, fmt.Errorf("--key: %w", err)
		}
		o.RouterKey = &router
	}
	if previous != "" {
		if o.Previous, err = ledger.ReadFile(previous); err != nil {
			return o, fmt.Errorf("--previous: %w", err)
		}
	}
	return o, nil
}

func showEpoch(s screen, r epochReport) {
	if r.Valid {
		s.printf("%s epoch %d of router %s (%s)\n", s.good("valid"), r.Epoch, r.Router, r.Path)
	} else {
		s.printf("%s %s: %d problem(s)\n", s.bad("not valid"), r.Path, len(r.Problems)+r.Omitted)
	}
	for _, p := range r.Problems {
		s.printf("  %s %s\n", visible(p.Where), visible(p.What))
	}
	if r.Omitted > 0 {
		s.printf("  … and %d more\n", r.Omitted)
	}
	if r.Nodes == 0 && !r.Valid {
		return // nothing in it could be read
	}
	s.printf("  checked %d statements and %d receipts; of a pool of %s points %s were earned, %s by nobody\n", r.Nodes, r.Receipts, r.Pool, r.Allocated, r.Unallocated)
	if r.Royalties > 0 {
		s.printf("  royalties %d base units\n", r.Royalties)
	}
	s.printf("  root %s\n  file %s\n", r.Root, r.Hash)
	if r.Valid && !r.Audited {
		s.printf("  note: amounts and root only; with the receipts beside it (…%s) their signatures are checked too\n", ".receipts.parquet")
	}
	if r.Valid && !r.RouterKnown {
		s.printf("  note: signed by %s; compare this key with the router's, or pass it with --key\n", r.Router)
	}
}
