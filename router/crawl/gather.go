package crawl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/dedupe"
)

// gather is the open end of one dataset: what was crawled since its last
// commit.
type gather struct {
	dataset string

	committing sync.Mutex // one commit at a time
	sealed     *sealed    // taken, its commit not through yet; committing guards it

	mu    sync.Mutex // taken before run.mu
	group *group
}

// group is what goes into one commit.
type group struct {
	opened     time.Time // of its first item
	records    []dataset.Record
	raw        []dataset.Raw // of those records whose job keeps the answers
	duplicates []dataset.Duplicate
	items      []frontier.Item
	carriers   Carriers // of those records
	marks      []mark
	tallies    map[string]*Tally // by job
	bytes      int64             // of text and of answers kept
}

// sealed is a group taken for its commit, with the digests of its records.
type sealed struct {
	*group
	digests *dedupe.Staged
}

func newGroup() *group { return &group{tallies: make(map[string]*Tally), carriers: make(Carriers)} }

func (c *Crawler) gathering(name string) *gather {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gathers[name]
	if g == nil {
		g = &gather{dataset: name, group: newGroup()}
		c.gathers[name] = g
	}
	return g
}

// gather adds a released item and what came of it to the open group, and ends
// its fetch. It blocks at the bounds of memory, which is when the disk does not
// keep up. If ctx ends meanwhile the item stays in the frontier and is fetched
// again at the next start.
func (c *Crawler) gather(ctx context.Context, r *run, item frontier.Item, v visit) error {
	g := c.gathering(r.job.Dataset)
	for {
		room := c.roomier()
		gathered, err := c.tryGather(g, r, item, v)
		if err != nil || gathered {
			return err
		}
		c.wakeCommitter()
		select {
		case <-room:
		case <-ctx.Done():
			r.end(Tally{})
			return nil
		}
	}
}

// tryGather reports false when there is no room.
func (c *Crawler) tryGather(g *gather, r *run, item frontier.Item, v visit) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.full(g.group) || c.gathered.Load() >= 2*c.cfg.OpenBytes {
		return false, nil
	}
	tally := v.tally
	if v.kept != nil {
		// Under the same lock as the group, so that a digest and its record are
		// always sealed together.
		verdict, err := c.dedupe.Check(v.kept.doc)
		if errors.Is(err, dedupe.ErrFull) {
			c.pressed.Store(true)
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for duplicates: %w", err)
		}
		c.gathered.Add(g.group.keep(v.kept, verdict, &tally))
	}
	g.group.add(item, tally, c.now())
	if v.mark != nil {
		g.group.marks = append(g.group.marks, *v.mark)
	}
	r.end(tally) // under the lock too: the run counts it before its commit takes it off
	c.metrics.count(tally)
	if c.due(g.group) {
		c.wakeCommitter()
	}
	return true, nil
}

func (g *group) add(item frontier.Item, tally Tally, now time.Time) {
	if len(g.items) == 0 {
		g.opened = now
	}
	g.items = append(g.items, item)
	total := g.tallies[item.Job]
	if total == nil {
		total = new(Tally)
		g.tallies[item.Job] = total
	}
	total.add(tally)
}

// keep adds a record, or notes what it duplicates, and returns the bytes of
// text and answer it took in.
func (g *group) keep(k *kept, v dedupe.Verdict, tally *Tally) int64 {
	record, kind := k.record, dataset.ExactDuplicate
	switch v.Kind {
	case dedupe.None:
		tally.Records = 1
		g.records = append(g.records, record)
		g.carriers.note(record.Lease, k.node)
		size := int64(len(record.Text))
		if k.raw != nil {
			g.raw = append(g.raw, *k.raw)
			size += int64(len(k.raw.Body) + len(k.raw.Header))
		}
		g.bytes += size
		return size
	case dedupe.Exact:
		tally.Exact = 1
	case dedupe.Near:
		tally.Near, kind = 1, dataset.NearDuplicate
	}
	g.duplicates = append(g.duplicates, dataset.Duplicate{
		DroppedID: record.ID, DroppedURL: record.URL, KeptID: v.KeptID, Kind: kind, Similarity: v.Similarity,
	})
	return 0
}

// maxGroupItems bounds a group that brings few records.
const maxGroupItems = 100_000

// due reports whether the group should be committed now.
func (c *Crawler) due(g *group) bool {
	return len(g.records) >= c.cfg.ShardRows || g.bytes >= c.cfg.ShardBytes || len(g.items) >= maxGroupItems ||
		len(g.items) > 0 && c.now().Sub(g.opened) >= c.cfg.ShardAge
}

// full reports whether the group takes nothing more.
func (c *Crawler) full(g *group) bool {
	return len(g.records) >= 2*c.cfg.ShardRows || g.bytes >= 2*c.cfg.ShardBytes || len(g.items) >= 2*maxGroupItems
}

// roomier is closed when a commit has made room since the call.
func (c *Crawler) roomier() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room
}

func (c *Crawler) makeRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.room)
	c.room = make(chan struct{})
}
