package crawl_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/store"
)

// world is a crawler on real parts with sites of its own; only the nodes are
// stood in for, by transports that dial the sites directly.
type world struct {
	t     testing.TB
	dir   string
	ca    *lab.CA
	roots *x509.CertPool
	cfg   crawl.Config
	fleet *testFleet
	now   func() time.Time         // time.Now unless set
	hook  func(point string) error // called at every seam; nil: nothing happens

	dialMu sync.Mutex
	hosts  map[string]string // dialled host:port -> address on loopback

	store   *store.Store
	crawler *crawl.Crawler
	orders  atomic.Pointer[dataset.Takedowns]
	stop    func() error
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ca, err := lab.NewCA(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), ca: ca, roots: ca.Pool(), cfg: testConfig(), now: time.Now, hosts: make(map[string]string)}
	w.fleet = newFleet(w, 2)
	return w
}

func testConfig() crawl.Config {
	cfg := crawl.LabConfig()
	cfg.Workers, cfg.MaxTries, cfg.Drain, cfg.NodeWait = 8, 3, 2*time.Second, 200*time.Millisecond
	cfg.Gate.RobotsOnly = true
	cfg.Gate.RetryMin = 50 * time.Millisecond
	return cfg
}

// site serves handler at https://host/ and returns it for its log.
func (w *world) site(host string, handler http.Handler) *lab.Site {
	w.t.Helper()
	site, err := lab.ServeSite(w.ca, lab.SiteConfig{Hosts: []string{host}, Handler: handler})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = site.Close() })
	w.dialMu.Lock()
	defer w.dialMu.Unlock()
	w.hosts[host+":443"] = site.Addr()
	return site
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.dialMu.Lock()
	at := w.hosts[address]
	if _, parent, ok := strings.Cut(address, "."); ok && at == "" {
		at = w.hosts["*."+parent]
	}
	w.dialMu.Unlock()
	if at == "" {
		at = "127.0.0.1:1" // nobody listens there
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, at)
	if err != nil {
		return nil, err
	}
	return dialled{conn}, nil
}

// dialled knows the address it was dialled at, as a tunnel does.
type dialled struct{ net.Conn }

func (d dialled) SiteAddress() string { return d.RemoteAddr().String() }

// start opens the crawler on the world's data and runs it.
func (w *world) start() {
	w.t.Helper()
	w.open()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.crawler.Run(ctx) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return errors.Join(err, w.store.Close())
		case <-time.After(20 * time.Second):
			return errors.New("the crawler does not stop")
		}
	})
	w.t.Cleanup(func() { _ = w.stop() })
}

