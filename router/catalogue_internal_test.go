package router

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl"
)

// publication writes n shards as the crawl would.
func publication(t *testing.T, c *catalogue, n int, duplicates ...dataset.Duplicate) crawl.Publication {
	t.Helper()
	p := crawl.Publication{Dataset: "docs", Purpose: "test"}
	for i := range n {
		url := fmt.Sprintf("https://a.example/%d", i)
		record := dataset.Record{Text: "text of " + url, ID: url, URL: url, SURT: url, Host: "a.example", Site: "a.example"}
		path := c.ShardPath("docs", uint64(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		shard, err := dataset.WriteShard(path, []dataset.Record{record}, dataset.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.Entries = append(p.Entries, crawl.Entry{Number: uint64(i), Shard: &shard})
	}
	if len(duplicates) > 0 {
		p.Entries = append(p.Entries, crawl.Entry{Number: uint64(n), Duplicates: duplicates})
	}
	return p
}

// Publishing is repeatable, which a crash between it and the note of it needs,
// and what is new makes a new version, be it a duplicate only.
func TestPublishAgain(t *testing.T) {
	c := &catalogue{
		dir: t.TempDir(), key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
		version: "test", contact: "mailto:a@example.com", now: time.Now,
	}
	dropped := dataset.Duplicate{DroppedID: "x", DroppedURL: "https://a.example/x", KeptID: "https://a.example/0", Kind: dataset.ExactDuplicate, Similarity: 1}
	var roots []string
	for i, p := range []struct {
		publication crawl.Publication
		version     int
	}{
		{publication(t, c, 1), 1},
		{publication(t, c, 1), 1},
		{publication(t, c, 2), 2},
		{publication(t, c, 2), 2},
		{publication(t, c, 2, dropped), 3},
		{publication(t, c, 2, dropped), 3},
	} {
		got, err := c.Publish(t.Context(), p.publication)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got.Version != p.version {
			t.Errorf("step %d: version %d, want %d", i, got.Version, p.version)
		}
		report, err := dataset.Verify(got.Dir, dataset.VerifyOptions{})
		if err != nil || !report.Valid {
			t.Errorf("step %d: %v %+v", i, err, report)
		}
		roots = append(roots, got.Root)
	}
	if roots[0] != roots[1] || roots[2] != roots[3] || roots[0] == roots[2] {
		t.Errorf("roots %v", roots)
	}
}
