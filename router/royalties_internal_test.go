package router

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/store"
)

// forgetful is a database that fails to store counts while full is set.
type forgetful struct {
	*store.Store
	full   bool
	writes int
}

func (f *forgetful) SaveVersionRecords(ctx context.Context, name string, version int, records map[wire.Key]int64, unknown int64) error {
	if f.full {
		return errors.New("database or disk is full")
	}
	f.writes++
	return f.Store.SaveVersionRecords(ctx, name, version, records, unknown)
}

// shelved is a dataset with one shard of four records for each of two sites:
// two leases of node 1, one of node 2, and one of nobody known.
func shelved(t *testing.T, c *catalogue) crawl.Publication {
	t.Helper()
	p := crawl.Publication{Dataset: "docs", Purpose: "test"}
	noted := map[string]crawl.Carriers{}
	for i, host := range []string{"a.example", "b.example"} {
		var records []dataset.Record
		for k := range 4 {
			url := fmt.Sprintf("https://%s/%d", host, k)
			records = append(records, dataset.Record{Text: "text of " + url, ID: url, URL: url, SURT: url, Host: host, Site: host, Lease: wire.Serial{byte(k + 1)}})
		}
		path := c.ShardPath("docs", uint64(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.Entries = append(p.Entries, crawl.Entry{Number: uint64(i), Shard: &shard})
		noted[shard.SHA256] = crawl.Carriers{{1}: {1}, {2}: {1}, {3}: {2}}
	}
	p.Carriage = func(sha256 string) (crawl.Carriers, error) { return noted[sha256], nil }
	return p
}

// What a version really holds is counted by node, once, also if the count could
// not be stored when the version came out.
func TestRecordsByNodeAreBooked(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "router.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	orders, err := loadTakedowns(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	db := &forgetful{Store: s}
	c := &catalogue{
		dir: t.TempDir(), key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), version: "test", contact: "mailto:a@example.com",
		now: time.Now, orders: orders, records: db, log: slog.New(slog.DiscardHandler),
	}
	p := shelved(t, c)
	booked := func(version int, first, second, unknown int64) {
		t.Helper()
		got, without, err := s.VersionRecords(t.Context(), "docs", version)
		want := map[wire.Key]int64{{1}: first, {2}: second}
		maps.DeleteFunc(want, func(_ wire.Key, n int64) bool { return n == 0 })
		if err != nil || !maps.Equal(got, want) || without != unknown {
			t.Fatalf("version %d: %v and %d without a node, want %v and %d; %v", version, got, without, want, unknown, err)
		}
	}
	for range 3 {
		if v, err := c.Publish(t.Context(), p); err != nil || v.Version != 1 {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	booked(1, 4, 2, 2)
	if db.writes != 1 {
		t.Errorf("stored %d times", db.writes)
	}

	// One row of the first shard goes, and the whole second shard.
	for _, o := range []dataset.Takedown{
		{Scope: dataset.ScopeURL, Target: "https://a.example/1", Reason: "asked"},
		{Scope: dataset.ScopeSite, Target: "b.example", Reason: "asked"},
	} {
		o.At = time.Now().UTC().Truncate(time.Second)
		if _, _, err := orders.order(t.Context(), "docs", o); err != nil {
			t.Fatal(err)
		}
	}
	db.full = true
	if _, err := c.Publish(t.Context(), p); err == nil {
		t.Fatal("a version came out unbooked, and nobody was told")
	}
	booked(2, 0, 0, 0)
	db.full = false
	if v, err := c.Publish(t.Context(), p); err != nil || v.Version != 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	booked(2, 1, 1, 1)
	booked(1, 4, 2, 2)

	// Shards of which nothing was noted.
	if err := s.SaveVersionRecords(t.Context(), "docs", 2, nil, 0); err != nil {
		t.Fatal(err)
	}
	p.Carriage = func(string) (crawl.Carriers, error) { return nil, nil }
	if _, err := c.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	booked(2, 0, 0, 3)
}
