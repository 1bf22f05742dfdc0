// Command fallow-data inspects, verifies and exports Fallow datasets and
// verifies epochs, offline, and pulls versions from a server: for buyers,
// auditors and home users. Everything it does to datasets is in package dataset
// and below; here are flags, words and exit codes.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main for a test: it executes the arguments and returns the exit code.
func run(args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(errs, "fallow-data:", err)
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "fallow-data",
		Version: version,
		Short:   "Pull, inspect, verify, export and deduplicate Fallow datasets",
		Long: `Pull, inspect, verify and export Fallow datasets, and verify epochs of the ledger.
Every command but pull works without a network and sends nothing anywhere.

Exit codes: 0 fine, 1 not valid (the output says what and where), 2 cannot tell.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newVerify(), newProve(), newInspect(), newExport(), newSnapshot(), newPull(), newFlight(), newDedupe(), newEpoch(), newStatement(),
	)
	return root
}
