package router

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl"
)

// recordsDB keeps how many records of a version came through each node, by
// which a sale of the version is shared; the store does.
type recordsDB interface {
	SaveVersionRecords(ctx context.Context, dataset string, version int, records map[wire.Key]int64, unknown int64) error
	VersionRecords(ctx context.Context, dataset string, version int) (records map[wire.Key]int64, unknown int64, err error)
}

// book counts the records of a version by node and stores the counts, once: a
// version never changes, so what is stored stays. The share of records whose
// node is not known is nobody's; the log says how many they are, and so does the
// file of the epoch in which the version is sold.
func (c *catalogue) book(ctx context.Context, name string, version int, carriage crawl.Carriage) error {
	if c.records == nil {
		return nil
	}
	booked, without, err := c.records.VersionRecords(ctx, name, version)
	if err != nil || len(booked) > 0 || without > 0 {
		return err
	}
	v, err := dataset.OpenVersion(versionDir(c.folder(name), version))
	if err != nil {
		return err
	}
	records, unknown, err := countByNode(ctx, v, carriage)
	if err != nil {
		return fmt.Errorf("count the records of %s version %d by node: %w", name, version, err)
	}
	if unknown > 0 {
		c.log.Warn("records whose node is not known, as they were crawled before nodes were noted; their share of each sale stays unshared",
			"dataset", name, "version", version, "records", unknown, "of", v.Manifest.Rows)
	}
	return c.records.SaveVersionRecords(ctx, name, version, records, unknown)
}

// countByNode counts the rows that a version holds, which are fewer than were
// committed where some were taken down.
func countByNode(ctx context.Context, v *dataset.Version, carriage crawl.Carriage) (records map[wire.Key]int64, unknown int64, err error) {
	records = make(map[wire.Key]int64)
	for _, shard := range v.Manifest.Shards {
		committed := shard.SHA256
		if shard.Origin != "" {
			committed = shard.Origin // it has lost rows since
		}
		carriers, err := carriage(committed)
		if err != nil {
			return nil, 0, err
		}
		if len(carriers) == 0 {
			unknown += shard.Rows // nothing to read it for
			continue
		}
		alone := *v.Manifest
		alone.Shards = []dataset.Shard{shard}
		part := dataset.Version{Dir: v.Dir, Manifest: &alone}
		err = part.Select(ctx, dataset.Selection{Columns: []string{"lease"}}, func(_ string, r *dataset.Record) error {
			if node, ok := carriers[r.Lease]; ok {
				records[node]++
			} else {
				unknown++
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return records, unknown, nil
}

// bookAll books the versions that a crash, or a failing database, left without
// their records by node. A version that cannot be read keeps nobody from
// starting: its sales stay unshared until it can.
func (c *catalogue) bookAll(ctx context.Context, crawler *crawl.Crawler) error {
	names, err := c.Datasets()
	if err != nil {
		return fmt.Errorf("list datasets: %w", err)
	}
	for _, name := range names {
		latest, _, err := dataset.Latest(c.folder(name))
		if errors.Is(err, dataset.ErrNoVersion) {
			continue
		}
		var carriage crawl.Carriage
		if err == nil {
			carriage, err = crawler.Carriage(name)
		}
		for version := 1; err == nil && version <= latest; version++ {
			if err = c.book(ctx, name, version, carriage); errors.Is(err, os.ErrNotExist) || errors.Is(err, dataset.ErrNoVersion) {
				err = nil // an old version that the operator removed
			}
		}
		if err != nil {
			c.log.Error("records by node not booked; sales of the dataset stay unshared until they are, at the next publishing or start",
				"dataset", name, "error", err)
		}
	}
	return nil
}
