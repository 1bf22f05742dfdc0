package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl/job"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// fake is a backend in memory.
type fake struct {
	mu     sync.Mutex
	jobs   []api.Job // oldest first
	ready  error
	broken error         // what every call on epochs answers, if set
	hold   chan struct{} // List of nodes waits for it, if set
	dir    string        // holds datasets and the epoch file
	taken  []api.NewTakedown
}

func (f *fake) backend() api.Backend {
	return api.Backend{Jobs: (*fakeJobs)(f), Nodes: (*fakeNodes)(f), Epochs: (*fakeEpochs)(f), Halts: new(fakeHalts), Settlements: new(fakeSettlements), Orders: new(fakeOrders), Datasets: (*fakeDatasets)(f), Health: f, Owners: fakeOwners{}, Fetch: fakeFetch{}}
}

func (f *fake) Ready(context.Context) error { return f.ready }

type fakeJobs fake

func (f *fakeJobs) Submit(_ context.Context, spec job.Spec) (string, error) {
	j, err := job.New(spec, job.DefaultLimits(), start)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = append(f.jobs, api.Job{
		ID: j.ID, Dataset: j.Dataset, Purpose: j.Purpose, Scope: string(j.Scope), MaxPages: j.MaxPages, Seeds: j.Seeds,
		State: string(job.StateRunning), Created: j.Created, Updated: j.Updated,
		Counts: api.Counts{Skipped: map[string]int64{}, Failed: map[string]int64{}},
	})
	return j.ID, nil
}

func (f *fakeJobs) find(id string) (*api.Job, error) {
	for i := range f.jobs {
		if f.jobs[i].ID == id {
			return &f.jobs[i], nil
		}
	}
	return nil, api.NotFound("there is no job %q", id)
}

func (f *fakeJobs) Job(_ context.Context, id string) (api.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(id)
	if err != nil {
		return api.Job{}, err
	}
	return *j, nil
}

func (f *fakeJobs) List(_ context.Context, p api.Page) ([]api.Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []api.Job
	found := p.After == ""
	for i := len(f.jobs) - 1; i >= 0 && len(list) < p.Limit; i-- {
		if found {
			list = append(list, f.jobs[i])
		}
		found = found || f.jobs[i].ID == p.After
	}
	return list, nil
}

func (f *fakeJobs) move(id string, to job.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(id)
	if err != nil {
		return err
	}
	if !job.CanMove(job.State(j.State), to) {
		return api.Conflict("job is %s", j.State)
	}
	j.State = string(to)
	return nil
}

func (f *fakeJobs) Pause(_ context.Context, id string) error  { return f.move(id, job.StatePaused) }
func (f *fakeJobs) Resume(_ context.Context, id string) error { return f.move(id, job.StateRunning) }
func (f *fakeJobs) Cancel(_ context.Context, id string) error { return f.move(id, job.StateCancelled) }

type fakeNodes fake

func (f *fakeNodes) List(ctx context.Context, p api.Page) ([]api.Node, error) {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
		}
	}
	var list []api.Node
	for _, id := range []string{"A", "B", "C"} {
		if id > p.After && len(list) < p.Limit {
			list = append(list, api.Node{ID: id, Sharing: "ok", Since: start, Standing: 1000, Events: []api.StandingEvent{}})
		}
	}
	return list, nil
}

func (f *fakeNodes) Count(context.Context) (int, int, error) { return 3, 2, nil }

type fakeEpochs fake

func (f *fakeEpochs) List(_ context.Context, p api.Page) ([]api.Epoch, error) {
	from := uint64(3)
	if p.After != "" {
		after, err := strconv.ParseUint(p.After, 10, 64)
		if err != nil {
			return nil, api.Invalid("no such place in the list")
		}
		from = after
	}
	var list []api.Epoch
	for n := from - 1; n > 0 && len(list) < p.Limit; n-- {
		list = append(list, api.Epoch{Number: n, State: "closed", Start: start, Pool: 1 << 60})
	}
	return list, f.broken
}

