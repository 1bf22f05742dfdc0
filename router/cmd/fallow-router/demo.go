package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/router/demo"
)

// projectContact is the demo's default contact: a site owner who asks us
// learns what the crawler is. A router that serves has no default.
const projectContact = "https://github.com/fallow-network/fallow"

func newDemo() *cobra.Command {
	o := demo.Options{Version: version}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole network on this machine and watch it work",
		Long: `Run the whole network on this machine: a router, nodes as processes of their
own, a crawl of a real HTTPS site through them, a dataset, a closed epoch with
points for each node, and every one of these checked.

Without --site the site is rendered at run time from the documentation in your
Go toolchain and served on loopback, so the demo needs no network. With --site it
crawls that site politely: robots.txt obeyed, at most one page a second.`,
		Example: `  fallow-router demo
  fallow-router demo --pages 1000 --nodes 5 --serve
  fallow-router demo --site https://example.org/ --contact mailto:you@example.org --pages 20
  fallow-router demo --json | tail -n 1 | jq .nodes`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			out := newScreen(cmd.OutOrStdout())
			if asJSON {
				// Progress for people goes aside, so that standard output ends in JSON.
				out = newScreen(cmd.ErrOrStderr())
			}
			o.Out, o.Live = out.out, out.colour
			if err := settleDemo(&o); err != nil {
				return err
			}
			return runDemo(ctx, cmd, o, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Site, "site", "", "crawl this real site instead of the built-in one")
	flags.StringVar(&o.Contact, "contact", "", "with --site: where its owner reaches you, a URL or mailto: address (default "+projectContact+")")
	flags.IntVar(&o.Nodes, "nodes", 3, "node processes")
	flags.Int64Var(&o.Pages, "pages", 200, "pages to fetch at most")
	flags.StringVar(&o.Dir, "out", "", "empty or missing folder for everything the demo writes (default demo/DATE-TIME)")
	flags.BoolVar(&o.Serve, "serve", false, "keep router and nodes running afterwards, until Ctrl-C")
	flags.StringVar(&o.Node, "node-program", "", "fallow-node to start (default: beside this program, then on the PATH)")
	flags.BoolVar(&o.Debug, "debug", false, "log everything to router.log")
	flags.BoolVar(&asJSON, "json", false, "end standard output with one line of JSON; progress goes to standard error")
	return cmd
}

func settleDemo(o *demo.Options) error {
	if o.Contact == "" {
		o.Contact = projectContact
	}
	if o.Dir == "" {
		o.Dir = filepath.Join("demo", time.Now().Format("2006-01-02-150405"))
	}
	if o.Node != "" {
		return nil
	}
	name := "fallow-node"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if _, err := os.Stat(beside); err == nil {
			o.Node = beside
			return nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return usageError{errors.New("fallow-node is neither beside this program nor on the PATH: run make build, or name it with --node-program")}
	}
	o.Node = found
	return nil
}

func runDemo(ctx context.Context, cmd *cobra.Command, o demo.Options, asJSON bool) error {
	summary, err := demo.Run(ctx, o)
	switch {
	case errors.Is(err, demo.ErrOptions):
		return usageError{err}
	case err != nil:
		if entries, readErr := os.ReadDir(o.Dir); readErr == nil && len(entries) > 0 {
			err = fmt.Errorf("%w\nlogs and data are in %s", err, o.Dir)
		}
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(summary)
	}
	return nil
}
