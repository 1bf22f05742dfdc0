package bridge_test

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/desktop/bridge"
	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the samples that the page's types are held against")

// dialogs answer with a path, or with none.
type dialogs struct{ path string }

func (d *dialogs) SaveFile(_, _ string) (string, error) { return d.path, nil }

// newBridge is a bridge to a real node's real control socket; the node is not run.
func newBridge(t *testing.T, d *dialogs) (*bridge.Bridge, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "node") //nolint:usetesting // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := relay.DefaultConfig()
	cfg.Dir, cfg.Version = dir, "v0.1.0"
	cfg.Routers = []string{routerAddress(7)}
	n, err := relay.New(slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := control.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, slog.New(slog.DiscardHandler), l, n) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		_ = n.Close()
	})
	return bridge.New(dir, "", "v0.1.0", d), dir
}

func routerAddress(n byte) string {
	return "/ip4/192.0.2.1/tcp/4100/p2p/" + wire.Key{n}.PeerID().String()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestFirstRun(t *testing.T) {
	b, _ := newBridge(t, nil)
	s := b.State()
	if s.Agent != bridge.Running || s.Status == nil || s.Status.Sharing.Rule != "consent" {
		t.Fatalf("state %+v", s)
	}
	text := must(b.Consent())(t)
	if _, err := b.Accept("another"); err == nil {
		t.Error("agreed to another text")
	}
	if got := must(b.Accept(text.Version))(t); !got.Given {
		t.Error("not agreed")
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if got := must(b.Pause(until))(t); got.Sharing.Rule != "pause" || got.Sharing.Until.IsZero() {
		t.Errorf("paused: %+v", got.Sharing)
	}
	if _, err := b.Pause("tomorrow"); err == nil {
		t.Error("paused until nonsense")
	}
	if got := must(b.Resume())(t); !got.Sharing.OK {
		t.Errorf("resumed: %+v", got.Sharing)
	}
	if got := must(b.Withdraw())(t); got.Given {
		t.Error("still agreed")
	}
}

func TestBlockingSites(t *testing.T) {
	b, _ := newBridge(t, nil)
	r := must(b.Rules())(t)
	r.Settings.Allow = []string{"a.example"}
	r = must(b.SetRules(r.Revision, r.Settings))(t)
	if _, err := b.SetRules(r.Revision-1, r.Settings); err == nil {
		t.Error("settings that were changed elsewhere were overwritten")
	}
	r = must(b.BlockSite("a.example"))(t)
	if !slices.Equal(r.Settings.Deny, []string{"a.example"}) || len(r.Settings.Allow) != 0 {
		t.Errorf("deny %v, allow %v", r.Settings.Deny, r.Settings.Allow)
	}
	if r = must(b.BlockSite("a.example"))(t); len(r.Settings.Deny) != 1 {
		t.Errorf("deny %v", r.Settings.Deny)
	}
	if _, err := b.BlockSite("not a site"); err == nil {
		t.Error("blocked nonsense")
	}
	if r = must(b.UnblockSite("a.example"))(t); len(r.Settings.Deny) != 0 {
		t.Errorf("deny %v", r.Settings.Deny)
	}
}

func TestRouters(t *testing.T) {
	b, _ := newBridge(t, nil)
	if _, err := b.AddRouter("nonsense", false); err == nil {
		t.Error("added nonsense")
	}
	list := must(b.AddRouter(routerAddress(9), true))(t)
	if len(list) != 2 || list[0].Router != (wire.Key{9}) || !list[0].Home || list[1].Home {
		t.Errorf("routers %+v", list)
	}
	if list = must(b.RemoveRouter(list[0].PeerID))(t); len(list) != 1 || list[0].Router != (wire.Key{7}) {
		t.Errorf("routers %+v", list)
	}
}

func TestBackupAndReports(t *testing.T) {
	d := new(dialogs)
	b, dir := newBridge(t, d)
	if path := must(b.Backup("long enough a phrase"))(t); path != "" {
		t.Errorf("saved to %q although the user thought better of it", path)
	}
	d.path = filepath.Join(dir, "backup.json")
	if _, err := b.Backup("ééééééééé"); err == nil {
		t.Error("nine characters are enough")
	}
	if path := must(b.Backup("long enough a phrase"))(t); path != d.path {
		t.Errorf("saved to %q", path)
	}
	if text := must(os.ReadFile(d.path))(t); strings.Contains(string(text), "private") {
		t.Errorf("backup %s", text)
	}
	if _, err := b.SaveReport("report.txt", "text"); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a backup was replaced: %v", err)
	}
	if e := b.Doctor(); len(e.Steps) < 5 || e.Version != "v0.1.0" {
		t.Errorf("examination %+v", e)
	}
}

func TestNoAgent(t *testing.T) {
	dir := t.TempDir()
	if s := bridge.New(dir, "", "", nil).State(); s.Agent != bridge.Missing || s.Fix == "" {
		t.Errorf("without a program: %+v", s)
	}
	b := bridge.New(dir, "/nonexistent/fallow-node", "", nil)
	if s := b.State(); s.Agent != bridge.Stopped || s.Fix == "" {
		t.Errorf("stopped: %+v", s)
	}
	if err := b.Start(); err == nil {
		t.Error("started what is not there")
	}
	if _, err := b.Rules(); err == nil {
		t.Error("rules without an agent")
	}
}

// An agent that ends at once is not called starting for ever, and what it said is
// shown.
func TestAgentThatEndsAtOnce(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "agent")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the disk is full >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b := bridge.New(dir, program, "", nil)
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s := b.State()
		if s.Agent == bridge.Stopped && strings.Contains(s.Problem, "the disk is full") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("state %+v", s)
		}
	}
}

// The page's types are held against these samples by frontend/test/samples.test.ts,
// so that the two sides cannot drift apart unseen.
func TestSamples(t *testing.T) {
	b, _ := newBridge(t, nil)
	must(b.Accept(must(b.Consent())(t).Version))(t)
	for name, value := range map[string]any{
		"state": b.State(), "rules": must(b.Rules())(t), "earnings": must(b.Earnings())(t),
		"routers": must(b.Routers())(t), "consent": must(b.Consent())(t),
	} {
		text := must(json.MarshalIndent(shape(value, t), "", " "))(t)
		path := filepath.Join("..", "..", "frontend", "test", "samples", name+".json")
		if *rewrite {
			if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want := must(os.ReadFile(path))(t); string(want) != string(text)+"\n" {
			t.Errorf("%s has changed; see that the page's types fit, then go test ./desktop/bridge -rewrite:\n%s", name, text)
		}
	}
}

// shape is a value's JSON with everything that differs from run to run, or from
// machine to machine, made the same.
func shape(v any, t *testing.T) any {
	t.Helper()
	var tree any
	if err := json.Unmarshal(must(json.Marshal(v))(t), &tree); err != nil {
		t.Fatal(err)
	}
	return same("", tree)
}

func same(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if key == "seen" {
			return nil // what this machine can tell is its own
		}
		for k, child := range v {
			v[k] = same(k, child)
		}
	case []any:
		if len(v) > 1 {
			v = v[:1]
		}
		for i := range v {
			v[i] = same(key, v[i])
		}
		return v
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return "2026-11-26T12:00:00Z"
		}
		if key == "node" || key == "address" {
			return "KEY"
		}
		if key == "text" || key == "version" {
			return key
		}
	}
	return v
}