func (w *world) open() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("FALLOW_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	var err error
	if w.store, err = store.Open(context.Background(), filepath.Join(w.dir, "router.db"), log); err != nil {
		w.t.Fatal(err)
	}
	w.crawler, err = crawl.New(log, w.now, db{w}, w.fleet, shelf{w}, crawl.NewMetrics(prometheus.NewRegistry()), filepath.Join(w.dir, "crawl"), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
}

// restart stops in good order and starts again.
func (w *world) restart() {
	w.t.Helper()
	if err := w.stop(); err != nil {
		w.t.Fatalf("stop: %v", err)
	}
	w.start()
}

func (w *world) at(point string) error {
	if w.hook == nil {
		return nil
	}
	return w.hook(point)
}

func (w *world) submit(s job.Spec) string {
	w.t.Helper()
	if s.Dataset == "" {
		s.Dataset = "test"
	}
	s.Purpose = "test"
	j, err := w.crawler.Submit(context.Background(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return j.ID
}

func (w *world) progress(id string) crawl.Progress {
	w.t.Helper()
	p, err := w.crawler.Progress(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// await polls a job until ok.
func (w *world) await(id, what string, ok func(p crawl.Progress) bool) crawl.Progress {
	w.t.Helper()
	return w.awaitUntil(time.Now().Add(time.Minute), id, what, ok)
}

// awaitFor waits for the end of a large job.
func (w *world) awaitFor(patience time.Duration, id string) crawl.Progress {
	w.t.Helper()
	return w.awaitUntil(time.Now().Add(patience), id, "end of job", func(p crawl.Progress) bool { return p.Job.State.Final() })
}

func (w *world) awaitUntil(deadline time.Time, id, what string, ok func(p crawl.Progress) bool) crawl.Progress {
	w.t.Helper()
	for ; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if p := w.progress(id); ok(p) {
			return p
		}
	}
	w.t.Fatalf("%s: not in time: %+v", what, w.progress(id))
	return crawl.Progress{}
}

// finish waits for a job's end and checks that every page is in one place.
func (w *world) finish(id string) crawl.Progress {
	w.t.Helper()
	p := w.await(id, "end of job", func(p crawl.Progress) bool { return p.Job.State.Final() })
	checkTally(w.t, p.Tally)
	return p
}

func checkTally(t testing.TB, c crawl.Tally) {
	t.Helper()
	sum := c.Records + c.Exact + c.Near + total(c.Skipped)
	if sum != c.Pages || total(c.Nodes) != c.Pages {
		t.Errorf("%d pages, %d accounted for, %d by node: %+v", c.Pages, sum, total(c.Nodes), c)
	}
}

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// records reads a published version, checked first.
func (w *world) records(p crawl.Progress) []dataset.Record {
	w.t.Helper()
	if p.Result == nil {
		w.t.Fatalf("job %s has no result: %+v", p.Job.ID, p)
	}
	report, err := dataset.Verify(p.Result.Dir, dataset.VerifyOptions{})
	if err != nil || !report.Valid {
		w.t.Fatalf("verify %s: %v %+v", p.Result.Dir, err, report)
	}
	version, err := dataset.OpenVersion(p.Result.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	var list []dataset.Record
	if err := version.Read(func(_ string, _ int64, r *dataset.Record) error {
		list = append(list, *r)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

func urlsOf(records []dataset.Record) []string {
	var urls []string
	for _, r := range records {
		urls = append(urls, r.URL)
	}
	slices.Sort(urls)
	return urls
}

// db is the store, with a seam.
type db struct{ w *world }

func (d db) CreateJob(ctx context.Context, j job.Job) error { return d.w.store.CreateJob(ctx, j) }

func (d db) Job(ctx context.Context, id string) (job.Job, error) { return d.w.store.Job(ctx, id) }

func (d db) OpenJobs(ctx context.Context) ([]job.Job, error) {
	list, err := d.w.store.Jobs(ctx, store.JobQuery{States: []job.State{job.StateQueued, job.StateRunning, job.StatePaused}})
	for i := range list {
		if list[i], err = d.w.store.Job(ctx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, err
}

func (d db) SetJobState(ctx context.Context, id string, from, to job.State, reason string, at time.Time) error {
	if err := d.w.at("before " + string(to)); err != nil {
		return err
	}
	if _, err := d.w.store.SetJobState(ctx, id, from, to, reason, at); err != nil {
		return err
	}
	return d.w.at("after " + string(to))
}

// shelf keeps datasets in the world's folder, with a seam.
type shelf struct{ w *world }

func (s shelf) folder(name string) string { return filepath.Join(s.w.dir, "datasets", name) }

func (s shelf) ShardPath(name string, n uint64) string {
	path := filepath.Join(s.folder(name), "shards", fmt.Sprintf("%08d.parquet", n))
	_ = s.w.at("shard")
	return path
}

func (s shelf) RawPath(name string, n uint64) string {
	return filepath.Join(s.folder(name), "shards", fmt.Sprintf("%08d.raw.parquet", n))
}

func (s shelf) PublishedShards(name string) (int, error) {
	_, m, err := dataset.Latest(s.folder(name))
	if errors.Is(err, dataset.ErrNoVersion) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return len(m.Shards), nil
}

func (s shelf) TakenDown(_, address, host string) bool { return s.w.orders.Load().Cover(address, host) }

var shelfKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func (s shelf) Publish(_ context.Context, p crawl.Publication) (crawl.Published, error) {
	if err := s.w.at("publish"); err != nil {
		return crawl.Published{}, err
	}
	dir := s.folder(p.Dataset)
	latest, m, err := dataset.Latest(dir)
	if err != nil && !errors.Is(err, dataset.ErrNoVersion) {
		return crawl.Published{}, err
	}
	spec := dataset.VersionSpec{Dataset: p.Dataset, Version: latest + 1, Purpose: p.Purpose, Contact: "mailto:test@fallow.test", Created: time.Unix(1e9, 0).UTC()}
	for _, e := range p.Entries {
		if e.Shard != nil {
			spec.Shards = append(spec.Shards, dataset.ShardFile{
				Path: e.Path(filepath.Join(dir, "shards", fmt.Sprintf("%08d.parquet", e.Number))), Raw: s.RawPath(p.Dataset, e.Number), Shard: *e.Shard,
			})
		}
		spec.Duplicates = append(spec.Duplicates, e.Duplicates...)
	}
	if latest == 0 || len(m.Shards) != len(spec.Shards) {
		if m, err = dataset.Publish(dir, spec, shelfKey); err != nil {
			return crawl.Published{}, err
		}
	}
	return crawl.Published{
		Dir: filepath.Join(dir, fmt.Sprintf("v%d", m.Version)), Version: m.Version, Shards: len(m.Shards), Rows: m.Rows, Root: m.Root.String(),
	}, s.w.at("published")
}

// testFleet hands out its nodes in turn.
type testFleet struct {
	mu       sync.Mutex
	nodes    []*testNode
	turn     int
	changed  chan struct{}
	suspects []suspect
	outcomes map[crawl.Outcome]int
	urls     []string
	ended    []string
	refuse   func() error // why no node is to be had; nil: the nodes decide
}

type testNode struct {
	key       wire.Key
	country   string
	transport http.RoundTripper
}

type suspect struct {
	node   wire.Key
	reason wire.Reason
}

func newFleet(w *world, nodes int) *testFleet {
	f := &testFleet{changed: make(chan struct{}), outcomes: make(map[crawl.Outcome]int)}
	for i := range nodes {
		f.nodes = append(f.nodes, &testNode{key: wire.Key{byte(i + 1)}, country: "DE", transport: w.transport(w.roots, w.dial)})
	}
	return f
}

func (w *world) transport(roots *x509.CertPool, dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	t := &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConnsPerHost: 8,
	}
	w.t.Cleanup(t.CloseIdleConnections)
	return t
}

func (f *testFleet) set(nodes ...*testNode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = nodes
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *testFleet) Hold(want crawl.Want) (crawl.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse()
	}
	for range f.nodes {
		f.turn++
		n := f.nodes[f.turn%len(f.nodes)]
		if !slices.Contains(want.Avoid, n.key) && (want.Country == "" || want.Country == n.country) {
			return &testHold{f, n}, nil
		}
	}
	return nil, errors.New("no node is free: none fits")
}

func (f *testFleet) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *testFleet) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.nodes) > 0
}

func (f *testFleet) Suspect(node wire.Key, _ string, reason wire.Reason, _ string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.suspects = append(f.suspects, suspect{node, reason})
}

func (f *testFleet) suspected() map[suspect]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	times := make(map[suspect]int)
	for _, s := range f.suspects {
		times[s]++
	}
	return times
}

func (f *testFleet) Announce(_ wire.Key, _ wire.Serial, urls ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.urls = append(f.urls, urls...)
}

func (f *testFleet) Checkpoint(context.Context) error { return nil }
func (f *testFleet) Epoch() uint64                    { return 5 }

func (f *testFleet) Ended(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, id)
}

func (f *testFleet) count() map[crawl.Outcome]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.outcomes)
}

type testHold struct {
	fleet *testFleet
	node  *testNode
}

func (h *testHold) Node() wire.Key               { return h.node.key }
func (h *testHold) Country() string              { return h.node.country }
func (h *testHold) Transport() http.RoundTripper { return h.node.transport }

func (h *testHold) Done(o crawl.Outcome) {
	h.fleet.mu.Lock()
	defer h.fleet.mu.Unlock()
	h.fleet.outcomes[o]++
}

// roundTrip is a function as an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
