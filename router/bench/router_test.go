package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/page"
)

var quiet = slog.New(slog.DiscardHandler)

// routerConfig is the router's role.
type routerConfig struct {
	Dir  string
	CA   string
	Mode page.Mode
	// Patient has nodes pinged and paid as on the real network, not at the
	// lab's short intervals.
	Patient bool
	// Fetches is how many fetches of one site run at once.
	Fetches int
}

type routerReady struct {
	Nodes []string // addresses for nodes
	API   string
}

func playRouter(config []byte) (part, error) {
	var told routerConfig
	if err := json.Unmarshal(config, &told); err != nil {
		return part{}, err
	}
	cfg := router.LabConfig()
	cfg.Dir, cfg.LabCA, cfg.MinFree = told.Dir, told.CA, 0
	cfg.Crawl.Page.Mode = told.Mode
	cfg.Crawl.Frontier.PerSite = max(1, told.Fetches)
	if told.Patient {
		cfg.Fleet = fleet.DefaultConfig()
	}
	r, err := router.New(quiet, cfg)
	if err != nil {
		return part{}, err
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-r.Ready()
	finish, err := profile()
	if err != nil {
		stop()
		return part{}, errors.Join(err, <-done)
	}
	return part{
		ready: routerReady{Nodes: r.NodeAddresses(), API: r.APIAddress()},
		stop: func() error {
			err := finish()
			stop()
			return errors.Join(err, <-done)
		},
	}, nil
}

// profile writes a CPU profile from now to the call of finish, and all
// allocations, if the environment asks for them.
func profile() (finish func() error, err error) {
	dir := os.Getenv("FALLOW_BENCH_PROFILE")
	if dir == "" {
		return func() error { return nil }, nil
	}
	name := filepath.Join(dir, time.Now().Format("router-150405.000"))
	cpu, err := os.Create(name + ".cpu")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		err := cpu.Close()
		for _, kind := range []string{"allocs", "goroutine"} {
			if kind == "allocs" {
				runtime.GC() // brings the profile up to date
			}
			f, openErr := os.Create(name + "." + kind)
			if openErr != nil {
				return errors.Join(err, openErr)
			}
			err = errors.Join(err, pprof.Lookup(kind).WriteTo(f, 0), f.Close())
		}
		return err
	}, nil
}

// nodeConfig is a node's role.
type nodeConfig struct {
	Dir     string
	Routers []string
	DNS     string
}

func playNode(config []byte) (part, error) {
	var told nodeConfig
	if err := json.Unmarshal(config, &told); err != nil {
		return part{}, err
	}
	cfg := relay.DefaultConfig()
	cfg.Dir, cfg.Routers, cfg.Lab, cfg.LabDNS = told.Dir, told.Routers, true, told.DNS
	cfg.Finish = time.Second
	node, err := relay.New(quiet, cfg)
	if err != nil {
		return part{}, err
	}
	if err := node.Rules().Accept(rules.ConsentVersion()); err != nil {
		return part{}, errors.Join(err, node.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	return part{
		ready: node.Key(),
		stop: func() error {
			stop()
			return errors.Join(<-done, node.Close())
		},
	}, nil
}
