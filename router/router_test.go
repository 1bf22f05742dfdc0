package router_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/store"
)

func labConfig(dir string) router.Config {
	cfg := router.LabConfig()
	cfg.Dir, cfg.MinFree = dir, 0
	cfg.SignGrace, cfg.Crawl.Drain = 100*time.Millisecond, time.Second
	return cfg
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// What is in the way is said, with what to do about it, and leaves nothing open
// behind: the same folder serves the next attempt.
func TestNewSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the subtests, which run beside it
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*router.Config)
		says   string
	}{
		"no folder":          {func(c *router.Config) { c.Dir = "" }, "--data"},
		"folder is a file":   {func(c *router.Config) { c.Dir = filepath.Join(file, "data") }, "create data directory"},
		"disk full":          {func(c *router.Config) { c.MinFree = 1 << 62 }, "free some space"},
		"CA outside the lab": {func(c *router.Config) { c.Lab, c.LabCA = false, notPEM }, "--lab"},
		"CA missing":         {func(c *router.Config) { c.LabCA = notPEM + "x" }, "certificate authority"},
		"CA is none":         {func(c *router.Config) { c.LabCA = notPEM }, "PEM"},
		"contact missing": {func(c *router.Config) {
			c.Lab, c.Crawl.Frontier.MinDelay, c.Crawl.Frontier.PerSite = false, time.Second, 1
		}, "crawl.contact"},
		"politeness floor": {func(c *router.Config) { c.Lab, c.Contact = false, "mailto:a@fallow.test" }, "lab mode only"},
		"node port taken":  {func(c *router.Config) { c.Listen = []string{"/ip4/127.0.0.1/tcp/" + port} }, "in use"},
		"api port taken":   {func(c *router.Config) { c.API = "127.0.0.1:" + port }, "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cfg := labConfig(dir)
			c.change(&cfg)
			_, err := router.New(discard(), cfg)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, should say %q", err, c.says)
			}
			run(t, labConfig(dir))()
		})
	}
}

// run starts a router and returns what stops it.
func run(t *testing.T, cfg router.Config) (stop func()) {
	t.Helper()
	_, stop = start(t, cfg)
	return stop
}

func start(t *testing.T, cfg router.Config) (*router.Router, func()) {
	t.Helper()
	r, err := router.New(discard(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	<-r.Ready()
	return r, func() {
		t.Helper()
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the router does not stop")
		}
	}
}

func client(t *testing.T, r *router.Router) *api.Client {
	t.Helper()
	c, err := api.NewClient(r.APIAddress())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A router keeps its key and its jobs, tells where it is while it runs, and
// lets no second one in.
func TestStopAndStartAgain(t *testing.T) {
	cfg := labConfig(t.TempDir())
	first, stop := start(t, cfg)
	id, err := client(t, first).Submit(t.Context(), api.NewJob{Dataset: "d", Purpose: "test", Scope: "host", Seeds: []string{"https://a.fallow.test/"}})
	if err != nil {
		t.Fatal(err)
	}
	addresses := filepath.Join(cfg.Dir, "addresses.json")
	raw, err := os.ReadFile(addresses)
	var told router.Addresses
	if err != nil || json.Unmarshal(raw, &told) != nil || told.API != first.APIAddress() || len(told.Node) != 2 ||
		!strings.Contains(told.Node[0], "/tcp/") || !strings.Contains(told.Node[1], "/quic-v1") {
		t.Errorf("addresses %s, %v", raw, err)
	}
	if _, err := router.New(discard(), cfg); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second router: %v", err)
	}
	stop()
	if _, err := os.Stat(addresses); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("addresses after the stop: %v", err)
	}

	second, stop := start(t, cfg)
	defer stop()
	if second.Key() != first.Key() {
		t.Error("the key has changed")
	}
	j, err := client(t, second).Job(t.Context(), id)
	if err != nil || j.State != "running" || j.Known != 1 || !strings.Contains(j.Waiting, "no node is sharing") {
		t.Errorf("%+v, %v", j, err)
	}
}

// Epochs close by themselves when it is time, and the loop ends with the router.
func TestEpochsCloseByThemselves(t *testing.T) {
	cfg := labConfig(t.TempDir())
	cfg.EpochEvery = 150 * time.Millisecond
	r, stop := start(t, cfg)
	defer stop()
	c := client(t, r)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		page, err := c.Epochs(t.Context(), api.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Epochs) >= 4 {
			checkEpochs(t, page.Epochs)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d epochs", len(page.Epochs))
		}
	}
}

