// Command desktop is fallow-desktop, the window through which somebody at home
// sees what their node does and earns, and sets its rules. The agent,
// fallow-node, is a program of its own: the window starts it when none runs, and
// closing the window leaves it running.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/wailsapp/wails/v2"

	"github.com/fallow-network/fallow/desktop/bridge"
	"github.com/fallow-network/fallow/frontend"
	"github.com/fallow-network/fallow/relay/datadir"
)

var version = "dev" // set by the linker

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fallow-desktop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("fallow-desktop", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "Usage: fallow-desktop [--data DIRECTORY] [--agent PROGRAM]\n\nThe window to this computer's Fallow node. It starts the agent when none runs;\nclosing it leaves the agent running.\n\n")
		flags.PrintDefaults()
	}
	dir := flags.String("data", datadir.Default(), "data `directory` of the agent")
	program := flags.String("agent", bridge.AgentProgram(), "the agent's `program`, fallow-node")
	show := flags.Bool("version", false, "print the version and end")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *show {
		fmt.Println("fallow-desktop", version) //nolint:forbidigo // this is the output of --version
		return nil
	}
	pages, err := frontend.Desktop()
	if err != nil {
		return err
	}
	// Wails raises the window that is open already, but only where there is a
	// session bus; without one it would open a second.
	hold, err := datadir.Take(filepath.Join(*dir, "window"))
	if err != nil && os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" && runtime.GOOS == "linux" {
		return fmt.Errorf("the window is open already, or the data directory is not to be used: %w", err)
	}
	if err == nil {
		defer func() { _ = hold.Release() }()
	}
	w := new(window)
	return wails.Run(w.options(pages, bridge.New(*dir, *program, version, w), *dir))
}
