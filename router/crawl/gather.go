package crawl

import (
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

	mu      sync.Mutex
	group   *group
	settled chan struct{} // closed when the group was taken for a commit
}

// group is what goes into one commit.
type group struct {
	opened     time.Time
	records    []dataset.Record
	duplicates []dataset.Duplicate
	items      []frontier.Item
	tallies    map[string]*Tally // by job
	bytes      int64             // of text
}

func newGroup(now time.Time) *group { return &group{opened: now, tallies: make(map[string]*Tally)} }

func (c *Crawler) gathering(name string) *gather {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gathers[name]
	if g == nil {
		g = &gather{dataset: name, group: newGroup(c.now()), settled: make(chan struct{})}
		c.gathers[name] = g
	}
	return g
}

// gather adds a released item and what came of it to the open group. It blocks
// while the group is twice over its bound, which is when the disk does not keep
// up. It returns the item's tally.
func (c *Crawler) gather(r *run, item frontier.Item, v visit) (Tally, error) {
	g := c.gathering(r.job.Dataset)
	for {
		tally, full, err := c.tryGather(g, item, v)
		if err != nil || full == nil {
			return tally, err
		}
		c.wakeCommitter()
		<-full
	}
}

func (c *Crawler) tryGather(g *gather, item frontier.Item, v visit) (Tally, <-chan struct{}, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.group.records) >= 2*c.cfg.ShardRows || g.group.bytes >= 2*c.cfg.ShardBytes {
		return Tally{}, g.settled, nil
	}
	tally := v.tally
	if v.kept != nil {
		// Under the same lock as the group, so that a digest and its record are
		// always sealed together.
		verdict, err := c.dedupe.Check(v.kept.doc)
		if errors.Is(err, dedupe.ErrFull) {
			return Tally{}, g.settled, nil
		}
		if err != nil {
			return Tally{}, nil, fmt.Errorf("look for duplicates: %w", err)
		}
		g.group.keep(v.kept.record, verdict, &tally)
	}
	g.group.items = append(g.group.items, item)
	total := g.group.tallies[item.Job]
	if total == nil {
		total = new(Tally)
		g.group.tallies[item.Job] = total
	}
	total.add(tally)
	if c.due(g.group) {
		c.wakeCommitter()
	}
	return tally, nil, nil
}

func (g *group) keep(record dataset.Record, v dedupe.Verdict, tally *Tally) {
	switch v.Kind {
	case dedupe.None:
		tally.Records = 1
		g.records = append(g.records, record)
		g.bytes += int64(len(record.Text))
		return
	case dedupe.Exact:
		tally.Exact = 1
	case dedupe.Near:
		tally.Near = 1
	}
	kind := dataset.ExactDuplicate
	if v.Kind == dedupe.Near {
		kind = dataset.NearDuplicate
	}
	g.duplicates = append(g.duplicates, dataset.Duplicate{
		DroppedID: record.ID, DroppedURL: record.URL, KeptID: v.KeptID, Kind: kind, Similarity: v.Similarity,
	})
}

// due reports whether the group should be committed now.
func (c *Crawler) due(g *group) bool {
	return len(g.records) >= c.cfg.ShardRows || g.bytes >= c.cfg.ShardBytes ||
		len(g.items) > 0 && c.now().Sub(g.opened) >= c.cfg.ShardAge || len(g.items) >= maxGroupItems
}

// maxGroupItems bounds a group that brings few records.
const maxGroupItems = 100_000
