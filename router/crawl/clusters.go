package crawl

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/dataset"
)

// A record says how many pages it stands for. Duplicates of it that were dropped
// before its shard is written are counted in then; those that come later are
// counted when the shard is first published, by writing it anew. Published
// shards do not change: the list of duplicates tells what came after.

// Path is where the shard of e lies, given the publisher's ShardPath for it.
func (e Entry) Path(shardPath string) string {
	if e.Revision == 0 {
		return shardPath
	}
	return fmt.Sprintf("%s.r%d.parquet", strings.TrimSuffix(shardPath, ".parquet"), e.Revision)
}

// countClusters counts what a group dropped into the records it keeps, and
// returns how many of its duplicates belong to records of other shards.
func (g *group) countClusters() (elsewhere int64) {
	if len(g.duplicates) == 0 {
		return 0
	}
	dropped := droppedFor(g.duplicates, nil)
	for i := range g.records {
		id := g.records[i].ID
		recount(&g.records[i], dropped[id])
		delete(dropped, id)
	}
	for _, n := range dropped {
		elsewhere += n
	}
	return elsewhere
}

// droppedFor adds to counts how many pages were dropped for each kept id.
func droppedFor(list []dataset.Duplicate, counts map[string]int64) map[string]int64 {
	if counts == nil {
		counts = make(map[string]int64)
	}
	for i := range list {
		counts[list[i].KeptID]++
	}
	return counts
}

// recount sets the size of r's cluster and reports whether it was another one.
func recount(r *dataset.Record, dropped int64) bool {
	if r.MinhashClusterSize == 1+dropped {
		return false
	}
	r.MinhashClusterSize, r.DuplicateCluster = 1+dropped, ""
	if dropped > 0 {
		r.DuplicateCluster = r.ID
	}
	return true
}

// settleClusters writes the shards anew that no version holds yet and whose
// records have gained duplicates since. Entries are changed in place.
func (c *Crawler) settleClusters(ctx context.Context, name string, entries []Entry) error {
	published, err := c.publish.PublishedShards(name)
	if err != nil {
		return err
	}
	var elsewhere int64
	var counts map[string]int64
	for _, e := range entries {
		elsewhere += e.Elsewhere
		counts = droppedFor(e.Duplicates, counts)
	}
	if elsewhere == 0 {
		return nil
	}
	for i := range entries {
		switch e := &entries[i]; {
		case e.Shard == nil:
		case published > 0:
			published--
		default:
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.settleShard(name, e, counts); err != nil {
				return fmt.Errorf("count duplicates into shard %d of %s: %w", e.Number, name, err)
			}
		}
	}
	return nil
}

// settleShard writes the next revision of a shard if any size differs, notes it
// durably, and only then removes the former file.
func (c *Crawler) settleShard(name string, e *Entry, counts map[string]int64) error {
	base := c.publish.ShardPath(name, e.Number)
	former := e.Path(base)
	records := make([]dataset.Record, 0, e.Shard.Rows)
	changed := false
	err := dataset.ReadShard(former, func(_ int64, r *dataset.Record) error {
		changed = recount(r, counts[r.ID]) || changed
		records = append(records, *r)
		return nil
	})
	if err != nil || !changed {
		return err
	}
	next := *e
	next.Revision++
	shard, err := dataset.WriteShard(next.Path(base), records, dataset.WriterOptions{})
	if err != nil {
		return err
	}
	shard.Raw, next.Shard = e.Shard.Raw, &shard
	b := c.state.NewBatch()
	defer func() { _ = b.Close() }()
	if err := setJSON(b, entryKey(name, e.Number), next); err != nil {
		return err
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	*e = next
	return os.Remove(former)
}
