package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/datadir"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/halts"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/tunnel"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

// JournalDir is the name of the journal's folder within a data directory.
const JournalDir = "journal"

const serialsFile = "leases.used"

// Node is a running node. Its methods are safe for concurrent use, except that
// Run is called once and Close after Run has returned.
type Node struct {
	log     *slog.Logger
	now     func() time.Time
	cfg     Config
	looks   Presence // nil if the machine is not looked at
	started time.Time
	key     wire.Key

	rules   *rules.Rules
	halts   *halts.Halts
	journal *journal.Journal
	owed    *journal.Receipts
	book    *earnings.Book
	meter   *meter.Meter
	egress  *egress.Egress
	tunnels *tunnel.Server
	uplink  *uplink.Uplink
	closers []func() error // in the order opened

	complaints *complaints
	haltPace   *rate.Limiter // of changes by routers, each of which syncs the disk
	asking     sync.Mutex    // one question for statements at a time
	seen       observed      // by stayConnected alone

	mu      sync.Mutex
	routers []*routerState // in the order configured
	chosen  chan struct{}  // closed when routers are replaced
	payout  payout.Address
	current *attendance // the open session, or nil
	stop    bool
}

// New opens everything a node consists of and connects to nothing yet. The data
// directory is made if there is none, and with it a new identity. Errors wrap
// datadir.ErrHeld when an agent has the directory, or say what is wrong with
// which file.
func New(log *slog.Logger, cfg Config) (_ *Node, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	routers, err := uplink.ParseRouters(cfg.Routers)
	if err != nil {
		return nil, err
	}
	n := &Node{log: log, now: time.Now, cfg: cfg, started: time.Now(), complaints: newComplaints(log), chosen: make(chan struct{}),
		haltPace: rate.NewLimiter(1, 30)}
	if n.looks = cfg.Presence; n.looks == nil && !cfg.Lab {
		n.looks = presence.New()
	}
	for _, r := range routers {
		n.routers = append(n.routers, &routerState{Router: r})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()

	hold, err := datadir.Take(cfg.Dir)
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, hold.Release)
	id, err := identity.LoadOrCreate(cfg.Dir)
	if err != nil {
		return nil, err
	}
	n.key = id.Public
	serials, err := n.openFiles()
	if err != nil {
		return nil, err
	}
	n.halts.Choose(keysOf(routers))

	way, err := cfg.egress()
	if err != nil {
		return nil, err
	}
	n.egress, err = egress.New(log.With("part", "egress"), n.now, nil, way)
	if err != nil {
		return nil, err
	}
	n.seen.tell = n.egress.SetPublic
	n.meter = meter.New(n.now, n.owed, id.Private, cfg.Receipts)
	n.tunnels = tunnel.NewServer(log.With("part", "tunnel"), n.now, tunnel.Parts{
		Node: n.key, Serials: serials, Rules: n.rules, Halts: n.halts, Egress: n.egress, Meter: n.meter, Journal: n.journal,
	}, tunnel.Config{MaxTunnels: n.maxTunnels(), MaxUp: cfg.MaxUp, MaxDown: cfg.MaxDown})

	n.uplink, err = uplink.New(log.With("part", "uplink"), uplink.Config{
		Identity: id.Private, Routers: routers, Version: cfg.Version, Lab: cfg.Lab, MaxTunnels: cfg.MaxTunnels,
	})
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.uplink.Close)
	n.uplink.HandleTunnels(func(router wire.Key, s uplink.Stream) { n.tunnels.Serve(router, s) })
	return n, nil
}

// openFiles opens what is kept in the data directory, besides the identity.
func (n *Node) openFiles() (serials *tunnel.Serials, err error) {
	if n.payout, err = payout.Load(n.cfg.Dir, n.key); err != nil {
		return nil, err
	}
	if n.halts, err = halts.Open(n.cfg.Dir, n.now); err != nil {
		return nil, err
	}
	n.book = earnings.OpenBook(n.cfg.Dir)
	if n.rules, err = rules.Open(n.cfg.Dir, n.now); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.rules.Close)
	log := n.log.With("part", "journal")
	n.journal, err = journal.Open(log, n.now, filepath.Join(n.cfg.Dir, JournalDir), journal.DefaultConfig())
	if err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.journal.Close)
	if n.owed, err = journal.OpenReceipts(log, n.now, n.cfg.Dir); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, n.owed.Close)
	if serials, err = tunnel.OpenSerials(filepath.Join(n.cfg.Dir, serialsFile), n.now()); err != nil {
		return nil, err
	}
	n.closers = append(n.closers, serials.Close)
	return serials, nil
}

// Close lets go of everything New opened, in reverse order.
func (n *Node) Close() error {
	var errs []error
	for _, closer := range slices.Backward(n.closers) {
		errs = append(errs, closer())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// Run keeps the node connected until ctx is done, then stops in good order: no
// further tunnel, those open may finish for Config.Finish, the router is told.
// Without consent it waits for it and connects nowhere. It returns nil when ctx
// ended it.
func (n *Node) Run(ctx context.Context) error {
	inner, end := context.WithCancelCause(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	n.look()
	parts.Go(func() { n.watchPresence(inner) })
	parts.Go(func() { n.watchRules(inner) })
	parts.Go(func() { n.stayConnected(ctx, inner) })
	parts.Go(func() { n.watchStatements(ctx) })

	<-ctx.Done()
	n.log.Info("stopping", "open_tunnels", n.tunnels.Stats().Open)
	n.mu.Lock()
	n.stop = true
	n.mu.Unlock()
	n.tellSharing()
	finish, cancel := context.WithTimeout(inner, n.cfg.Finish)
	n.tunnels.Stop(finish)
	cancel()
	end(errStopping)
	parts.Wait()
	if err := n.rules.Flush(); err != nil {
		return fmt.Errorf("store usage: %w", err)
	}
	return nil
}

var errStopping = errors.New("the node is stopping")

// maxTunnels is the lower of the configuration's and the user's cap.
func (n *Node) maxTunnels() int {
	return min(n.cfg.MaxTunnels, n.rules.Settings().Caps.MaxTunnels)
}

// Key is the node's public key, its name everywhere.
func (n *Node) Key() wire.Key { return n.key }

// Journal returns the chosen entries, oldest first.
func (n *Node) Journal(f journal.Filter) ([]journal.Entry, error) { return n.journal.Read(f) }

// Rules are the user's rules. Changes take effect at once.
func (n *Node) Rules() *rules.Rules { return n.rules }
