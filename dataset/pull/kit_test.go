package pull_test

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/pull"
)

var day = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, 32)) }

func public() ed25519.PublicKey { return key().Public().(ed25519.PublicKey) }

// records makes n rows whose texts no codec shrinks much.
func records(n int, seed uint64) []dataset.Record {
	rng := rand.New(rand.NewPCG(seed, 7))
	list := make([]dataset.Record, n)
	for i := range list {
		host := fmt.Sprintf("s%d.example", i%5)
		text := make([]string, 300)
		for k := range text {
			text[k] = fmt.Sprintf("%x", rng.Uint32())
		}
		list[i] = dataset.Record{
			Text: strings.Join(text, " "), ID: fmt.Sprintf("%d-%d", seed, i), URL: fmt.Sprintf("https://%s/%d/%d", host, seed, i), Host: host, Site: host,
			SURT: fmt.Sprintf("example,s%d)/%d/%d", i%5, seed, i), FetchedAt: day, Language: "eng", LanguageScript: "Latn", Transport: "https", Status: 200,
		}
	}
	return list
}

// datasets is a folder of published versions of the dataset "demo".
type datasets struct {
	dir    string
	shards []dataset.ShardFile
}

func newDatasets(t testing.TB, shards, rows int) *datasets {
	t.Helper()
	d := &datasets{dir: t.TempDir()}
	for range shards {
		d.addShard(t, rows)
	}
	d.publish(t)
	return d
}

func (d *datasets) addShard(t testing.TB, rows int) {
	t.Helper()
	n := len(d.shards)
	path := filepath.Join(d.dir, "shards", fmt.Sprintf("%d.parquet", n))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	shard, err := dataset.WriteShard(path, records(rows, uint64(n)), dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.shards = append(d.shards, dataset.ShardFile{Path: path, Shard: shard})
}

func (d *datasets) latest(t testing.TB) int {
	t.Helper()
	n, _, err := dataset.Latest(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (d *datasets) publish(t testing.TB, orders ...dataset.Takedown) *dataset.Manifest {
	t.Helper()
	n, _, err := dataset.Latest(d.dir)
	if err != nil && n != 0 {
		t.Fatal(err)
	}
	m, err := dataset.Publish(d.dir, dataset.VersionSpec{
		Dataset: "demo", Version: n + 1, Description: "test", Created: day, Shards: d.shards, Takedowns: orders,
	}, key())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// site serves them as a router does, with faults.
type site struct {
	*httptest.Server
	sets *datasets

	mu       sync.Mutex
	requests []string
	fault    func(w http.ResponseWriter, r *http.Request, file string) (handled bool)
}

const api = "/api/v1/datasets/demo"

func serve(t testing.TB, sets *datasets) *site {
	t.Helper()
	s := &site{sets: sets}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.Path)
		fault := s.fault
		s.mu.Unlock()
		if r.URL.Path == api+"/versions" {
			_, _ = fmt.Fprintf(w, `{"versions":[{"version":%d}]}`, sets.latest(t))
			return
		}
		rest, ok := strings.CutPrefix(r.URL.Path, api+"/versions/")
		version, file, ok2 := strings.Cut(rest, "/files/")
		if !ok || !ok2 {
			http.NotFound(w, r)
			return
		}
		if fault != nil && fault(w, r, file) {
			return
		}
		http.ServeFile(w, r, filepath.Join(sets.dir, "v"+version, filepath.FromSlash(file)))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) breaks(fault func(w http.ResponseWriter, r *http.Request, file string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// asked counts requests for shards since the last call.
func (s *site) asked() (shards int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range s.requests {
		if strings.HasSuffix(path, ".parquet") && strings.Contains(path, "/data/") {
			shards++
		}
	}
	s.requests = nil
	return shards
}

// quick are limits for tests: nothing waits long.
func quick() pull.Limits {
	l := pull.DefaultLimits()
	l.Pause, l.MaxPause, l.MinFree, l.Manifest = time.Millisecond, 20*time.Millisecond, 0, 1<<20
	return l
}

func checkWhole(t testing.TB, dir string) {
	t.Helper()
	report, err := dataset.Verify(dir, dataset.VerifyOptions{Key: public()})
	if err != nil || !report.Valid {
		t.Errorf("%s: %+v, %v", dir, report.Problems, err)
	}
}
