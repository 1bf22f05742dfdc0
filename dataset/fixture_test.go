package dataset_test

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// epoch0 is the time at which everything in these tests happens.
var epoch0 = time.Date(2026, 11, 23, 10, 0, 0, 123456000, time.UTC)

const vocabulary = `the field lies fallow after harvest while rain and frost work the soil until spring brings seed
again every furrow holds water roots worms and the memory of grain that once stood as high as a child rivers carry what
hills give up slowly and towns grow where two roads meet near a mill whose wheel turns with patience under old trees`

// synthetic makes n records of about 2.4 kB of prose-like text from a seed.
func synthetic(n int, seed uint64) []dataset.Record {
	rng := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields(vocabulary)
	records := make([]dataset.Record, n)
	for i := range records {
		site := fmt.Sprintf("site%02d.example", rng.IntN(20))
		path := fmt.Sprintf("page/%d/%d", seed, i)
		records[i] = dataset.Record{
			Text: prose(rng, words, 50+rng.IntN(700)), ID: fmt.Sprintf("<fallow:%d:%d>", seed, i), Dump: "demo-1",
			URL: "https://www." + site + "/" + path, Date: "2026-11-23T10:00:00Z", FilePath: "fallow://demo",
			Language: "eng", LanguageScript: "Latn", LanguageScore: float64(rng.IntN(1000)) / 1000, TokenCount: int64(rng.IntN(900)),
			MinhashClusterSize: 1, Host: "www." + site, Site: site, SURT: "example," + strings.TrimSuffix(site, ".example") + ",www)/" + path,
			Title: "Page " + path, FetchedAt: epoch0.Add(time.Duration(i) * time.Second), Status: 200, MIME: "text/html", Charset: "utf-8",
			NodeCountry: "DE", Job: "job-1", Robots: "allowed", Extractor: "full", ExtractorVersion: "1", Transport: "https", TLSVersion: "1.3",
		}
		r := &records[i]
		for k := range 16 {
			r.TextDigest[k], r.Lease[k], r.BodySHA256[k] = byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())
		}
		r.TLSCertSHA256[0] = site[4]
		for s := range i % 3 {
			r.Signals = append(r.Signals, dataset.Signal{Source: "header", Text: fmt.Sprintf("content-usage: train-ai=%d", s)})
		}
		r.BodyBytes, r.Epoch = int64(4*len(r.Text)), 7
		if i%7 == 0 {
			r.DuplicateCluster, r.License, r.LicenseSource, r.PIIEmail = "c-"+r.ID, "CC-BY-4.0", "link", int32(i)
			r.Collector, r.Fields = "forum/1", fmt.Sprintf(`{"posts":%d}`, i)
		}
		if i%5 == 0 {
			r.Language, r.AITrain, r.RobotsRule = "deu", "y", "Allow: /"
		}
	}
	return records
}

// answers makes the raw answers of records.
func answers(records []dataset.Record) []dataset.Raw {
	list := make([]dataset.Raw, len(records))
	for i, r := range records {
		list[i] = dataset.Raw{
			ID: r.ID, URL: r.URL, FetchedAt: r.FetchedAt, Status: r.Status, Protocol: "HTTP/2.0", MIME: r.MIME,
			Header: "Content-Type: text/html; charset=utf-8\r\nServer: x\r\n", Body: []byte("<p>" + r.Text + "\xff"),
		}
	}
	return list
}

func prose(rng *rand.Rand, words []string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(words[rng.IntN(len(words))])
		if rng.IntN(9) == 0 {
			fmt.Fprintf(&b, "%x", rng.IntN(5000))
		}
		b.WriteByte(" .\n"[min(2, rng.IntN(12)/5)])
	}
	return b.String()
}

// soaking says that campaigns should be long.
func soaking() bool {
	often := os.Getenv("FALLOW_SOAK")
	return often != "" && often != "1"
}

// testKey signs in tests.
func testKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, 32)) }

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// writeShard writes synthetic records and returns them with their leaves.
func writeShard(t testing.TB, path string, records []dataset.Record) dataset.ShardFile {
	t.Helper()
	shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return dataset.ShardFile{Path: path, Shard: shard}
}

func spec(version int, shards ...dataset.ShardFile) dataset.VersionSpec {
	return dataset.VersionSpec{
		Dataset: "demo", Version: version, Description: "Pages for a test", Purpose: "testing: quotes \" and # too", Contact: "https://fallow.example",
		Generator: "fallow test", Created: epoch0, Shards: shards,
		Duplicates: []dataset.Duplicate{
			{DroppedID: "<d1>", DroppedURL: "https://a.example/1", KeptID: "<fallow:1:0>", Kind: dataset.ExactDuplicate, Similarity: 1},
			{DroppedID: "<d2>", DroppedURL: "https://a.example/2", KeptID: "<fallow:1:1>", Kind: dataset.NearDuplicate, Similarity: 0.91},
		},
		Counts: dataset.Counts{Fetched: 1000, RefusedRobots: 7, RefusedOptOut: 3, Failed: 2},
	}
}

// publish makes version 1 with two shards and returns its folder.
func publish(t testing.TB, rows int) string {
	t.Helper()
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "datasets", "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), synthetic(rows, 1))
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(rows/2, 2))
	if _, err := dataset.Publish(dir, spec(1, a, b), testKey()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "v1")
}
