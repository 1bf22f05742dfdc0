// Package crawl runs jobs: it takes addresses from the frontier when they are
// due, asks the gate, fetches through nodes, reads the page, drops duplicates,
// and commits what is left to a dataset.
//
// One thing ties it together: an address leaves the frontier in the same synced
// write that puts its record's shard, its text's digest and its job's tally on
// disk. Before that write a crash means it is fetched again; after it, never.
//
// It knows nodes only as something to fetch through (Fleet, Transports) and
// points not at all.
package crawl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/crawl/visits"
	"github.com/fallow-network/fallow/router/dedupe"
)

// DB is where jobs live. Methods return only after the data would survive a
// power cut.
type DB interface {
	CreateJob(ctx context.Context, j job.Job) error
	Job(ctx context.Context, id string) (job.Job, error)
	// OpenJobs are the jobs that have not ended, seeds included.
	OpenJobs(ctx context.Context) ([]job.Job, error)
	// SetJobState moves a job from one state to another, and fails if it is not
	// in from.
	SetJobState(ctx context.Context, id string, from, to job.State, reason string, at time.Time) error
}

// Hold is one fetch's hold on a node.
type Hold interface {
	Node() wire.Key
	Country() string
	// Transport goes through the node and counts under the job.
	Transport() http.RoundTripper
	// Done ends the hold, once.
	Done(o Outcome)
}

// Outcome is how a fetch went, as far as its node goes.
type Outcome int

// The outcomes.
const (
	Served    Outcome = iota // the site answered through the node
	SiteFails                // the site could not be reached, or broke
	NodeFails                // the tunnel failed
	Unused                   // nothing was tried, or the node's owner did not want to
)

// Want is what a fetch asks of the fleet.
type Want struct {
	Site, Country string
	Job           *job.Job
	Avoid         []wire.Key
}

// Fleet is where fetches find nodes.
type Fleet interface {
	// Hold chooses a node now or fails with an error that says why there is none.
	Hold(w Want) (Hold, error)
	// Changed is closed when a node may have become free since the call.
	Changed() <-chan struct{}
	// Ready reports whether any node shares at all.
	Ready() bool
	// Suspect reports that a fetch failed through node and then went well
	// through another one.
	Suspect(node wire.Key, site string, reason wire.Reason, detail string)
	// Checkpoint stores what nodes have carried up to now, so that the carriage
	// of every committed record is on the books.
	Checkpoint(ctx context.Context) error
	// Epoch is the one that carriage is counted for now.
	Epoch() uint64
	// Ended says that a job will fetch nothing more: tunnels kept for it can go.
	Ended(job string)
	// Announce tells a node's owner what was fetched under a lease.
	Announce(node wire.Key, serial wire.Serial, urls ...string)
}

// Publisher makes dataset versions out of shards.
type Publisher interface {
	// ShardPath is where shard number n of a dataset is written.
	ShardPath(dataset string, n uint64) string
	// RawPath is where the answers of its records are written, if they are kept.
	RawPath(dataset string, n uint64) string
	// PublishedShards is how many shards the latest version of a dataset holds.
	PublishedShards(dataset string) (int, error)
	// TakenDown says whether a page must not become a record of a dataset, since
	// somebody had it taken down.
	TakenDown(dataset, address, host string) bool
	// Publish makes the next version of a dataset, or finds that the latest one
	// holds just these shards already.
	Publish(ctx context.Context, p Publication) (Published, error)
}

// Crawler runs all jobs of a router. It is safe for concurrent use.
type Crawler struct {
	log     *slog.Logger
	now     func() time.Time
	db      DB
	fleet   Fleet
	publish Publisher
	cfg     Config
	metrics *Metrics

	state    *pebble.DB
	frontier *frontier.Frontier
	dedupe   *dedupe.Index
	gate     *gate.Gate
	fetcher  *fetch.Fetcher // pages
	rules    *fetch.Fetcher // robots.txt and its kin
	lists    *fetch.Fetcher // sitemaps

	siteFilePlaces chan struct{}
	pace           *pace
	backoff        *backoff
	turns          *turns
	visits         *visits.Log

	mu                   sync.Mutex
	jobs                 map[string]*run // running and paused
	gathers              map[string]*gather
	room                 chan struct{} // closed and replaced when a commit makes room
	wakeKeep, wakeCommit chan struct{}

	gathered atomic.Int64 // bytes of text gathered and not committed
	pressed  atomic.Bool  // the duplicate index takes no more before a commit
	moving   sync.Mutex   // one change of a job's state at a time

	publishing sync.Mutex // one version at a time

	calls   sync.RWMutex // held for reading by calls that use the state, for writing to close it
	shut    bool         // calls guards it
	closing sync.Once
	closed  error
}