func (f *fakeEpochs) Epoch(_ context.Context, number uint64) (api.Epoch, error) {
	if number > 2 {
		return api.Epoch{}, api.NotFound("there is no epoch %d", number)
	}
	return api.Epoch{Number: number, State: "closed", Start: start, Pool: 1 << 60}, f.broken
}

func (f *fakeEpochs) Close(ctx context.Context) (api.Epoch, error) { return f.Epoch(ctx, 2) }

func (f *fakeEpochs) Statements(_ context.Context, _ uint64, p api.Page) ([]api.Statement, error) {
	var list []api.Statement
	for _, id := range []string{"A", "B"} {
		if id > p.After && len(list) < p.Limit {
			list = append(list, api.Statement{Node: id, Amount: 5})
		}
	}
	return list, f.broken
}

func (f *fakeEpochs) File(_ context.Context, number uint64, _ string) (string, error) {
	if number != 1 {
		return "", api.Conflict("epoch %d is open", number)
	}
	return filepath.Join(f.dir, "epoch.json"), nil
}

type fakeDatasets fake

func (f *fakeDatasets) List(_ context.Context, p api.Page) ([]api.Dataset, error) {
	var list []api.Dataset
	for _, name := range []string{"docs", "news"} {
		if name > p.After && len(list) < p.Limit {
			list = append(list, api.Dataset{Name: name})
		}
	}
	return list, nil
}

func (f *fakeDatasets) Versions(_ context.Context, name string, _ api.Page) ([]api.Version, error) {
	if name != "docs" {
		return nil, api.NotFound("there is no dataset %s", name)
	}
	return []api.Version{{Dataset: name, Version: 1, Created: start, Languages: map[string]int64{}, Files: []api.File{}}}, nil
}

func (f *fakeDatasets) Folder(_ context.Context, name string, version int) (string, error) {
	if name != "docs" || version != 1 {
		return "", api.NotFound("there is no version %d of %s", version, name)
	}
	return filepath.Join(f.dir, "docs", "v1"), nil
}

func (f *fakeDatasets) Publish(_ context.Context, name string) (api.Version, error) {
	if name != "docs" {
		return api.Version{}, api.Conflict("dataset %s has no record to publish yet", name)
	}
	return api.Version{Dataset: name, Version: 2, Created: start, Languages: map[string]int64{}, Files: []api.File{}}, nil
}

func (f *fakeDatasets) TakeDown(_ context.Context, _ string, t api.NewTakedown) (api.Takedown, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taken = append(f.taken, t)
	return api.Takedown{Number: len(f.taken), Version: 2, Rows: 3}, nil
}

func (f *fakeDatasets) Notices(_ context.Context, _ string, p api.Page) ([]api.Notice, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []api.Notice
	for i, t := range f.taken {
		if n := i + 1; strconv.Itoa(n) > p.After && len(list) < p.Limit {
			list = append(list, api.Notice{Number: n, Version: 2, Scope: t.Scope, Reason: t.Reason, At: start, Rows: 3})
		}
	}
	return list, nil
}

// shard is what the fake's only shard holds.
var shard = bytes.Repeat([]byte("0123456789"), 100_000)

