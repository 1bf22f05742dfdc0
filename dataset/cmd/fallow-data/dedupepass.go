package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/dedupe"
)

// deduping is one run of dedupe: a pass that looks and, with out, one that writes.
type deduping struct {
	near     float64
	out, tmp string
	progress screen

	found   duplicates
	dropped map[int64]bool  // rows over all files that are not kept
	gained  map[int64]int64 // pages dropped for a kept row
	row     int64
}

// Bounds of the shards written: as the router's.
const (
	dedupeShardRows  = 200_000
	dedupeShardBytes = 64 << 20
)

func (d *deduping) run(ctx context.Context, paths []string) (found *duplicates, err error) {
	if d.out != "" {
		if _, err := os.Lstat(d.out); err == nil {
			return nil, fmt.Errorf("--out %s exists: name a folder that does not", d.out)
		}
	}
	d.found.Examples = []dropping{}
	d.dropped, d.gained = map[int64]bool{}, map[int64]int64{}
	for _, path := range paths {
		files, err := parquetFiles(path)
		if err != nil {
			return nil, hint(path, err)
		}
		d.found.Sources = append(d.found.Sources, source{Path: path, files: files})
	}
	if d.out == "" {
		if err := d.look(ctx, func(dropping) error { return nil }); err != nil {
			return nil, err
		}
		return &d.found, nil
	}
	building := d.out + ".tmp"
	if err := os.MkdirAll(filepath.Join(building, "data"), 0o755); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(building)) }() // nothing there after the rename
	if err := d.lookAndList(ctx, filepath.Join(building, "duplicates.jsonl")); err != nil {
		return nil, err
	}
	if err := d.write(ctx, filepath.Join(building, "data")); err != nil {
		return nil, err
	}
	d.found.Out = d.out
	return &d.found, os.Rename(building, d.out)
}

// parquetFiles are the shards of a version, a folder of shards, or path itself.
func parquetFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	v, err := dataset.OpenVersion(path)
	if err == nil {
		var files []string
		for _, s := range v.Manifest.Shards {
			files = append(files, v.Path(s.File))
		}
		return files, nil
	}
	if !errors.Is(err, dataset.ErrNoVersion) {
		return nil, err
	}
	if _, _, latestErr := dataset.Latest(path); latestErr == nil {
		return nil, err // its versions hold the same records over and over
	}
	var files []string
	walked := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasSuffix(name, ".parquet") && !strings.HasSuffix(name, ".raw.parquet") {
			files = append(files, name)
		}
		return err
	})
	if walked != nil || len(files) == 0 {
		return nil, errors.Join(walked, err)
	}
	slices.Sort(files)
	return files, nil
}

func (d *deduping) lookAndList(ctx context.Context, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err = d.look(ctx, func(e dropping) error { return lines.Encode(e) })
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

// look decides for every row, and calls drop for those that are not kept. Rows
// are numbered over all files: their numbers are the ids of the index, for two
// datasets may use one id for different records.
func (d *deduping) look(ctx context.Context, drop func(dropping) error) (err error) {
	index, err := dedupe.OpenScratch(d.tmp, dedupe.DefaultConfig())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	for i := range d.found.Sources {
		from := &d.found.Sources[i]
		err := d.each(ctx, from.files, func(row int64, r *dataset.Record) error {
			from.Records++
			d.found.Records++
			near := d.near
			if near == 1 {
				near = 0
			}
			v, err := index.Check(dedupe.Document{ID: name(row, r), Text: r.Text, Near: near, Site: r.Site})
			if err != nil {
				return fmt.Errorf("row %d of all: %w", row, err)
			}
			if v.Kind == dedupe.None {
				from.Kept++
				d.found.Kept++
				return nil
			}
			return d.drop(from, row, r, v, drop)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// name is what the index knows a row by: its number, id and address.
func name(row int64, r *dataset.Record) string {
	const id, url = 120, 110
	return fmt.Sprintf("%d\n%s\n%s", row, r.ID[:min(len(r.ID), id)], r.URL[:min(len(r.URL), url)])
}

func (d *deduping) drop(from *source, row int64, r *dataset.Record, v dedupe.Verdict, drop func(dropping) error) error {
	number, rest, _ := strings.Cut(v.KeptID, "\n")
	id, url, _ := strings.Cut(rest, "\n")
	kept, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("the index names a row %q: %w", number, err)
	}
	if d.out != "" {
		d.dropped[row] = true
		d.gained[kept] += max(1, r.MinhashClusterSize)
	}
	e := dropping{ID: r.ID, URL: r.URL, Source: from.Path, KeptID: id, KeptURL: url, Kind: v.Kind.String(), Similarity: v.Similarity}
	if v.Kind == dedupe.Exact {
		d.found.Exact++
	} else {
		d.found.Near++
	}
	if len(d.found.Examples) < maxExamples {
		d.found.Examples = append(d.found.Examples, e)
	}
	return drop(e)
}

// progressStep is how many rows pass between two lines of progress.
const progressStep = 20_000

// each reads files and numbers rows on from where it was.
func (d *deduping) each(ctx context.Context, files []string, yield func(row int64, r *dataset.Record) error) error {
	for _, file := range files {
		err := dataset.ReadShard(file, func(_ int64, r *dataset.Record) error {
			row := d.row
			d.row++
			if d.row%progressStep == 0 {
				if err := ctx.Err(); err != nil {
					return err
				}
				d.progress.printf("%d rows\n", d.row)
			}
			return yield(row, r)
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// write reads everything again and writes what is kept.
func (d *deduping) write(ctx context.Context, dir string) error {
	var open []dataset.Record
	var size int64
	flush := func() error {
		if len(open) == 0 {
			return nil
		}
		_, err := dataset.WriteShard(filepath.Join(dir, fmt.Sprintf("part-%05d.parquet", d.found.Shards)), open, dataset.WriterOptions{})
		d.found.Shards++
		open, size = open[:0], 0
		return err
	}
	d.row = 0
	for _, from := range d.found.Sources {
		err := d.each(ctx, from.files, func(row int64, r *dataset.Record) error {
			if d.dropped[row] {
				return nil
			}
			kept := *r
			if n := d.gained[row]; n > 0 {
				kept.MinhashClusterSize, kept.DuplicateCluster = max(1, kept.MinhashClusterSize)+n, kept.ID
			}
			open, size = append(open, kept), size+int64(len(kept.Text))
			if len(open) >= dedupeShardRows || size >= dedupeShardBytes {
				return flush()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return flush()
}
