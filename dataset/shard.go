package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// Shard describes one finished Parquet file of records. The router keeps it
// beside the file and hands it to Publish.
type Shard struct {
	File   string      `json:"file"`   // name of the file, slash-separated, relative to its version or folder
	Bytes  int64       `json:"bytes"`  // size of the file
	SHA256 string      `json:"sha256"` // of the file, lower-case hex
	Root   merkle.Hash `json:"root"`   // over the row leaves in file order
	Summary
	// Origin is the digest of the shard as the crawl committed it, where rows
	// have been taken down since; empty where the shard is as it was.
	Origin string `json:"origin,omitempty"`
	// Sites counts rows by site. Manifests leave it out; their versions have
	// it summed up in sites.json.
	Sites map[string]int64 `json:"sites,omitempty"`
	// Raw describes the answers the records were made of, where they are kept.
	Raw *RawFile `json:"raw,omitempty"`
}

// WriterOptions are the choices of WriteShard.
type WriterOptions struct {
	Limits Limits // default DefaultLimits()
	// Progress, if set, is told how much of the work is done, in rows that were
	// encoded and rows that were compared. Calls come one after the other, from
	// any goroutine, and must be quick.
	Progress func(done, total int64)
}

// ErrRecord says that a record cannot be written: it is above a limit, not
// UTF-8, or lacks its id or address. Trying again does not help.
var ErrRecord = errors.New("record cannot be stored")

// errReadBack says that the disk or a codec did not give back what was
// written. It never happens on sound hardware.
var errReadBack = errors.New("file does not read back as it was written")

// WriteShard writes records as one Parquet file, sorted by SURT key and id.
//
// The file appears under path whole or not at all: it is written beside it,
// synced, read back and compared row by row, then renamed. What an earlier
// attempt left is overwritten, so calling again with the same records after a
// crash is safe and gives the same bytes.
//
// It computes each record's Leaf and cuts FetchedAt to microseconds in UTC, in
// place; the order of the slice is kept. Errors wrap ErrRecord if a record is
// at fault.
func WriteShard(path string, records []Record, o WriterOptions) (Shard, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if err := checkRecords(records, o.Limits); err != nil {
		return Shard{}, err
	}
	shard, rows := prepare(records)
	tmp := path + tmpSuffix
	size, sum, err := writeTable(tmp, recordsTable(), rows, &shard.Root, o)
	if err != nil {
		return Shard{}, fmt.Errorf("write shard %s: %w", path, err)
	}
	shard.File, shard.Bytes, shard.SHA256 = filepath.Base(path), size, sum
	if err := moveInto(tmp, path); err != nil {
		return Shard{}, fmt.Errorf("publish shard: %w", err)
	}
	return shard, nil
}

// prepare sorts and counts the records.
func prepare(records []Record) (Shard, []*Record) {
	shard := Shard{Sites: map[string]int64{}}
	rows := make([]*Record, len(records))
	for i := range records {
		r := &records[i]
		r.FetchedAt = r.FetchedAt.UTC().Truncate(time.Microsecond)
		rows[i] = r
		shard.add(r)
		shard.Sites[r.Site]++
	}
	slices.SortStableFunc(rows, func(a, b *Record) int {
		return cmp.Or(strings.Compare(a.SURT, b.SURT), strings.Compare(a.ID, b.ID))
	})
	return shard, rows
}

func checkRecords(records []Record, limits Limits) error {
	if len(records) == 0 {
		return fmt.Errorf("%w: a shard needs at least one", ErrRecord)
	}
	if int64(len(records)) > limits.ShardRows {
		return fmt.Errorf("%w: %d in one shard, the limit is %d", ErrRecord, len(records), limits.ShardRows)
	}
	t := recordsTable()
	for i := range records {
		if err := checkRecord(t, &records[i], limits); err != nil {
			return fmt.Errorf("%w: number %d (id %q): %w", ErrRecord, i, records[i].ID, err)
		}
	}
	return nil
}

func checkRecord(t *table[Record], r *Record, limits Limits) error {
	if r.ID == "" || r.URL == "" {
		return errors.New("it has no id or no url")
	}
	if r.Text == "" {
		return errors.New("it has no text")
	}
	if len(r.Signals) > limits.Signals {
		return fmt.Errorf("%d signals, the limit is %d", len(r.Signals), limits.Signals)
	}
	for _, s := range r.Signals {
		if err := checkText("signals", s.Source+s.Text, limits.FieldBytes); err != nil {
			return err
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.kind != kindText {
			continue
		}
		limit := limits.FieldBytes
		if c.name == "text" {
			limit = limits.TextBytes
		}
		if err := checkText(c.name, *c.text(r), limit); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, value string, limit int) error {
	if len(value) > limit {
		return fmt.Errorf("%s of %d bytes, the limit is %d", name, len(value), limit)
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s is not UTF-8", name)
	}
	return nil
}
