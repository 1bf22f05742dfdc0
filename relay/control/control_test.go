package control_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/control"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// newNode is a node that is never run: the interface shows it all the same.
func newNode(t *testing.T) (*relay.Node, string) {
	t.Helper()
	cfg := relay.DefaultConfig()
	dir, err := os.MkdirTemp("", "node") //nolint:usetesting // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg.Dir = dir
	cfg.Routers = []string{"/ip4/127.0.0.1/tcp/1/p2p/" + wire.Key{7}.PeerID().String()}
	n, err := relay.New(slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n, dir
}

func TestClientAndServer(t *testing.T) {
	n, dir := newNode(t)
	c := control.NewClient(dir)
	if _, err := c.Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Fatalf("before it listens: %v", err)
	}
	for range 2 { // the second time over the socket that the first one left
		serve(t, n, dir)
		info, err := os.Stat(control.SocketPath(dir))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("socket: %v, %v", info, err)
		}
		conversation(t, n, c)
	}
}

// serve serves until a subtest would end it; a socket is left behind on purpose.
func serve(t *testing.T, n *relay.Node, dir string) {
	t.Helper()
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
	})
}

func conversation(t *testing.T, n *relay.Node, c *control.Client) {
	t.Helper()
	ctx := t.Context()
	text, err := c.Consent(ctx)
	if err != nil || text.Given || text.Text != rules.ConsentText() {
		t.Fatalf("consent: %v, given %t", err, text.Given)
	}
	if _, err := c.Accept(ctx, "another"); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("consent to another text: %v", err)
	}
	if got, err := c.Accept(ctx, text.Version); err != nil || !got.Given {
		t.Errorf("accept: %+v, %v", got, err)
	}
	until := time.Now().Add(time.Hour)
	if s, err := c.Pause(ctx, until); err != nil || s.Sharing.Reason != wire.Paused || !s.Sharing.Until.Equal(until) {
		t.Errorf("pause: %+v, %v", s.Sharing, err)
	}
	if _, err := c.Pause(ctx, time.Now().Add(-time.Hour)); err == nil {
		t.Error("paused until an hour ago")
	}
	if s, err := c.Resume(ctx); err != nil || !s.Sharing.OK {
		t.Errorf("resume: %+v, %v", s.Sharing, err)
	}
	if s, err := c.Status(ctx); err != nil || s.Node != n.Key() || len(s.Routers) != 1 {
		t.Errorf("status: %+v, %v", s, err)
	}
	if entries, err := c.Journal(ctx, journal.Filter{Site: "x.org", Limit: 5, Since: time.Now()}); err != nil || len(entries) != 0 {
		t.Errorf("journal: %v, %v", entries, err)
	}
	rulesConversation(t, c)
	moneyConversation(t, n, c)
	if v, err := c.Version(ctx); err != nil || v.API != control.APIVersion || v.PID != os.Getpid() {
		t.Errorf("version: %+v, %v", v, err)
	}
	if got, err := c.Withdraw(ctx); err != nil || got.Given {
		t.Errorf("withdraw: %+v, %v", got, err)
	}
}

func rulesConversation(t *testing.T, c *control.Client) {
	t.Helper()
	ctx := t.Context()
	shown, err := c.Rules(ctx)
	if err != nil || len(shown.Categories) == 0 || shown.Categories[0].Allowed || len(shown.Categories[0].Sites) == 0 {
		t.Fatalf("rules: %+v, %v", shown, err)
	}
	s := shown.Settings
	s.Deny = nil
	for i := range 2000 { // more than other requests may be long
		s.Deny = append(s.Deny, fmt.Sprintf("site-%04d.example", i))
	}
	s.Categories = []string{shown.Categories[0].Name}
	after, err := c.SetRules(ctx, shown.Revision, s)
	if err != nil || len(after.Settings.Deny) != 2000 || !after.Categories[0].Allowed || after.Revision == shown.Revision {
		t.Fatalf("set rules: revision %d, %v", after.Revision, err)
	}
	if _, err := c.SetRules(ctx, shown.Revision, s); !errors.Is(err, rules.ErrRevision) {
		t.Errorf("over a change unseen: %v", err)
	}
	s.Deny = []string{"10.0.0.1"}
	if _, err := c.SetRules(ctx, after.Revision, s); !errors.Is(err, rules.ErrInvalid) || !strings.Contains(err.Error(), "IP literal") {
		t.Errorf("an address on the deny list: %v", err)
	}
	s.Deny, s.Categories = nil, nil
	if _, err := c.SetRules(ctx, after.Revision, s); err != nil {
		t.Error(err)
	}
}

