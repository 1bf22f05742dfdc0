package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/routerlist"
)

func newRun(o *options) *cobra.Command {
	cfg := relay.DefaultConfig()
	var tray bool
	cmd := &cobra.Command{
		Use:   "run [--router ADDRESS]",
		Short: "Run the agent until it is stopped with Ctrl-C or SIGTERM",
		Long: `Run the agent. Without your consent it connects nowhere, says so every minute,
and starts at once when you agree from another terminal.

Without --router it connects to the routers of "fallow-node router list"; with it,
to those alone. The first router is home. While another serves, home is tried
again every 5 to 10 minutes, and taken when it answers. With none at all the agent
waits until one is added.`,
		Example: `  fallow-node run
  fallow-node run --router /dns4/router.example.org/tcp/4001/p2p/12D3KooW...
  fallow-node run --router HOME_ADDRESS --router FAILOVER_ADDRESS --data /srv/fallow
  fallow-node run --router ADDRESS --lab --dns 127.0.0.1:5353   # against a lab's router only`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := routerlist.Load(o.dir)
			if err != nil && len(cfg.Routers) == 0 {
				return err
			}
			cfg.Pinned = len(cfg.Routers) > 0
			overridden := len(cfg.Routers) > 0 && (len(chosen) > 0 || err != nil)
			if len(cfg.Routers) == 0 {
				cfg.Routers = chosen
			}
			if cfg.LabDNS != "" && !cfg.Lab {
				return usageError{errors.New("--dns is for lab mode: add --lab or leave it away")}
			}
			if cfg.Lab {
				cfg.Backoff, cfg.Session.Silence = labBackoff, labSilence
			}
			cfg.Dir, cfg.Version = o.dir, version
			wish := trayIfThere
			if cmd.Flags().Changed("tray") {
				wish = map[bool]trayWish{true: trayAsked, false: trayNever}[tray]
			}
			log := newLogger(o.json)
			if overridden {
				log.Info("--router is given, so the list of fallow-node router is not used", "chosen", len(chosen))
			}
			if len(cfg.Routers) == 0 {
				log.Warn("no router is chosen, so nothing is shared; its operator publishes its address", "next", "fallow-node router add ADDRESS")
			}
			return runAgent(cmd.Context(), log, cfg, wish)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&cfg.Routers, "router", nil, "router address ending in /p2p/KEY; repeat for failover, home first; instead of the chosen ones")
	flags.BoolVar(&cfg.Lab, "lab", false, "dial loopback and private addresses only; for demos and tests")
	flags.StringVar(&cfg.LabDNS, "dns", "", "DNS server of the lab, ADDRESS:PORT")
	flags.BoolVar(&tray, "tray", false, "say so if there is no tray to show an icon in; where there is one, it shows anyway (--tray=false: never)")
	flags.IntVar(&cfg.MaxTunnels, "max-tunnels", cfg.MaxTunnels, "tunnels at once, 1 to 1024; the rules may allow fewer")
	return cmd
}

// A lab's router speaks every 2 s; over QUIC its silence is all that tells of its
// death.
const labSilence = 6 * time.Second

// labBackoff is for routers that are stopped and started while one watches.
// Nothing is overrun by it: a lab's router is on this machine.
var labBackoff = relay.Backoff{Min: 100 * time.Millisecond, Max: time.Second, Stable: time.Second, Hopeless: 10 * time.Second, Home: 2 * time.Second}

func newLogger(json bool) *slog.Logger {
	if json {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// runAgent runs a node and its control socket. A second signal ends the process
// at once.
func runAgent(ctx context.Context, log *slog.Logger, cfg relay.Config, wish trayWish) (err error) {
	ctx, restore := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	defer restore()
	node, err := relay.New(log, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	log.Info("agent started", "node", node.Key(), "version", cfg.Version, "data", cfg.Dir, "lab", cfg.Lab)

	group, ctx := errgroup.WithContext(ctx)
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	if wish != trayNever && (!cfg.Lab || wish == trayAsked) {
		group.Go(func() error { return showTray(ctx, log, cfg.Dir, node, quit, wish) })
	}
	socket, err := control.Listen(cfg.Dir)
	if err != nil {
		log.Warn("this agent cannot be controlled while it runs", "err", err)
	} else {
		serving, end := context.WithCancel(context.WithoutCancel(ctx)) // answers while the node stops
		group.Go(func() error { return control.Serve(serving, log, socket, node) })
		group.Go(func() error {
			defer end()
			return node.Run(ctx)
		})
		return group.Wait()
	}
	group.Go(func() error {
		if err := node.Run(ctx); err != nil {
			return fmt.Errorf("run node: %w", err)
		}
		return nil
	})
	return group.Wait()
}
