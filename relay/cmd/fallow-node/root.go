package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/datadir"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

// options are the flags every command has.
type options struct {
	dir  string
	json bool
}

func newRoot() *cobra.Command {
	o := new(options)
	root := &cobra.Command{
		Use:   "fallow-node",
		Short: "Share this connection with Fallow, within your own rules",
		Long: `fallow-node is the agent that shares this device's connection with a Fallow
router, and the command line to look after it. Nothing is shared before you
agree to it with "fallow-node consent accept".

Exit codes: 0 done, 1 it failed, 2 wrong command line, 3 no agent is running,
4 another agent has the data directory.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&o.dir, "data", datadir.Default(), "data directory: identity, rules, journal, receipts")
	flags.BoolVar(&o.json, "json", false, "print JSON (for run: log JSON)")
	root.AddCommand(newRun(o), newStatus(o), newJournal(o), newConsent(o), newPause(o), newResume(o), newRules(o), newEarnings(o), newIdentity(o), newRouter(o), newDoctor(o), newInstall(o), newUninstall(o))
	for _, c := range root.Commands() {
		if c.HasSubCommands() && c.RunE == nil {
			c.RunE = func(cmd *cobra.Command, _ []string) error { return sayWhat(cmd) }
		}
	}
	refuseArgs(root)
	return root
}

// sayWhat is the answer to a command that is only the beginning of one.
func sayWhat(cmd *cobra.Command) error {
	return usageError{errors.New("say what to do with it; see " + cmd.CommandPath() + " --help")}
}

// atLeastOne is for commands whose arguments are what.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{errors.New("give " + what + "; see " + cmd.CommandPath() + " --help")}
		}
		return nil
	}
}

// refuseArgs has c and the commands below it take no arguments, flags only,
// unless they say themselves what they take.
func refuseArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		refuseArgs(sub)
	}
	if c.Args != nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := cobra.NoArgs(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
