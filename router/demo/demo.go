// Package demo runs the whole network on one machine and shows it at work: a
// router in this process, nodes as processes of their own, a crawl of a real
// HTTPS site through them, a dataset, a closed epoch.
//
// Without a site of the user's it serves one itself, in lab mode, from the
// documentation in the Go toolchain; then it needs no network at all. It is for
// people to watch; tests use router/routertest.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/fallow-network/fallow/dataset/cmd/fallow-data/paid"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
)

// Options are what a demo is told.
type Options struct {
	Site    string // https URL of a real site; empty: one of our own, in lab mode
	Contact string // where the real site's owner can reach you
	Nodes   int    // node processes, 1 to MaxNodes
	Pages   int64  // pages to fetch at most
	Dir     string // everything is written here; must be empty or missing
	Serve   bool   // keep the router and nodes running until interrupted
	Node    string // path of the fallow-node program
	Version string

	Out   io.Writer // what a person reads
	Live  bool      // Out is a terminal: draw progress in place, in colour
	Debug bool      // log to Dir/router.log in full
}

// MaxNodes bounds Options.Nodes: each is a process.
const MaxNodes = 64

// Shards are small so that several appear while one watches.
const (
	shardRows = 50
	shardAge  = 20 * time.Second
)

// ErrOptions says that a demo cannot be run as asked; nothing was started.
var ErrOptions = errors.New("the demo cannot be run like that")

func (o Options) check() error {
	if err := o.wrong(); err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return nil
}

func (o Options) wrong() error {
	switch {
	case o.Nodes < 1 || o.Nodes > MaxNodes:
		return fmt.Errorf("--nodes is %d: between 1 and %d processes are possible", o.Nodes, MaxNodes)
	case o.Pages < 1:
		return fmt.Errorf("--pages is %d: at least one page must be fetched", o.Pages)
	}
	if u, err := url.Parse(o.Site); o.Site != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "") {
		return fmt.Errorf("--site is %q: give an address such as https://example.org/", o.Site)
	}
	entries, err := os.ReadDir(o.Dir)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name another folder with --out, or remove it", o.Dir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("look into --out: %w", err)
	}
	return nil
}

// Run runs a demo. It returns when the crawl is over and everything is checked,
// or with Serve when ctx ends. ctx ending early ends everything in good order.
func Run(ctx context.Context, o Options) (Summary, error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	d := &demo{Options: o, say: newScreen(o.Out, o.Live), began: time.Now()}
	defer d.close()
	if err := d.start(ctx); err != nil {
		return Summary{}, err
	}
	if err := d.crawl(ctx); err != nil {
		return Summary{}, err
	}
	s, err := d.finish(ctx)
	if err != nil {
		return s, err
	}
	if o.Serve && ctx.Err() == nil {
		d.say.line("serving", "router and nodes keep running; the API is at %s/api/v1. Ctrl-C ends it.", d.router.APIAddress())
		<-ctx.Done()
	}
	return s, nil
}

// demo is one run.
type demo struct {
	Options
	say   *screen
	began time.Time

	site   *site
	log    *os.File
	router *router.Router
	api    *api.Client
	nodes  []*nodeProcess
	job    api.Job

	chain      *chain // nil if what it needs is not on this machine
	settlement SettlementSummary
	claims     []paid.Claim

	stopRouter context.CancelFunc
	routerDone chan error
}

func (d *demo) start(ctx context.Context) error {
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	var err error
	if d.Dir, err = filepath.Abs(d.Dir); err != nil {
		return err
	}
	d.say.title("Fallow demo: a whole network on this machine")
	if d.Site == "" {
		if d.site, err = serveSite(ctx, d.Dir); err != nil {
			return err
		}
		d.say.line("site", "%s (%s)", d.site.URL(), d.site.describe())
	} else {
		d.say.line("site", "%s (the real web: at most one page a second, robots.txt obeyed)", d.Site)
	}
	if err := d.startRouter(ctx); err != nil {
		return err
	}
	return d.startNodes(ctx)
}

func (d *demo) startRouter(startCtx context.Context) error {
	var err error
	if d.log, err = os.Create(filepath.Join(d.Dir, "router.log")); err != nil {
		return err
	}
	level := slog.LevelInfo
	if d.Debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: level}))
	cfg := d.routerConfig()
	if err := d.startChain(startCtx, &cfg); err != nil {
		return err
	}
	if d.router, err = router.New(log, cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.stopRouter, d.routerDone = cancel, make(chan error, 1)
	go func() { d.routerDone <- d.router.Run(ctx) }()
	select {
	case <-d.router.Ready():
	case err := <-d.routerDone:
		d.routerDone <- err
		return err
	}
	d.say.line("router", "%s on %s", d.router.Key(), d.router.NodeAddresses()[0])
	d.say.line("API", "%s/api/v1", d.router.APIAddress())
	d.api, err = api.NewClient(d.router.APIAddress())
	return err
}

func (d *demo) routerConfig() router.Config {
	cfg := router.LabConfig()
	if d.site == nil {
		real := router.DefaultConfig()
		real.Listen, real.API = cfg.Listen, cfg.API
		real.EpochEvery, real.SignGrace = 0, cfg.SignGrace
		real.Fleet.ProposeEvery = cfg.Fleet.ProposeEvery
		cfg = real
	} else {
		cfg.LabCA = d.site.caFile
	}
	cfg.Dir, cfg.Version, cfg.Contact = filepath.Join(d.Dir, "router"), d.Version, d.Contact
	cfg.Crawl.ShardRows, cfg.Crawl.ShardAge = shardRows, shardAge
	return cfg
}

// close ends what is still running, nodes first.
func (d *demo) close() {
	d.stopNodes()
	d.stop()
	if d.chain != nil {
		_ = d.chain.runtime.Close()
	}
	if d.site != nil {
		d.site.close()
	}
	if d.log != nil {
		_ = d.log.Close()
	}
}

// stop ends the router and waits for it.
func (d *demo) stop() {
	if d.stopRouter == nil {
		return
	}
	d.stopRouter()
	if err := <-d.routerDone; err != nil {
		d.say.line("router", "ended with: %v", err)
	}
	d.stopRouter = nil
}