func moneyConversation(t *testing.T, n *relay.Node, c *control.Client) {
	t.Helper()
	ctx := t.Context()
	if r, err := c.Earnings(ctx, 0); err != nil || r.Node != n.Key() || r.Fetched == nil || r.Fetched.Problem == "" {
		t.Errorf("earnings without a router: %+v, %v", r, err)
	}
	if p, err := c.Payout(ctx); err != nil || !p.Own || p.Address != n.Key() {
		t.Errorf("payout: %+v, %v", p, err)
	}
	wallet := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	to := payout.Address{Key: wire.KeyOf(wallet), Proof: wire.SignPayout(wire.Key{1}, wallet)}
	if _, err := c.SetPayout(ctx, to); !errors.Is(err, wire.ErrPayoutProof) {
		t.Errorf("proof for another node: %v", err)
	}
	to.Proof = wire.SignPayout(n.Key(), wallet)
	if p, err := c.SetPayout(ctx, to); err != nil || p.Own || p.Address != to.Key {
		t.Errorf("payout: %+v, %v", p, err)
	}
	if p, err := c.SetPayout(ctx, payout.Address{}); err != nil || !p.Own {
		t.Errorf("payout: %+v, %v", p, err)
	}
	before, err := c.Routers(ctx)
	if err != nil || len(before.Routers) != 1 {
		t.Fatalf("routers: %+v, %v", before, err)
	}
	more := append([]string{"/ip4/127.0.0.1/tcp/2/p2p/" + wire.Key{8}.PeerID().String()}, before.Routers...)
	if r, err := c.SetRouters(ctx, more); err != nil || len(r.Routers) != 2 || r.Routers[0] != more[0] {
		t.Errorf("routers: %+v, %v", r, err)
	}
	if _, err := c.SetRouters(ctx, []string{"nonsense"}); !errors.Is(err, uplink.ErrAddress) {
		t.Errorf("nonsense: %v", err)
	}
	if _, err := c.SetRouters(ctx, before.Routers); err != nil {
		t.Error(err)
	}
}

// A client of a later version asks for what this agent does not know.
func TestAgentOfAnOlderVersion(t *testing.T) {
	_, dir := newNode(t)
	l, err := control.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	if _, err := control.NewClient(dir).Version(t.Context()); !errors.Is(err, control.ErrTooOld) {
		t.Errorf("%v", err)
	}
}

func TestBadRequests(t *testing.T) {
	n, _ := newNode(t)
	h := control.Handler(slog.New(slog.DiscardHandler), n)
	tests := []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/v1/journal?limit=0", "", 400},
		{"GET", "/v1/journal?limit=x", "", 400},
		{"GET", "/v1/journal?since=yesterday", "", 400},
		{"POST", "/v1/pause", "{", 400},
		{"POST", "/v1/pause", `{"unknown":1}`, 400},
		{"POST", "/v1/pause", "{" + strings.Repeat(" ", 8<<10) + "}", 400},
		{"POST", "/v1/consent", `{"version":"x"}`, 409},
		{"PUT", "/v1/rules", `{"revision":0,"settings":{"deny":["10.0.0.1"]}}`, 400},
		{"PUT", "/v1/rules", `{"revision":0,"settings":{"denny":["a.example"]}}`, 400},
		{"PUT", "/v1/rules", `{"revision":0,"settings":{"schedule":["never"]}}`, 400},
		{"PUT", "/v1/rules", `{"revision":7}`, 409},
		{"PUT", "/v1/rules", "{" + strings.Repeat(" ", rules.MaxFile) + "}", 400},
		{"PUT", "/v1/routers", `{"routers":["nonsense"]}`, 400},
		{"PUT", "/v1/payout", `{"address":"11111111111111111111111111111112","proof":"AA=="}`, 400},
		{"PUT", "/v1/payout", `{}`, 400},
		{"GET", "/v1/earnings?epoch=x", "", 400},
		{"GET", "/v1/pause", "", 405},
		{"GET", "/v2/status", "", 404},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
		if tt.want == 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s", tt.method, tt.path, w.Header().Get("Content-Type"))
		}
	}
}

func FuzzRequests(f *testing.F) {
	f.Add("POST", "/v1/pause", `{"until":"2026-11-23T00:00:00Z"}`)
	f.Add("PUT", "/v1/rules", `{"revision":0,"settings":{"deny":["a.example"],"schedule":["daily 01:00-02:00"]}}`)
	f.Add("POST", "/v1/consent", `{"version":"x"}`)
	f.Add("PUT", "/v1/routers", `{"routers":["/ip4/127.0.0.1/tcp/1/p2p/x"]}`)
	f.Add("PUT", "/v1/payout", `{"address":"11111111111111111111111111111112","proof":"AA=="}`)
	f.Add("GET", "/v1/earnings?epoch=3", "")
	f.Add("GET", "/v1/journal?limit=3&site=a&since=2026-11-23T00:00:00Z", "")
	r, err := rules.Open(f.TempDir(), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	h := control.Handler(slog.New(slog.DiscardHandler), still{r})
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://agent"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		r.RequestURI = ""
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if _, err := io.Copy(io.Discard, w.Body); err != nil || w.Code == 0 {
			t.Errorf("%s %s: %d, %v", method, path, w.Code, err)
		}
	})
}

// still is an agent with rules and nothing else.
type still struct{ rules *rules.Rules }

func (still) Status() relay.Status                                 { return relay.Status{} }
func (still) Journal(journal.Filter) ([]journal.Entry, error)      { return nil, nil }
func (s still) Rules() *rules.Rules                                { return s.rules }
func (still) Earnings(context.Context, uint64) (r earnings.Report) { return r }
func (still) Payout() (a payout.Address)                           { return a }
func (still) SetPayout(payout.Address) error                       { return nil }
func (still) Routers() []string                                    { return nil }
func (still) SetRouters(addresses []string) error {
	_, err := uplink.ParseRouters(addresses)
	return err
}
