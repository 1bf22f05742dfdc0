// Command fallow-router is the central party in one program: it serves, and it
// is the command line to a router that serves. It parses, prints and wires;
// everything real is in package router and below.
//
// Exit codes: 0 done; 1 it failed; 2 the command line or the configuration is
// wrong; 3 no router is running where one is needed; 4 another router has the
// data directory; 5 the job waited for was cancelled or failed; 130 stopped by
// Ctrl-C: serve by the second one, before everything was written, and a wait for
// a job, which goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/demo"
	"github.com/fallow-network/fallow/router/store"
)

// version is set by the linker.
var version = "dev"

// Exit codes. Scripts rely on them.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotRunning = 3
	exitHeld       = 4
	exitJobEnded   = 5
	exitForced     = 130
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		fmt.Fprintln(root.ErrOrStderr(), "fallow-router:", explain(err))
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var wrong usageError
	var refused *api.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong), errors.As(err, &refused) && refused.Code == api.CodeInvalid:
		return exitUsage
	case errors.Is(err, api.ErrUnreachable):
		return exitNotRunning
	case errors.Is(err, store.ErrInUse), errors.Is(err, crawl.ErrLocked):
		return exitHeld
	case errors.Is(err, errJobEnded):
		return exitJobEnded
	case errors.Is(err, errLeft), errors.Is(err, demo.ErrInterrupted):
		return exitForced
	default:
		return exitFailed
	}
}
