package main

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fallow-network/fallow/router"
)

// source is where a configuration comes from: a file and flags.
type source struct {
	file  string
	bound map[string]*pflag.Flag // flags by the setting they stand for
}

// flagNames are the settings that have flags, and the flags' names.
var flagNames = [][2]string{
	{"data", "data"},
	{"contact", "contact"},
	{"listen", "listen"},
	{"api", "api"},
	{"public", "public"},
	{"flight", "flight"},
	{"lab", "lab"},
	{"ca", "ca"},
	{"polite", "polite"},
	{"geoip", "geoip"},
	{"settle.mode", "settle"},
	{"log.format", "log"},
	{"log.level", "log-level"},
}

// configFlag takes the configuration from a file and variables alone.
func (s *source) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, "config", os.Getenv("FALLOW_CONFIG"), "config `FILE` in TOML; see fallow-router config print")
}

func (s *source) flags(cmd *cobra.Command) {
	set := cmd.Flags()
	s.configFlag(cmd)
	s.bound = make(map[string]*pflag.Flag)
	scratch := newConfigDefaults(false).settings()
	for _, names := range flagNames {
		f := scratch.Lookup(names[0])
		f.Name = names[1]
		set.AddFlag(f)
		s.bound[names[0]] = f
	}
}

func (s *source) load() (*config, error) { return load(s.file, s.bound) }

// again is the command line that starts the router like this.
func (s *source) again() string {
	line := []string{"fallow-router serve"}
	if s.file != "" {
		line = append(line, "--config", s.file)
	}
	for _, names := range flagNames {
		if f := s.bound[names[0]]; f.Changed {
			for _, value := range flagValues(f) {
				line = append(line, "--"+f.Name+"="+value)
			}
		}
	}
	return strings.Join(line, " ")
}

// server is what serve needs of a router.
type server interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	NodeAddresses() []string
	APIAddress() string
	PublicAddress() string
	FlightAddress() string
}

// startRouter opens a real one.
func startRouter(log *slog.Logger, cfg router.Config) (server, error) {
	r, err := router.New(log, cfg)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func newServe(start func(*slog.Logger, router.Config) (server, error)) *cobra.Command {
	var from source
	cmd := &cobra.Command{
		Use:   "serve --data DIR",
		Short: "Run a router",
		Long: `Run a router until Ctrl-C or SIGTERM, which lets fetches under way finish and
writes everything down; a second one stops at once, and the next start recovers.
The addresses for nodes and of the API are printed and written to
DIR/addresses.json, where the other commands find them.

` + precedence,
		Example: `  fallow-router serve --data ./data/router --contact https://example.org/crawler
  fallow-router serve --config router.toml --log json
  fallow-router serve --data /tmp/lab --lab --ca lab-ca.pem`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := from.load()
			if err != nil {
				return err
			}
			if err := c.settle(); err != nil {
				return err
			}
			log, err := c.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			// What libraries print by themselves, net/http words of sites among it, is
			// for whoever looks for it, and on one line.
			stdlog.SetFlags(0)
			stdlog.SetOutput(slog.NewLogLogger(log.Handler(), slog.LevelDebug).Writer())
			ctx, stop := untilSignal(cmd.Context(), cmd.ErrOrStderr())
			defer stop()
			r, err := start(log, c.Config)
			if err != nil {
				return err
			}
			return serve(ctx, newScreen(cmd.OutOrStdout()), r, c)
		},
	}
	from.flags(cmd)
	return cmd
}

func serve(ctx context.Context, s screen, r server, c *config) error {
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-r.Ready():
		announce(s, r, c)
	}
	if err := <-ended; err != nil {
		return err
	}
	s.printf("stopped; everything is written down\n")
	return nil
}

// announce is what an operator needs to see at the start.
func announce(s screen, r server, c *config) {
	s.printf("%s\n", s.title("fallow-router "+version+" is running"))
	for i, address := range r.NodeAddresses() {
		s.printf("  %-8s %s\n", []string{"nodes", ""}[min(i, 1)], address)
	}
	s.printf("  %-8s %s\n", "api", r.APIAddress())
	if public := r.PublicAddress(); public != "" {
		s.printf("  %-8s %s\n", "public", public)
	}
	if flight := r.FlightAddress(); flight != "" {
		s.printf("  %-8s %s\n", "flight", flight)
	}
	s.printf("  %-8s %s\n", "data", c.Dir)
	if c.Lab {
		politeness := "politeness is off"
		if c.Polite > 0 {
			politeness = "a site is asked once in " + c.Polite.String()
		}
		s.printf("  %-8s %s\n", s.warn("LAB"), "only sites on this machine can be crawled, and "+politeness)
	} else {
		s.printf("  %-8s %s\n", "contact", c.Contact)
	}
	s.printf("  Ctrl-C stops it in order\n")
}

func (c *config) logger(out io.Writer) (*slog.Logger, error) {
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: level}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options)), nil
	}
	return slog.New(slog.NewTextHandler(out, options)), nil
}

// untilSignal ends with the first SIGINT or SIGTERM; the second ends the
// process.
func untilSignal(parent context.Context, out io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		fmt.Fprintln(out, "stopping: fetches under way finish first; Ctrl-C again stops at once")
		cancel()
		<-signals
		os.Exit(exitForced)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}
