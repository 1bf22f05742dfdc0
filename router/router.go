// Package router is the central party: it puts the packages under router/
// together and runs them. It holds no logic of its own beyond that; each
// capability has its folder, and the siblings meet here and nowhere else.
//
// Commands, tests and the demo build the same Router.
package router

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/fleet/geo"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/meter"
	"github.com/fallow-network/fallow/router/optout"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/store"
	"github.com/fallow-network/fallow/router/tunnel"
)

// Router is one router. New opens everything it keeps, Run serves until its
// context ends and closes everything. It is used once.
type Router struct {
	log *slog.Logger
	cfg Config
	id  identity.Identity

	registry  *prometheus.Registry
	store     *store.Store
	ledger    *ledger.Ledger
	meter     *meter.Meter
	countries *geo.Countries
	host      host.Host
	fleet     *fleet.Fleet
	pool      *tunnel.Pool
	catalogue *catalogue
	crawler   *crawl.Crawler
	optouts   *optout.Registry
	epochs    *epochs
	settle    *settlements
	market    *market.Desk // nil unless payments are taken
	chain     settle.Chain // nil unless epochs are settled
	api       *api.Server
	flight    net.Listener // of Arrow Flight; nil: not served
	ready     chan struct{}
}

// New opens the router's data and its ports. Whatever is in the way is said
// with what to do about it. On success the caller must call Run.
func New(log *slog.Logger, cfg Config) (*Router, error) {
	cfg.settle()
	r := &Router{log: log, cfg: cfg, registry: prometheus.NewRegistry(), ready: make(chan struct{})}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.closeStores())
	}
	return r, nil
}

// open builds the parts in the order in which they need each other.
func (r *Router) open() error {
	cfg, now, ctx := r.cfg, time.Now, context.Background()
	r.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := prepareDir(cfg.Dir, cfg.MinFree); err != nil {
		return err
	}
	roots, err := r.roots()
	if err != nil {
		return err
	}
	if r.store, err = store.Open(ctx, filepath.Join(cfg.Dir, "router.db"), r.log.With("part", "store")); err != nil {
		return err
	}
	if r.id, err = identity.LoadOrCreate(cfg.Dir); err != nil {
		return err
	}

	ledgerConfig := ledger.DefaultConfig(filepath.Join(cfg.Dir, "epochs"))
	ledgerConfig.Params = cfg.Points
	ledgerConfig.Params.Pool = cfg.Pool
	if r.ledger, err = ledger.New(r.log.With("part", "ledger"), now, r.store, ledgerConfig, r.id.Private); err != nil {
		return err
	}
	if err := r.ledger.Recover(ctx); err != nil {
		return err
	}
	epoch, err := r.ledger.Current(ctx)
	if err != nil {
		return err
	}
	r.meter = meter.New(r.log.With("part", "meter"), now, meterDB{r.store}, r.id.Private, epoch.Number)
	r.meter.Resume(epoch.Ran)

	web, err := webCertificate(cfg.ListenCert, cfg.ListenKey)
	if err != nil {
		return err
	}
	if r.host, err = newHost(r.id.Private, cfg.Listen, web, cfg.Fleet.MaxNodes); err != nil {
		return err
	}
	if cfg.GeoIP != "" {
		if r.countries, err = geo.Open(cfg.GeoIP); err != nil {
			return err
		}
		cfg.Fleet.Country = func(_ wire.Key, at netip.Addr) string { return r.countries.Of(at) }
	}
	r.fleet = fleet.New(r.log.With("part", "fleet"), now, fleetDB{r.store}, r.meter, r.id.Private, fleet.NewMetrics(r.registry), cfg.Fleet)
	if err := r.fleet.LoadHalt(ctx); err != nil {
		return err
	}
	dialer := tunnel.NewDialer(r.host, r.id.Private, now, tunnel.NewMetrics(r.registry), cfg.Tunnel)
	r.pool = tunnel.NewPool(dialer, r.account, roots)

	orders, err := loadTakedowns(ctx, r.store)
	if err != nil {
		return err
	}
	r.catalogue = &catalogue{
		orders: orders, records: r.store, log: r.log.With("part", "datasets"),
		dir: filepath.Join(cfg.Dir, "datasets"), key: r.id.Private, version: cfg.Version, contact: cfg.Contact, now: now,
	}
	if r.cfg.Crawl.Collector, err = openCollectors(cfg.Collectors); err != nil {
		return err
	}
	if err := r.openOptOuts(ctx); err != nil {
		return err
	}
	r.crawler, err = crawl.New(r.log.With("part", "crawl"), now, crawlDB{r.store}, crawlFleet{r.fleet, r.pool, r.meter}, r.catalogue,
		crawl.NewMetrics(r.registry), filepath.Join(cfg.Dir, "crawl"), r.cfg.Crawl)
	if err != nil {
		return err
	}
	if err := r.catalogue.bookAll(ctx, r.crawler); err != nil {
		return err
	}
	r.epochs = &epochs{
		log: r.log.With("part", "ledger"), now: now, ledger: r.ledger, meter: r.meter, fleet: r.fleet,
		every: cfg.EpochEvery, grace: cfg.SignGrace,
	}
	if err := r.openSettle(ctx); err != nil {
		return err
	}
	if r.api, err = r.newAPI(); err != nil || cfg.Flight == "" {
		return err
	}
	if r.flight, err = listenFlight(cfg.Flight); err != nil {
		return errors.Join(err, r.api.Close())
	}
	return nil
}

