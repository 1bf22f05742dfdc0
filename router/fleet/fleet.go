// Package fleet knows which nodes are here: it answers their sessions, keeps
// them alive, carries receipts to and fro, and chooses the node for each fetch.
//
// It opens no tunnels (package tunnel does) and counts no bytes (package meter
// does). One Fleet serves one router; everything exported is safe for
// concurrent use.
package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/libp2p/go-libp2p/core/host"
	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Receipts is what the fleet carries between the meter and the nodes.
type Receipts interface {
	Epoch() uint64
	Propose(ctx context.Context, node wire.Key) ([]wire.Receipt, error)
	// Countersign reports whether the answer said anything new.
	Countersign(ctx context.Context, node wire.Key, answer *pb.ReceiptAnswer) (taken bool, err error)
	Pending(node wire.Key) uint64
	Online(ctx context.Context, node wire.Key, clump, country string, d time.Duration) error
}

// DB remembers nodes across restarts.
type DB interface {
	SaveNode(ctx context.Context, m Member) error
	SaveStanding(ctx context.Context, e Event) error
	// AppendHalt stores a halt durably; Halt is the newest, nil if there is none.
	AppendHalt(ctx context.Context, h *wire.Halt) error
	Halt(ctx context.Context) (*wire.Halt, error)
	// Standing is a node's latest events, newest first, at most limit.
	Standing(ctx context.Context, node wire.Key, limit int) ([]Event, error)
}

// Member is what is remembered of a node.
type Member struct {
	Key          wire.Key
	Platform     string
	AgentVersion string
	Country      string // ISO 3166 alpha-2, or empty while unknown
	Clump        string // keyed hash of the /24 or /48 it connects from
	// Payout is where its payouts go, if not to Key; its owner has proved to want
	// that.
	Payout wire.Key
	SeenAt time.Time
}

// Event is one thing that counts for or against a node, with its reason code.
type Event struct {
	Node   wire.Key
	At     time.Time
	Reason wire.Reason
	// Permille is the node's standing from now on: 1000 is good, less lowers
	// what it earns.
	Permille int
	Detail   string // at most MaxDetail bytes, for the operator and the node's owner
}

// goodStanding is the Permille of a node that nothing counts against; being
// caught at what only the node itself can have done takes strikePermille off.
const (
	goodStanding   = 1000
	strikePermille = 250
)

// MaxDetail bounds Event.Detail, in bytes.
const MaxDetail = 500

// Config sets the fleet's bounds and times. DefaultConfig is for home lines,
// whose round trips are seconds at worst.
type Config struct {
	Lab            bool          // nodes must be in lab mode too
	Version        string        // told to nodes
	NewestAgent    string        // newest release of the agent, told to nodes; "": nothing is said
	NewestInfo     string        // https address where its users read about it
	Formula        uint32        // the points formula in force, told to nodes
	MaxNodes       int           // sessions at once; further nodes are told router_full
	MaxTunnels     int           // fetches at once through one node, whatever it offers
	HelloTimeout   time.Duration // from the stream's opening to a complete Hello
	PingEvery      time.Duration
	SilentAfter    time.Duration // without any message for so long, a session ends
	WriteTimeout   time.Duration // for one message to a node
	MessageRate    float64       // messages a second taken from one node; further ones wait on its line
	MessageBurst   int           // and so many at once
	ProposeEvery   time.Duration // receipts are proposed at least so often
	ProposeBytes   uint64        // and when so much was carried since
	StickyFetches  int           // fetches of a site through one node before another has its turn
	MaxSites       int           // (site -> nodes) memories kept
	QuarantineBase time.Duration // a node caught once is left out so long; doubled each time
	QuarantineMax  time.Duration
	SiteCooldown   time.Duration // a node that failed on a site is not asked for it again so long; doubled each time
	SiteCoolMax    time.Duration
	UnwellAfter    int           // failures in a row before a node is rested
	UnwellBase     time.Duration // its first rest; doubled each time
	UnwellMax      time.Duration
	// Country tells where a node is that connects from an address, empty while it
	// is not known. Nil: of none. It is called once a session.
	Country    func(node wire.Key, at netip.Addr) string
	SuspectFor time.Duration // how long a suspicion is remembered
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Version: "dev", Formula: 1, MaxNodes: 20_000, MaxTunnels: 64,
		HelloTimeout: 15 * time.Second, PingEvery: 15 * time.Second, SilentAfter: 45 * time.Second,
		WriteTimeout: 5 * time.Second, MessageRate: 20, MessageBurst: 256, ProposeEvery: 30 * time.Second, ProposeBytes: 32 << 20,
		StickyFetches: 25, MaxSites: 65_536,
		QuarantineBase: 10 * time.Minute, QuarantineMax: 24 * time.Hour,
		SiteCooldown: 2 * time.Minute, SiteCoolMax: 30 * time.Minute, UnwellAfter: 5, UnwellBase: 5 * time.Second, UnwellMax: 5 * time.Minute,
		SuspectFor: time.Hour,
	}
}

