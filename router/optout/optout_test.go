package optout_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/optout"
	"github.com/fallow-network/fallow/router/store"
)

// web is what the world says; nothing of it is a part of ours.
type web struct {
	txt, files map[string]string
	dnsErr     error
	hold       chan struct{} // if set, a look says that it has begun and waits
	entered    chan struct{}
}

func (w *web) TXT(_ context.Context, name string) ([]string, error) {
	if w.hold != nil {
		w.entered <- struct{}{}
		<-w.hold
	}
	if text, ok := w.txt[name]; ok {
		return []string{"v=spf1 -all", text}, nil
	}
	return nil, w.dnsErr
}

func (w *web) File(_ context.Context, host, path string) (string, error) {
	return w.files["https://"+host+path], nil
}

type world struct {
	*optout.Registry
	web *web
	now time.Time
	db  *store.Store
}

func newWorld(t *testing.T, path string) *world {
	t.Helper()
	w := &world{web: &web{txt: map[string]string{}, files: map[string]string{}}, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.db, err = store.Open(t.Context(), path, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.Registry, err = optout.New(t.Context(), log, func() time.Time { return w.now }, w.db, w.web, []byte("secret"), optout.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) statement(t *testing.T, host string) optout.Statement {
	t.Helper()
	s, err := w.Statement(host)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) prove(host string) error {
	w.now = w.now.Add(time.Minute)
	_, err := w.Prove(context.Background(), host)
	return err
}

func (w *world) wantOut(t *testing.T, want bool, hosts ...string) {
	t.Helper()
	for _, host := range hosts {
		if _, out := w.OptedOut(host); out != want {
			t.Errorf("%s: opted out is %v, want %v", host, out, want)
		}
	}
}

func TestProofs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	w := newWorld(t, path)
	dns, file := w.statement(t, "a.example"), w.statement(t, "www.b.example")
	if dns.OptOut == file.OptOut || dns.DNSName != "_fallow.a.example" || file.FileURL != "https://www.b.example/.well-known/fallow-opt-out.txt" {
		t.Fatalf("%+v %+v", dns, file)
	}
	var none *optout.NoProofError
	if err := w.prove("a.example"); !errors.As(err, &none) || none.DNS == "" || none.File == "" {
		t.Errorf("without a proof: %v", err)
	}
	w.web.txt[dns.DNSName] = file.OptOut // another host's token
	if err := w.prove("a.example"); !errors.As(err, &none) || !strings.Contains(err.Error(), "another text") {
		t.Errorf("with another's proof: %v", err)
	}
	w.wantOut(t, false, "a.example")

	w.web.txt[dns.DNSName] = dns.OptOut
	w.web.files[file.FileURL] = "# ours\r\n" + file.OptOut + "\r\n"
	for _, host := range []string{"a.example", "www.b.example"} {
		if err := w.prove(host); err != nil {
			t.Fatal(err)
		}
	}
	covered, free := []string{"a.example", "x.y.a.example", "www.b.example"}, []string{"b.example", "x.www.b.example", "ba.example", "example", ""}
	w.wantOut(t, true, covered...)
	w.wantOut(t, false, free...)
	if proof, _ := w.OptedOut("x.a.example"); proof != "opt-out of a.example by dns since 2026-11-01" {
		t.Errorf("proof %q", proof)
	}

	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	former := w
	w = newWorld(t, path) // after a restart
	w.now, w.web.txt, w.web.files = former.now, former.web.txt, former.web.files
	w.wantOut(t, true, covered...)

	w.web.txt[dns.DNSName], w.web.files[dns.FileURL] = "", dns.OptIn
	if err := w.prove("a.example"); !errors.As(err, &none) {
		t.Errorf("a file withdrew what DNS had said: %v", err)
	}
	w.wantOut(t, true, "a.example")
	w.web.txt[dns.DNSName] = dns.OptIn
	if err := w.prove("a.example"); err != nil {
		t.Fatal(err)
	}
	w.wantOut(t, false, "a.example", "x.y.a.example")
	if list, err := w.db.OptOuts(t.Context()); err != nil || len(list) != 1 || list[0].Host != "www.b.example" {
		t.Errorf("stored: %v, %v", list, err)
	}
}

// A router that shares its database hears of an opt-out well within the hour.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	w := newWorld(t, path)
	limits := optout.DefaultLimits()
	limits.Reload = 10 * time.Millisecond
	other, err := optout.New(t.Context(), slog.New(slog.DiscardHandler), time.Now, w.db, w.web, []byte("secret"), limits)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.Run(ctx) }()
	s := w.statement(t, "a.example")
	w.web.txt[s.DNSName] = s.OptOut
	if err := w.prove("a.example"); err != nil {
		t.Fatal(err)
	}
	for out := false; !out; time.Sleep(5 * time.Millisecond) {
		_, out = other.OptedOut("a.example")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if optout.DefaultLimits().Reload > 30*time.Minute {
		t.Error("the list is not read again within the hour that is promised")
	}
}

func TestLooksAreBounded(t *testing.T) {
	w := newWorld(t, filepath.Join(t.TempDir(), "router.db"))
	for _, host := range []string{"", "com", "co.uk", "github.io", strings.Repeat("a", 260) + ".example"} {
		if err := w.prove(host); !errors.Is(err, optout.ErrHost) {
			t.Errorf("%q: %v", host, err)
		}
	}
	if err := w.prove("a.example"); errors.Is(err, optout.ErrBusy) {
		t.Fatal(err)
	}
	if _, err := w.Prove(t.Context(), "a.example"); !errors.Is(err, optout.ErrBusy) {
		t.Errorf("the same host at once: %v", err)
	}
	w.web.hold, w.web.entered = make(chan struct{}), make(chan struct{}, 1000)
	ended := make(chan error, optout.DefaultLimits().AtOnce)
	for i := range cap(ended) {
		go func() {
			_, err := w.Prove(context.Background(), string(rune('b'+i))+".example")
			ended <- err
		}()
	}
	for range cap(ended) {
		<-w.web.entered // each has its place and looks
	}
	if _, err := w.Prove(t.Context(), "late.example"); !errors.Is(err, optout.ErrBusy) {
		t.Errorf("beyond those at once: %v", err)
	}
	close(w.web.hold)
	for range cap(ended) {
		if err := <-ended; errors.Is(err, optout.ErrBusy) {
			t.Error(err)
		}
	}
	busy := 0
	for i := range 700 {
		if _, err := w.Prove(t.Context(), strings.Repeat("x", i%60+1)+strings.Repeat("y", i/60+1)+".example"); errors.Is(err, optout.ErrBusy) {
			busy++
		}
	}
	if busy < 90 {
		t.Errorf("%d of 700 looks refused", busy)
	}
}