func (r *Router) openSettle(ctx context.Context) error {
	cfg := r.cfg.Settle
	connected, err := newChain(ctx, r.cfg.Dir, cfg, r.id.Private)
	if err != nil {
		return err
	}
	if connected != nil { // a nil one inside an interface would not be nil
		r.chain = connected
	}
	log := r.log.With("part", "settle")
	settler, err := settle.New(log, wallClock{}, r.store, settleLedger{r.store, time.Now}, r.chain, settle.NewMetrics(r.registry), cfg.Config)
	if err != nil {
		return err
	}
	r.settle = newSettlements(log, settler, r.store)
	r.openMarket(connected)
	return nil
}

// account fits the meter to tunnels.
func (r *Router) account(ctx context.Context, node wire.Key, job, host string) (tunnel.Account, error) {
	return r.meter.Lane(ctx, node, job, dedupe.SiteOf(host))
}

// roots are the certificate authorities sites are checked against: nil, the
// system's, unless a lab brings its own.
func (r *Router) roots() (*x509.CertPool, error) {
	if r.cfg.LabCA == "" {
		return nil, nil
	}
	if !r.cfg.Lab {
		return nil, errors.New("extra certificate authorities are for lab mode only: drop --ca or add --lab")
	}
	pem, err := os.ReadFile(r.cfg.LabCA)
	if err != nil {
		return nil, fmt.Errorf("read the lab's certificate authority: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", r.cfg.LabCA)
	}
	return roots, nil
}

// Run serves until ctx ends, then stops in order: no new fetches, those under
// way finish, what was gathered is committed, counts are stored, nodes are
// told.
func (r *Router) Run(ctx context.Context) error {
	if err := r.writeAddresses(); err != nil {
		return errors.Join(err, r.api.Close(), r.closeStores())
	}
	group, serving := errgroup.WithContext(ctx)
	// The fleet outlives the crawl, whose last fetches need it.
	fleetCtx, stopFleet := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFleet()
	var tending errgroup.Group
	tending.Go(func() error { return r.fleet.Serve(fleetCtx, r.host) })
	defer r.fleet.GiveStatements(r.host, &statements{store: r.store, key: r.id.Private})()
	group.Go(func() error { return r.api.Run(serving) })
	if r.flight != nil {
		group.Go(func() error { return r.serveFlight(serving) })
	}
	group.Go(func() error { return r.epochs.run(serving) })
	group.Go(func() error { return r.settle.run(serving) })
	group.Go(func() error { return r.optouts.Run(serving) })
	if r.market != nil {
		group.Go(func() error { return r.market.Run(serving) })
	}
	group.Go(func() error { return r.crawler.Run(serving) })
	close(r.ready)
	err := group.Wait()
	r.pool.Close()
	err = errors.Join(err, r.epochs.flush())
	stopFleet()
	return errors.Join(err, tending.Wait(), r.closeStores(), r.removeAddresses())
}

func (r *Router) closeStores() error {
	var errs []error
	if r.crawler != nil {
		errs = append(errs, r.crawler.Close())
	}
	if r.host != nil {
		errs = append(errs, r.host.Close())
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	if r.countries != nil {
		errs = append(errs, r.countries.Close())
	}
	return errors.Join(errs...)
}

// Ready is closed once the router answers nodes and the API.
func (r *Router) Ready() <-chan struct{} { return r.ready }

// Key is the router's identity.
func (r *Router) Key() wire.Key { return r.id.Public }

// Metrics is where the router's metrics are registered.
func (r *Router) Metrics() prometheus.Gatherer { return r.registry }

func (r *Router) newAPI() (*api.Server, error) {
	cfg := api.DefaultConfig()
	cfg.Public = r.cfg.Public
	cfg.Listen, cfg.Version, cfg.Lab, cfg.Contact = r.cfg.API, r.cfg.Version, r.cfg.Lab, r.cfg.Contact
	cfg.UserAgent = fetch.UserAgent(r.cfg.Version, r.cfg.Contact)
	return api.New(r.log.With("part", "api"), cfg, api.Backend{
		Jobs:        backendJobs{crawler: r.crawler, store: r.store, located: r.countries != nil || r.cfg.Fleet.Country != nil},
		Nodes:       backendNodes{fleet: r.fleet, db: fleetDB{r.store}},
		Epochs:      backendEpochs{epochs: r.epochs, ledger: r.ledger, store: r.store},
		Settlements: backendSettlements{r.settle},
		Orders:      backendOrders{desk: r.market, chain: r.chain, now: time.Now, token: &tokenDecimals{}},
		Books:       backendBooks{store: r.store, fleet: r.fleet, router: r.id.Public, now: time.Now},
		Halts:       backendHalts{fleet: r.fleet, crawler: r.crawler, store: r.store},
		Datasets:    backendDatasets{catalogue: r.catalogue, crawler: r.crawler, now: time.Now, limits: r.cfg.Crawl.Jobs},
		Health:      backendHealth{store: r.store, dir: r.cfg.Dir, minFree: r.cfg.MinFree},
		Owners:      backendOwners{crawler: r.crawler, optouts: r.optouts},
		Fetch:       backendFetch{r.crawler},
	}, r.registry)
}