// New opens the crawl state in dir (created if missing). Run starts the work.
func New(log *slog.Logger, now func() time.Time, db DB, fleet Fleet, p Publisher, m *Metrics, dir string, cfg Config) (*Crawler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	state, err := openState(log, dir)
	if err != nil {
		return nil, err
	}
	c := &Crawler{
		log: log, now: now, db: db, fleet: fleet, publish: p, cfg: cfg, metrics: m, state: state,
		pace: newPace(), turns: newTurns(), backoff: newBackoff(),
		jobs: make(map[string]*run), gathers: make(map[string]*gather), room: make(chan struct{}),
		siteFilePlaces: make(chan struct{}, siteFilesAtOnce),
		wakeKeep:       make(chan struct{}, 1), wakeCommit: make(chan struct{}, 1),
	}
	if err := c.open(); err != nil {
		if c.dedupe != nil {
			c.dedupe.Close()
		}
		return nil, errors.Join(err, state.Close())
	}
	return c, nil
}

func (c *Crawler) open() error {
	var err error
	if c.frontier, err = frontier.Open(c.state, c.now, c.cfg.Frontier); err != nil {
		return fmt.Errorf("open frontier: %w", err)
	}
	if c.dedupe, err = dedupe.Open(c.state, c.cfg.Dedupe); err != nil {
		return fmt.Errorf("open duplicate index: %w", err)
	}
	if c.visits, err = visits.Open(c.state, c.cfg.Visits); err != nil {
		return fmt.Errorf("open the log of visits: %w", err)
	}
	agent := fetch.UserAgent(c.cfg.Version, c.cfg.Contact)
	c.fetcher = fetch.New(fetch.Config{UserAgent: agent, Limits: c.cfg.Fetch, Now: c.now})
	rules := c.cfg.Fetch
	rules.BodyBytes, rules.WireBytes, rules.AnyContentType, rules.Cut = gate.MaxRobotsBytes, 0, true, true
	c.rules = fetch.New(fetch.Config{UserAgent: agent, Limits: rules, Now: c.now})
	lists := c.cfg.Fetch
	lists.BodyBytes, lists.WireBytes, lists.AnyContentType = maxSiteFileBytes, 0, true
	c.lists = fetch.New(fetch.Config{UserAgent: agent, Limits: lists, Now: c.now})
	c.gate = gate.New(robotsFetcher{c}, c.now, c.cfg.Gate)
	return c.resumeJobs()
}

// Run fetches until ctx ends. Then it stops handing out addresses, lets the
// fetches under way finish within Config.Drain, commits what was gathered and
// closes the state.
func (c *Crawler) Run(ctx context.Context) error {
	ctx, halt := context.WithCancel(ctx)
	defer halt()
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	group, serving := errgroup.WithContext(ctx)
	stop := context.AfterFunc(serving, func() { time.AfterFunc(c.cfg.Drain, abort) })
	defer stop()
	// Committing goes on as long as there are workers, which may wait for it.
	var committing errgroup.Group
	committing.Go(func() error {
		defer halt()
		return c.commitLoop(work)
	})
	for range c.cfg.Workers {
		group.Go(func() error { return c.worker(serving, work) })
	}
	group.Go(func() error { return c.keep(serving) })
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil // nobody else ends these contexts
	}
	abort()
	return errors.Join(err, committing.Wait(), c.Close())
}

// Close commits what was gathered and closes the state. Run calls it; whoever
// never runs the crawler does it himself. The second call does nothing.
func (c *Crawler) Close() error {
	c.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Drain)
		defer cancel()
		err := c.commitAll(ctx)
		c.calls.Lock()
		defer c.calls.Unlock()
		c.shut = true
		c.dedupe.Close()
		c.closed = errors.Join(err, c.visits.Flush(), c.frontier.Close(), c.state.Close())
	})
	return c.closed
}

// ErrClosed is returned by calls on a crawler that has closed.
var ErrClosed = errors.New("the crawler is stopping")

// enter lets a call use the state until leave, unless it is closed: Pebble
// panics then.
func (c *Crawler) enter() (leave func(), err error) {
	c.calls.RLock()
	if c.shut {
		c.calls.RUnlock()
		return nil, ErrClosed
	}
	return c.calls.RUnlock, nil
}
