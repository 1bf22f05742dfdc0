package router

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/meter"
	"github.com/fallow-network/fallow/router/store"
	"github.com/fallow-network/fallow/router/tunnel"
)

// The siblings under router/ do not know each other; here each is fitted to
// the interface another declares.

// fleetDB fits the store to the fleet.
type fleetDB struct{ store *store.Store }

var _ fleet.DB = fleetDB{}

func (d fleetDB) SaveNode(ctx context.Context, m fleet.Member) error {
	return d.store.SeeNode(ctx, store.Node{
		Key: m.Key, LastSeen: m.SeenAt, Platform: m.Platform, Agent: m.AgentVersion, Country: m.Country, Clump: m.Clump, Payout: m.Payout,
	})
}

func (d fleetDB) SaveStanding(ctx context.Context, e fleet.Event) error {
	return d.store.AppendStanding(ctx, store.StandingEvent{
		Node: e.Node, At: e.At, Reason: e.Reason, Permille: e.Permille, Detail: e.Detail,
	})
}

func (d fleetDB) Standing(ctx context.Context, node wire.Key, limit int) ([]fleet.Event, error) {
	stored, err := d.store.StandingEvents(ctx, node, limit)
	events := make([]fleet.Event, len(stored))
	for i, e := range stored {
		events[i] = fleet.Event{Node: e.Node, At: e.At, Reason: e.Reason, Permille: e.Permille, Detail: e.Detail}
	}
	return events, err
}

func (d fleetDB) AppendHalt(ctx context.Context, h *wire.Halt) error {
	return d.store.AppendHalt(ctx, h)
}

func (d fleetDB) Halt(ctx context.Context) (*wire.Halt, error) { return d.store.Halt(ctx) }

// meterDB fits the store to the meter.
type meterDB struct{ store *store.Store }

var _ meter.DB = meterDB{}

func (d meterDB) SaveCounts(ctx context.Context, b meter.Batch) error {
	c := store.Counts{Receipts: b.Receipts, Epoch: b.Epoch, Ran: b.Ran}
	for _, p := range b.Places {
		place := store.Place{Node: p.Node, Epoch: p.Epoch, Country: p.Country}
		for clump, online := range p.Clumps {
			tag, err := ledger.ParseTag(clump)
			if err != nil {
				return err
			}
			place.Presence = append(place.Presence, ledger.Presence{Clump: tag, Seconds: uint64(online / time.Second)})
		}
		slices.SortFunc(place.Presence, func(a, b ledger.Presence) int { return bytes.Compare(a.Clump[:], b.Clump[:]) })
		c.Places = append(c.Places, place)
	}
	for _, s := range b.Sites {
		tag, err := ledger.ParseTag(s.Site)
		if err != nil {
			return err
		}
		c.Sites = append(c.Sites, store.SiteCount{Node: s.Node, Epoch: s.Epoch, Site: tag, Bytes: s.Bytes})
	}
	return d.store.SaveCounts(ctx, c)
}

func (d meterDB) Stored(ctx context.Context, node wire.Key, epoch uint64) (meter.Batch, error) {
	receipts, err := d.store.LastReceipts(ctx, node)
	if err != nil {
		return meter.Batch{}, err
	}
	b := meter.Batch{Receipts: receipts}
	presence, sites, err := d.store.Presence(ctx, node)
	place := meter.Place{Node: node, Epoch: epoch, Clumps: make(map[string]time.Duration)}
	for _, p := range presence {
		place.Clumps[p.Clump.String()] = time.Duration(p.Seconds) * time.Second
	}
	b.Places = append(b.Places, place)
	for _, s := range sites {
		b.Sites = append(b.Sites, meter.SiteBytes{Node: node, Epoch: s.Epoch, Site: s.Site.String(), Bytes: s.Bytes})
	}
	return b, err
}

