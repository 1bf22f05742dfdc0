package router

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl"
)

// catalogue is where datasets lie: DIR/datasets/NAME holds the committed shards
// in shards/ and the published versions in v1, v2 and so on.
type catalogue struct {
	dir     string
	key     ed25519.PrivateKey
	version string
	contact string
	now     func() time.Time
	orders  *takedowns // nil: there are none
	records recordsDB  // nil: records are not counted by node
	log     *slog.Logger

	publishing sync.Mutex
}

var _ crawl.Publisher = (*catalogue)(nil)

func (c *catalogue) folder(name string) string { return filepath.Join(c.dir, name) }

// versionDir is where a version lies in the folder of its dataset.
func versionDir(folder string, version int) string {
	return filepath.Join(folder, fmt.Sprintf("v%d", version))
}

// ShardPath is where shard n of a dataset is written.
func (c *catalogue) ShardPath(name string, n uint64) string {
	return filepath.Join(c.folder(name), "shards", fmt.Sprintf("%08d.parquet", n))
}

// RawPath is where the answers of shard n are written.
func (c *catalogue) RawPath(name string, n uint64) string {
	return filepath.Join(c.folder(name), "shards", fmt.Sprintf("%08d.raw.parquet", n))
}

// PublishedShards is how many shards the latest version was made of, 0 without
// one.
func (c *catalogue) PublishedShards(name string) (int, error) {
	_, manifest, err := dataset.Latest(c.folder(name))
	if errors.Is(err, dataset.ErrNoVersion) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return len(manifest.Shards) + len(manifest.Emptied), nil
}

// TakenDown says whether somebody had a page taken down from a dataset.
func (c *catalogue) TakenDown(name, address, host string) bool {
	return c.orders.cover(name, address, host)
}

// Publish makes the next version of a dataset and books its records by node.
// Asked again for what the latest version holds already, which happens after a
// crash, it returns that one.
func (c *catalogue) Publish(ctx context.Context, p crawl.Publication) (crawl.Published, error) {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	dir := c.folder(p.Dataset)
	spec := c.spec(p)
	latest, manifest, err := dataset.Latest(dir)
	if err != nil && !errors.Is(err, dataset.ErrNoVersion) {
		return crawl.Published{}, err
	}
	if latest > 0 {
		// Now if it failed when that version was made.
		if err := c.book(ctx, p.Dataset, latest, p.Carriage); err != nil {
			return crawl.Published{}, err
		}
		if manifest.MadeOf(spec) {
			return c.published(dir, manifest), nil
		}
	}
	spec.Version = latest + 1
	if latest > 0 && spec.Purpose == "" {
		spec.Purpose = manifest.Purpose
	}
	manifest, err = dataset.Publish(dir, spec, c.key)
	if err == nil {
		err = c.book(ctx, p.Dataset, spec.Version, p.Carriage)
	}
	if err != nil {
		return crawl.Published{}, err
	}
	return c.published(dir, manifest), nil
}

func (c *catalogue) published(dir string, m *dataset.Manifest) crawl.Published {
	return crawl.Published{
		Dir: versionDir(dir, m.Version), Version: m.Version,
		Shards: len(m.Shards), Rows: m.Rows, Root: m.Root.String(),
	}
}

func (c *catalogue) spec(p crawl.Publication) dataset.VersionSpec {
	spec := dataset.VersionSpec{
		Dataset: p.Dataset, Purpose: p.Purpose, Contact: c.contact,
		Description: "Web pages crawled through the Fallow network.",
		Generator:   "fallow-router " + c.version, Created: c.now().UTC().Truncate(time.Second),
		Takedowns: c.orders.of(p.Dataset),
	}
	for _, e := range p.Entries {
		if e.Shard != nil {
			spec.Shards = append(spec.Shards, dataset.ShardFile{Path: e.Path(c.ShardPath(p.Dataset, e.Number)), Raw: c.RawPath(p.Dataset, e.Number), Shard: *e.Shard})
		}
		spec.Duplicates = append(spec.Duplicates, e.Duplicates...)
	}
	spec.Counts = dataset.Counts{
		Fetched: p.Total.Pages, RefusedRobots: p.Total.Forbidden, RefusedOptOut: p.Total.Skipped["noindex"] + p.Total.Skipped["training_refused"], Failed: p.Total.Failures(),
	}
	return spec
}

// Datasets are the names of the datasets that have a folder.
func (c *catalogue) Datasets() ([]string, error) {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, err
}
