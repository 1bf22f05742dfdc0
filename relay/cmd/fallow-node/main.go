// Command fallow-node is the agent: the small program that makes a home device a
// node, and the command line to look after it. It parses, prints and wires;
// everything real is in package relay and below.
//
// Exit codes: 0 done; 1 it failed; 2 the command line is wrong; 3 no agent is
// running where one is needed; 4 another agent has the data directory.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/datadir"
)

// version is set by the linker.
var version = "dev"

const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitHeld       = 4
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "fallow-node:", explain(err))
	var wrong usageError
	switch {
	case errors.As(err, &wrong):
		return exitUsage
	case errors.Is(err, control.ErrNotRunning):
		return exitNotRunning
	case errors.Is(err, datadir.ErrHeld):
		return exitHeld
	default:
		return exitFailed
	}
}

// explain adds what to do next, where the error does not say it itself.
func explain(err error) error {
	switch {
	case errors.Is(err, control.ErrNotRunning):
		if strings.HasPrefix(err.Error(), "ask agent") {
			err = fmt.Errorf("%w in this data directory", control.ErrNotRunning) // the rest is about sockets
		}
		return fmt.Errorf("%w\nstart one with: fallow-node run, and the same --data", err)
	case errors.Is(err, datadir.ErrHeld):
		return fmt.Errorf("%w\nstop that one, or give this one another --data", err)
	default:
		return err
	}
}
