package crawl

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// Keys of the commit log, all under 'c':
//
//	ct<job>                 Tally, JSON
//	cs<dataset>\x00<n>      Entry of shard n, JSON; n big-endian
//	cu<dataset>             Tally of all its jobs, JSON
//	cr<job>                 Published, JSON: the version a job's end made
//	cn<dataset>\x00<n>      Carriers of shard n
const (
	tallyPrefix  = "ct"
	sumPrefix    = "cu"
	entryPrefix  = "cs"
	resultPrefix = "cr"
)

// Entry is one commit that brought records or duplicates.
type Entry struct {
	Number     uint64              `json:"number"`
	Shard      *dataset.Shard      `json:"shard,omitempty"` // nil when there were only duplicates
	Duplicates []dataset.Duplicate `json:"duplicates,omitempty"`
	Elsewhere  int64               `json:"elsewhere,omitempty"` // duplicates of records in other shards
	Revision   int                 `json:"revision,omitempty"`  // how often the shard was written anew
}

func entryKey(name string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(entryPrefix+name+"\x00"), n)
}

func tallyKey(job string) []byte  { return []byte(tallyPrefix + job) }
func sumKey(name string) []byte   { return []byte(sumPrefix + name) }
func resultKey(job string) []byte { return []byte(resultPrefix + job) }

// commitLoop commits groups that are due until ctx ends.
func (c *Crawler) commitLoop(ctx context.Context) error {
	tick := time.NewTicker(min(time.Second, max(c.cfg.ShardAge/4, 10*time.Millisecond)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-c.wakeCommit:
		}
		if err := c.commitDue(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // Close tries once more and says what is wrong
			}
			return err
		}
	}
}

// commitDue commits the groups that are due, and the largest of the others while
// all of them together are over their bound.
func (c *Crawler) commitDue(ctx context.Context) error {
	if c.pressed.Swap(false) {
		return c.commitAll(ctx)
	}
	var rest []*gather
	size := make(map[*gather]int64)
	for _, g := range c.allGathers() {
		g.mu.Lock()
		due, bytes := c.due(g.group), g.group.bytes
		g.mu.Unlock()
		if !due {
			rest, size[g] = append(rest, g), bytes
			continue
		}
		if err := c.commit(ctx, g); err != nil {
			return err
		}
	}
	slices.SortFunc(rest, func(a, b *gather) int { return cmp.Compare(size[b], size[a]) })
	for _, g := range rest {
		if c.gathered.Load() <= c.cfg.OpenBytes {
			return nil
		}
		if err := c.commit(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (c *Crawler) commitAll(ctx context.Context) error {
	var errs []error
	for _, g := range c.allGathers() {
		errs = append(errs, c.commit(ctx, g))
	}
	return errors.Join(errs...)
}

// commit writes what was gathered up to now as a shard and makes it count, in
// one synced write. A shard that cannot be written (a full disk) is tried again
// until ctx ends; the crawl meanwhile stops at its memory bound. A group whose
// commit is cut short so is the next commit's first.
func (c *Crawler) commit(ctx context.Context, g *gather) error {
	g.committing.Lock()
	defer g.committing.Unlock()
	if g.sealed != nil {
		if err := c.commitSealed(ctx, g); err != nil {
			return err
		}
	}
	if !c.seal(g) {
		return nil
	}
	return c.commitSealed(ctx, g)
}

// seal takes the open group for a commit and reports whether it holds anything.
func (c *Crawler) seal(g *gather) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.group.items) == 0 {
		return false
	}
	g.sealed = &sealed{group: g.group, digests: c.dedupe.Seal(g.dataset)}
	g.group = newGroup()
	c.makeRoom()
	return true
}

func (c *Crawler) commitSealed(ctx context.Context, g *gather) error {
	taken := g.sealed
	entry, err := c.writeShard(ctx, g.dataset, taken.group)
	if err != nil {
		return err
	}
	if err := c.fleet.Checkpoint(ctx); err != nil && ctx.Err() == nil {
		// The counts stay in memory and go out with the next receipts.
		c.log.Warn("carriage not stored before a commit", "dataset", g.dataset, "error", err)
	}
	if err := c.apply(g.dataset, taken, entry); err != nil {
		return fmt.Errorf("commit to dataset %s: %w", g.dataset, err)
	}
	g.sealed = nil
	c.gathered.Add(-taken.bytes)
	c.makeRoom()
	c.metrics.commits.Inc()
	if entry.Shard != nil {
		c.log.Info("shard committed", "dataset", g.dataset, "shard", entry.Number, "rows", entry.Shard.Rows, "bytes", entry.Shard.Bytes)
	}
	return nil
}

func (c *Crawler) writeShard(ctx context.Context, name string, taken *group) (Entry, error) {
	number, err := c.nextEntry(name)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Number: number, Duplicates: taken.duplicates, Elsewhere: taken.countClusters()}
	if len(taken.records) == 0 {
		return entry, nil
	}
	path, raw := c.publish.ShardPath(name, number), c.publish.RawPath(name, number)
	for attempt := 0; ; attempt++ {
		shard, err := writeShard(path, raw, taken)
		if err == nil {
			entry.Shard = &shard
			return entry, nil
		}
		if errors.Is(err, dataset.ErrRecord) {
			return Entry{}, err // no other disk would take it
		}
		c.log.Error("shard not written: free disk space or check its health; trying again",
			"dataset", name, "attempt", attempt+1, "error", err)
		for id := range taken.tallies {
			if r := c.run(id); r != nil {
				r.wait("a shard cannot be written: free disk space or check the disk's health; it is tried again until it works: " + err.Error())
			}
		}
		select {
		case <-time.After(min(time.Second<<min(attempt, 5), 30*time.Second)):
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("write shard %d of %s: %w", number, name, err)
		}
	}
}

