package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/api"
)

// usageError is a mistake on the command line or in the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "fallow-router",
		Short: "The central party of a Fallow network: nodes, jobs, datasets, epochs",
		Long: `fallow-router runs the central party of a Fallow network ("serve") and is the
command line to one that runs: jobs, nodes, epochs, datasets.

Commands that speak to a running router find it by --api URL or by --data DIR,
the directory it serves from; without either by FALLOW_API or FALLOW_DATA, and
then at http://` + defaultAPI + `.

Exit codes: 0 done, 1 it failed, 2 wrong command line or configuration, 3 no
router is running, 4 another router has the data directory, 5 the job waited
for was cancelled or failed, 130 stopped by Ctrl-C.`,
		Example: `  fallow-router serve --data ./data/router --contact https://example.org/crawler
  fallow-router job add --data ./data/router --dataset go-docs --purpose "search over documentation" --wait https://go.dev/doc/
  fallow-router epoch close --data ./data/router`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newServe(startRouter), newJob(), newFetch(), newCollector(), newNode(), newHalt(), newEpoch(), newStanding(), newSettle(), newOrder(), newDataset(), newConfig(), newDemo(), newVersion())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())}
	})
	root.Version = version
	strict(root)
	return root
}

// strict makes mistakes in arguments usage errors, here and below.
func strict(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.NoArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
	if cmd.HasSubCommands() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("say what to do; see " + cmd.CommandPath() + " --help")}
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// portTaken looks at the text, since libp2p hides the kind of its errors; an
// error that says what to do already is left alone.
func portTaken(err error) bool {
	text := err.Error()
	return strings.Contains(text, syscall.EADDRINUSE.Error()) && !strings.Contains(text, "--")
}

// explain adds what to do next, where the error does not say it itself.
func explain(err error) error {
	var refused *api.Error
	switch {
	case portTaken(err):
		return fmt.Errorf("%w\nthe port is in use: stop the other program, or choose another port with --listen", err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w\nthe disk is full: free some space and start again; nothing acknowledged is lost", err)
	case errors.As(err, &refused) && refused.Code == api.CodeNotFound && strings.Contains(refused.Detail, "job"):
		return fmt.Errorf("%w\nfallow-router job list shows what there is", err)
	default:
		return err
	}
}