func (d meterDB) SaveDispute(ctx context.Context, m meter.Dispute) error {
	return d.store.AppendDispute(ctx, store.Dispute{
		Node: m.Node, Epoch: m.Epoch, Job: m.Job,
		Dispute: ledger.Dispute{
			Sequence: m.Sequence, Reason: m.Reason, At: m.At,
			RouterCounts: ledger.Counts{BytesDown: m.RouterDown, BytesUp: m.RouterUp},
			NodeCounts:   ledger.Counts{BytesDown: m.NodeDown, BytesUp: m.NodeUp},
		},
	})
}

// crawlDB fits the store to the crawl.
type crawlDB struct{ store *store.Store }

var _ crawl.DB = crawlDB{}

func (d crawlDB) CreateJob(ctx context.Context, j job.Job) error { return d.store.CreateJob(ctx, j) }

func (d crawlDB) Job(ctx context.Context, id string) (job.Job, error) { return d.store.Job(ctx, id) }

func (d crawlDB) OpenJobs(ctx context.Context) ([]job.Job, error) {
	query := store.JobQuery{States: []job.State{job.StateQueued, job.StateRunning, job.StatePaused}}
	var open []job.Job
	for {
		page, err := d.store.Jobs(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, listed := range page {
			j, err := d.store.Job(ctx, listed.ID)
			if err != nil {
				return nil, err
			}
			open = append(open, j)
		}
		if len(page) < store.MaxJobList {
			return open, nil
		}
		query.After = page[len(page)-1].ID
	}
}

func (d crawlDB) SetJobState(ctx context.Context, id string, from, to job.State, reason string, at time.Time) error {
	_, err := d.store.SetJobState(ctx, id, from, to, reason, at)
	return err
}

// crawlFleet fits fleet and tunnels to the crawl.
type crawlFleet struct {
	fleet *fleet.Fleet
	pool  *tunnel.Pool
	meter *meter.Meter
}

var _ crawl.Fleet = crawlFleet{}

func (f crawlFleet) Hold(w crawl.Want) (crawl.Hold, error) {
	grip, err := f.fleet.Pick(fleet.Wish{Site: w.Site, Country: w.Country, Avoid: w.Avoid})
	if err != nil {
		return nil, err
	}
	return &hold{
		grip: grip, fleet: f.fleet,
		transport: f.pool.Transport(tunnel.Route{Node: grip.Node, Job: w.Job.ID}, tunnel.Work{Purpose: w.Job.Purpose, Dataset: w.Job.Dataset}),
	}, nil
}

func (f crawlFleet) Changed() <-chan struct{} { return f.fleet.Changed() }

func (f crawlFleet) Ready() bool { return f.fleet.Ready() }

func (f crawlFleet) Checkpoint(ctx context.Context) error { return f.meter.Checkpoint(ctx) }

func (f crawlFleet) Epoch() uint64 { return f.meter.Epoch() }

func (f crawlFleet) Suspect(node wire.Key, site string, reason wire.Reason, detail string) {
	f.fleet.Suspect(node, site, reason, detail)
	f.pool.Forget(node)
}

func (f crawlFleet) Ended(job string) { f.pool.ForgetJob(job) }

func (f crawlFleet) Announce(node wire.Key, serial wire.Serial, urls ...string) {
	f.fleet.Announce(node, serial, urls...)
}

// hold is a crawl's hold on a node.
type hold struct {
	grip      *fleet.Grip
	fleet     *fleet.Fleet
	transport http.RoundTripper
}

func (h *hold) Node() wire.Key               { return h.grip.Node }
func (h *hold) Country() string              { return h.grip.Country }
func (h *hold) Transport() http.RoundTripper { return h.transport }

func (h *hold) Done(o crawl.Outcome) {
	outcome := fleet.Unused
	switch o {
	case crawl.Served:
		outcome = fleet.Served
	case crawl.SiteFails:
		outcome = fleet.SiteFails
	case crawl.NodeFails:
		outcome = fleet.NodeFails
	case crawl.Unused:
	}
	h.fleet.Release(h.grip, outcome)
}