func writeShard(path, raw string, taken *group) (dataset.Shard, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return dataset.Shard{}, err
	}
	shard, err := dataset.WriteShard(path, taken.records, dataset.WriterOptions{})
	if err != nil || len(taken.raw) == 0 {
		return shard, err
	}
	answers, err := dataset.WriteRaw(raw, taken.raw, dataset.WriterOptions{})
	shard.Raw = &answers
	return shard, err
}

// apply is the one durable step: the shard enters the dataset, its addresses
// leave the frontier, its digests enter the index, its tallies count.
func (c *Crawler) apply(name string, taken *sealed, entry Entry) error {
	b := c.state.NewBatch()
	defer func() { _ = b.Close() }()
	removal, totals, err := c.stage(b, name, taken, entry)
	if err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		removal.Rollback()
		return err
	}
	taken.digests.Committed()
	for id, total := range totals {
		if r := c.run(id); r != nil {
			r.settled(total, *taken.tallies[id])
		}
	}
	return removal.Committed()
}

func (c *Crawler) stage(b *pebble.Batch, name string, taken *sealed, entry Entry) (*frontier.Removal, map[string]Tally, error) {
	totals := make(map[string]Tally, len(taken.tallies))
	var all Tally
	for id, delta := range taken.tallies {
		all.add(*delta)
		total, err := c.addTally(b, tallyKey(id), *delta)
		if err != nil {
			return nil, nil, err
		}
		totals[id] = total
	}
	if _, err := c.addTally(b, sumKey(name), all); err != nil {
		return nil, nil, err
	}
	if entry.Shard != nil || len(entry.Duplicates) > 0 {
		if err := setJSON(b, entryKey(name, entry.Number), entry); err != nil {
			return nil, nil, err
		}
	}
	if entry.Shard != nil && len(taken.carriers) > 0 {
		if err := b.Set(carriersKey(name, entry.Number), taken.carriers.encode(), nil); err != nil {
			return nil, nil, err
		}
	}
	if err := taken.digests.CommitTo(b); err != nil {
		return nil, nil, err
	}
	if err := c.stageMarks(b, name, taken.marks); err != nil {
		return nil, nil, err
	}
	removal, err := c.frontier.Finish(b, taken.items...)
	return removal, totals, err
}

// addTally adds to the tally stored under key, in b.
func (c *Crawler) addTally(b *pebble.Batch, key []byte, delta Tally) (Tally, error) {
	total, err := c.storedTally(key)
	if err != nil {
		return Tally{}, err
	}
	total.add(delta)
	total.bound()
	return total, setJSON(b, key, total)
}

func setJSON(b *pebble.Batch, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Set(key, raw, nil)
}

func (c *Crawler) storedTally(key []byte) (Tally, error) {
	var t Tally
	_, err := c.getJSON(key, &t)
	return t, err
}

func (c *Crawler) getJSON(key []byte, into any) (found bool, err error) {
	raw, closer, err := c.state.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read crawl state: %w", err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if err := json.Unmarshal(raw, into); err != nil {
		return false, fmt.Errorf("read crawl state %q: %w", key, err)
	}
	return true, nil
}

// entries are the commits of a dataset, oldest first.
func (c *Crawler) entries(name string) (list []Entry, err error) {
	iter, err := c.state.NewIter(&pebble.IterOptions{LowerBound: entryKey(name, 0), UpperBound: []byte(entryPrefix + name + "\x01")})
	if err != nil {
		return nil, fmt.Errorf("list shards of %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for iter.First(); iter.Valid(); iter.Next() {
		var e Entry
		if err := json.Unmarshal(iter.Value(), &e); err != nil {
			return nil, fmt.Errorf("list shards of %s: %w", name, err)
		}
		list = append(list, e)
	}
	return list, iter.Error()
}

func (c *Crawler) nextEntry(name string) (uint64, error) {
	iter, err := c.state.NewIter(&pebble.IterOptions{LowerBound: entryKey(name, 0), UpperBound: []byte(entryPrefix + name + "\x01")})
	if err != nil {
		return 0, fmt.Errorf("number a shard of %s: %w", name, err)
	}
	next := uint64(0)
	if iter.Last() {
		key := iter.Key()
		next = binary.BigEndian.Uint64(key[len(key)-8:]) + 1
	}
	return next, iter.Close()
}

func (c *Crawler) allGathers() []*gather {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*gather, 0, len(c.gathers))
	for _, g := range c.gathers {
		list = append(list, g)
	}
	return list
}

func (c *Crawler) wakeCommitter() {
	select {
	case c.wakeCommit <- struct{}{}:
	default:
	}
}
