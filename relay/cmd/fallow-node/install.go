package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/service"
)

func newInstall(o *options) *cobra.Command {
	var tray bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Start the agent with your log-in",
		Long: `Have the system start the agent whenever you log in, as you and without any
privileges: a systemd user unit, or an entry of the desktop's autostart where your
user has no systemd; a LaunchAgent on macOS; the Run key on Windows. The agent is
this program where it lies now, and the data directory is the one of --data. Doing it
again changes what has changed. Choose a router first, and read the consent text:
an agent that starts without your consent connects nowhere.`,
		Example: `  fallow-node install
  fallow-node install --data /srv/fallow
  fallow-node install --tray`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, err := serviceSpec(o.dir, tray)
			if err != nil {
				return err
			}
			if list, err := routerlist.Load(o.dir); err != nil {
				return err
			} else if len(list) == 0 {
				return usageError{errors.New("no router chosen yet, so there is nothing to start; run fallow-node router add ADDRESS first")}
			}
			before, err := service.Look(cmd.Context())
			if err != nil {
				return err
			}
			if _, err := control.NewClient(o.dir).Version(cmd.Context()); err == nil && len(before) == 0 {
				return fmt.Errorf("%w: an agent that the service has not started is running on %s; stop it first, then install", datadir.ErrHeld, o.dir)
			}
			state, err := service.Install(cmd.Context(), spec)
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), state)
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "Installed as a %s: %s\n", state.Method, state.Place)
			if state.Note != "" {
				fmt.Fprintln(w, state.Note)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&tray, "tray", false, "show the tray icon even where none is looked for")
	return cmd
}

// serviceSpec is this program with absolute paths.
func serviceSpec(dir string, tray bool) (service.Spec, error) {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return service.Spec{}, fmt.Errorf("find this program: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return service.Spec{}, fmt.Errorf("find the data directory: %w", err)
	}
	return service.Spec{Program: program, Dir: dir, Tray: tray}, nil
}

// removal is what uninstall prints as JSON.
type removal struct {
	Removed []service.State `json:"removed"`
	Data    string          `json:"data"`
	Purged  bool            `json:"purged"`
}

func newUninstall(o *options) *cobra.Command {
	var purge, sure bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "No longer start the agent with your log-in",
		Long: `Remove what "install" made and stop the agent it started. The data directory
stays: it has the identity, which is the only key to what is paid to its address,
your rules, the journal and the receipts. --purge removes it too, after you have
typed that you mean it; back the identity up before with fallow-node identity export.`,
		Example: `  fallow-node uninstall
  fallow-node uninstall --purge
  fallow-node uninstall --purge --yes   # for scripts: asks nothing`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if sure && !purge {
				return usageError{errors.New("--yes is for --purge; nothing else is asked")}
			}
			removed, err := service.Uninstall(cmd.Context())
			if err != nil {
				return err
			}
			r := removal{Removed: append([]service.State{}, removed...), Data: o.dir}
			w := cmd.OutOrStdout()
			if !o.json {
				printRemoval(w, removed)
			}
			if purge {
				if r.Purged, err = purgeData(cmd, o.dir, sure); err != nil {
					return err
				}
			}
			switch {
			case o.json:
				return printJSON(w, r)
			case r.Purged:
				fmt.Fprintf(w, "Removed with all that was in it: %s\n", o.dir)
			default:
				fmt.Fprintf(w, "The data stays in %s\n", o.dir)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the data directory too, the identity with it")
	cmd.Flags().BoolVar(&sure, "yes", false, "with --purge: do not ask")
	return cmd
}

func printRemoval(w io.Writer, removed []service.State) {
	if len(removed) == 0 {
		fmt.Fprintln(w, "Nothing was installed.")
	}
	for _, s := range removed {
		fmt.Fprintf(w, "Removed the %s: %s\n", s.Method, s.Place)
		if s.Note != "" {
			fmt.Fprintln(w, s.Note)
		}
	}
}

// purgeData removes a data directory, once no agent has it and the user has said so.
func purgeData(cmd *cobra.Command, dir string, sure bool) (bool, error) {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if !ours(dir) {
		return false, fmt.Errorf("%s does not look like the data of an agent, so it is left alone", dir)
	}
	hold, err := takeSoon(cmd.Context(), dir)
	if err != nil {
		return false, err
	}
	defer func() { _ = hold.Release() }()
	if !sure {
		fmt.Fprintf(cmd.ErrOrStderr(), "This removes %s with the identity, the rules, the journal and the receipts.\n"+
			"Without a backup nobody can get at what is paid to its address. Type \"remove\" to go on: ", dir)
		line, _ := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 100)).ReadString('\n')
		if strings.TrimSpace(line) != "remove" {
			return false, errors.New("not removed")
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, fmt.Errorf("remove data: %w", err)
	}
	return true, nil
}

// ours reports whether dir holds something that only an agent makes.
func ours(dir string) bool {
	for _, name := range []string{"identity.key", "agent.lock"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// takeSoon waits a little for an agent that is stopping.
func takeSoon(ctx context.Context, dir string) (*datadir.Hold, error) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		hold, err := datadir.Take(dir)
		if !errors.Is(err, datadir.ErrHeld) || time.Now().After(deadline) {
			return hold, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