func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{dir: t.TempDir()}
	data := filepath.Join(f.dir, "docs", "v1", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		filepath.Join(data, "shard.parquet"):                shard,
		filepath.Join(f.dir, "docs", "v1", "manifest.json"): []byte("{}"),
		filepath.Join(f.dir, "secret"):                      []byte("secret"),
		filepath.Join(f.dir, "epoch.json"):                  []byte(`{"epoch":1}`),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// served is a server that runs.
type served struct {
	*fake
	url    string
	public string
	client *api.Client
	logs   *logs
}

func serve(t testing.TB, f *fake, change func(*api.Config)) served {
	t.Helper()
	cfg := api.DefaultConfig()
	cfg.Listen, cfg.Contact = "127.0.0.1:0", "https://crawler.example/why?a=1&b=2"
	cfg.UserAgent = "FallowBot/1.0 (+https://crawler.example/)"
	if change != nil {
		change(&cfg)
	}
	l := new(logs)
	s, err := api.New(slog.New(slog.NewTextHandler(l, nil)), cfg, f.backend(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	client, err := api.NewClient(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return served{fake: f, url: client.Base(), public: s.PublicAddr(), client: client, logs: l}
}

// logs collects what the server logs.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// ask sends a request and returns the answer with its body.
func (s served) ask(t testing.TB, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(raw)
}

var errSecret = errors.New("open /srv/secret/path: permission denied")

// fakeHalts is a kill switch in memory.
type fakeHalts struct {
	mu   sync.Mutex
	halt api.Halt
}

func (f *fakeHalts) InForce(context.Context) (api.Halt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.halt
	h.Stops = append([]api.Stop{}, h.Stops...)
	return h, nil
}

func (f *fakeHalts) Stop(ctx context.Context, s api.Stop) (api.Halt, error) {
	f.mu.Lock()
	f.halt.Sequence++
	f.halt.Stops = append(f.halt.Stops, s)
	f.mu.Unlock()
	return f.InForce(ctx)
}

func (f *fakeHalts) Lift(ctx context.Context, s api.StopName) (api.Halt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, stop := range f.halt.Stops {
		if stop.StopName == s {
			f.halt.Stops = append(f.halt.Stops[:i:i], f.halt.Stops[i+1:]...)
			return api.Halt{Sequence: f.halt.Sequence, Stops: append([]api.Stop{}, f.halt.Stops...)}, nil
		}
	}
	return api.Halt{}, api.NotFound("no such stop")
}

// fakeSettlements settles at once.
type fakeSettlements struct{ ran []uint64 }

func (f *fakeSettlements) Status(context.Context) (api.Settlement, error) {
	return api.Settlement{Mode: "pay", Payments: uint64(len(f.ran)), Paid: 1 << 60}, nil
}

func (f *fakeSettlements) Plan(_ context.Context, epoch uint64) (api.SettlementPlan, error) {
	if epoch > 1 {
		return api.SettlementPlan{}, api.Conflict("epoch %d is open", epoch)
	}
	return api.SettlementPlan{Epoch: 1, Mode: "pay", Units: 1 << 60}, nil
}

func (f *fakeSettlements) Run(ctx context.Context, epoch uint64) (api.Settlement, error) {
	f.ran = append(f.ran, epoch)
	return f.Status(ctx)
}

func (f *fakeSettlements) Reconcile(_ context.Context, from uint64) (api.Reconciliation, error) {
	return api.Reconciliation{Next: from + 1, Batches: 1}, nil
}

// fakeOrders holds orders that are paid at once.
type fakeOrders struct{ list []api.Order }

func (f *fakeOrders) Take(_ context.Context, n api.NewOrder) (api.Order, error) {
	o := api.Order{ID: "o-" + strconv.Itoa(len(f.list)), Dataset: n.Dataset, Version: n.Version, Price: n.Price, State: "open", Pay: "solana:x"}
	f.list = append(f.list, o)
	return o, nil
}

func (f *fakeOrders) List(context.Context, api.Page) ([]api.Order, error) { return f.list, nil }

func (f *fakeOrders) Order(_ context.Context, id string) (api.Order, error) {
	for _, o := range f.list {
		if o.ID == id {
			return o, nil
		}
	}
	return api.Order{}, api.NotFound("no order %s", id)
}

func (f *fakeOrders) Refund(ctx context.Context, id string, r api.OrderRefund) (api.Order, error) {
	o, err := f.Order(ctx, id)
	if err == nil && r.To == "" {
		err = api.Conflict("nothing can be paid back")
	}
	return o, err
}