func checkEpochs(t *testing.T, epochs []api.Epoch) {
	t.Helper()
	for i, e := range epochs[1:] { // newest first; the newest is open
		if e.State != "closed" && i > 0 {
			t.Errorf("epoch %d is %s", e.Number, e.State)
		}
		if next := epochs[i]; e.End == nil || !e.End.Equal(next.Start) || next.Number != e.Number+1 {
			t.Errorf("epoch %d ends %v, epoch %d starts %v", e.Number, e.End, next.Number, next.Start)
		}
		if e.State == "closed" && (e.Allocated != 0 || e.Unallocated != e.Pool) {
			t.Errorf("epoch %d without nodes: %v of %v allocated", e.Number, e.Allocated, e.Pool)
		}
	}
}

// Lists come in parts that together are the whole, each entry once.
func TestListsInParts(t *testing.T) {
	cfg := labConfig(t.TempDir())
	for _, name := range []string{"b", "a", "c"} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, "datasets", name, "shards"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "datasets", "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	r, stop := start(t, cfg)
	defer stop()
	c := client(t, r)
	var submitted []string
	for range 5 {
		id, err := c.Submit(t.Context(), api.NewJob{Dataset: "d", Purpose: "test", Scope: "host", Seeds: []string{"https://a.fallow.test/"}})
		if err != nil {
			t.Fatal(err)
		}
		submitted = append(submitted, id)
	}
	for range 4 {
		if _, err := c.CloseEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	jobs := parts(t, func(p api.Page) ([]string, string, error) {
		page, err := c.Jobs(t.Context(), p)
		var ids []string
		for _, j := range page.Jobs {
			ids = append(ids, j.ID)
		}
		return ids, page.Next, err
	})
	slices.Sort(jobs) // some were made in one millisecond
	slices.Sort(submitted)
	if !slices.Equal(jobs, submitted) {
		t.Errorf("jobs %v, want %v", jobs, submitted)
	}
	epochs := parts(t, func(p api.Page) ([]string, string, error) {
		page, err := c.Epochs(t.Context(), p)
		var numbers []string
		for _, e := range page.Epochs {
			numbers = append(numbers, strconv.FormatUint(e.Number, 10))
		}
		return numbers, page.Next, err
	})
	if strings.Join(epochs, " ") != "5 4 3 2 1" {
		t.Errorf("epochs %v", epochs)
	}
	datasets := parts(t, func(p api.Page) ([]string, string, error) {
		page, err := c.Datasets(t.Context(), p)
		var names []string
		for _, d := range page.Datasets {
			names = append(names, d.Name)
		}
		return names, page.Next, err
	})
	if strings.Join(datasets, " ") != "a b c" {
		t.Errorf("datasets %v", datasets)
	}
}

// parts reads a list two at a time.
func parts(t *testing.T, read func(api.Page) ([]string, string, error)) (all []string) {
	t.Helper()
	for p := (api.Page{Limit: 2}); ; {
		part, next, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, part...); next == "" || len(all) > 100 {
			return all
		}
		p.After = next
	}
}

// Errors that a caller can act on keep their code.
func TestErrorsForCallers(t *testing.T) {
	r, stop := start(t, labConfig(t.TempDir()))
	defer stop()
	c := client(t, r)
	job := api.NewJob{Dataset: "d", Purpose: "test", Scope: "host", Seeds: []string{"https://a.fallow.test/"}}
	id, err := c.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	job.Seeds = []string{"https://127.0.0.1/"}
	_, literal := c.Submit(t.Context(), job)
	_, unknown := c.Job(t.Context(), "j-aaaaaaaaaaaaaaaa")
	_, conflict := c.ResumeJob(t.Context(), id)
	_, noEpoch := c.Epoch(t.Context(), 99)
	_, noVersion := c.Versions(t.Context(), "nothing", api.Page{})
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"IP literal": {literal, http.StatusBadRequest}, "unknown job": {unknown, http.StatusNotFound},
		"resume a running job": {conflict, http.StatusConflict}, "unknown epoch": {noEpoch, http.StatusNotFound},
		"unknown dataset": {noVersion, http.StatusNotFound},
	} {
		var e *api.Error
		if !errors.As(c.err, &e) || e.Status != c.status {
			t.Errorf("%s: %v, want status %d", name, c.err, c.status)
		}
	}
}