// ErrNoNode says that no node is free for a wish now. The text after it says
// why: none connected, none in that country, all busy, all tried.
var ErrNoNode = errors.New("no node is free")

// Fleet is the nodes connected to one router.
type Fleet struct {
	log      *slog.Logger
	now      func() time.Time
	db       DB
	receipts Receipts
	cfg      Config
	key      ed25519.PrivateKey
	clumpKey []byte
	metrics  *Metrics
	known    *lru.Cache[wire.Key, *known]

	// Locks are taken in this order: mu, a session's or a known's, the sites'.
	mu       sync.RWMutex
	sessions map[wire.Key]*session
	order    []*session // the same sessions, for choosing at random
	sites    *siteMemory
	visits   chan struct{} // places of the tending loop's writers
	changed  chan struct{} // closed and replaced when a node may have become free
	stopping bool
	halt     *wire.Halt // in force; nil if there never was one

	halting sync.Mutex // held while halt is changed
}

// New makes a fleet. Serve starts answering nodes.
func New(log *slog.Logger, now func() time.Time, db DB, receipts Receipts, key ed25519.PrivateKey, m *Metrics, cfg Config) *Fleet {
	remembered, err := lru.New[wire.Key, *known](2 * max(1, cfg.MaxNodes))
	if err != nil {
		panic("fleet: " + err.Error()) // only for a size below one
	}
	return &Fleet{
		log: log, now: now, db: db, receipts: receipts, cfg: cfg, key: key, clumpKey: clumpKey(key), metrics: m, known: remembered,
		sessions: make(map[wire.Key]*session), sites: newSiteMemory(cfg.MaxSites), changed: make(chan struct{}),
		visits: make(chan struct{}, tendWorkers),
	}
}

// Serve answers sessions on h and tends them until ctx ends; then every node
// is told that the router is stopping.
func (f *Fleet) Serve(ctx context.Context, h host.Host) error {
	h.SetStreamHandler(wire.SessionProtocol, f.answer)
	defer h.RemoveStreamHandler(wire.SessionProtocol)
	h.SetStreamHandler(wire.RetiredSession, f.turnAway)
	defer h.RemoveStreamHandler(wire.RetiredSession)
	f.tend(ctx)
	f.stop()
	return nil
}

func (f *Fleet) stop() {
	f.mu.Lock()
	f.stopping = true
	open := append([]*session(nil), f.order...)
	f.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(tendWorkers)
	for _, s := range open {
		group.Go(func() error {
			_ = s.tell()
			s.end(wire.RouterStopping)
			return nil
		})
	}
	_ = group.Wait()
}

// signal wakes everyone who waits for a node. Callers hold no lock.
func (f *Fleet) signal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

// Changed is closed when a node has come, has become free or has changed its
// mind since the call.
func (f *Fleet) Changed() <-chan struct{} {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.changed
}

// Ready reports whether any node shares.
func (f *Fleet) Ready() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.ContainsFunc(f.order, (*session).sharing)
}

// Count is how many nodes are connected, and how many of them share now.
func (f *Fleet) Count() (connected, sharing int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, s := range f.order {
		if s.sharing() {
			sharing++
		}
	}
	return len(f.order), sharing
}
