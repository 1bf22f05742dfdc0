package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router"
)

// stub is a router that only says where it would be.
type stub struct {
	cfg   router.Config
	ready chan struct{}
	err   error
}

func (s *stub) Run(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	close(s.ready)
	<-ctx.Done()
	return nil
}

func (s *stub) Ready() <-chan struct{} { return s.ready }
func (s *stub) NodeAddresses() []string {
	return []string{"/ip4/192.0.2.1/tcp/4100/p2p/12D3", "/ip4/192.0.2.1/udp/4100/quic-v1/p2p/12D3"}
}
func (s *stub) PublicAddress() string { return "" }

func (s *stub) APIAddress() string    { return "http://127.0.0.1:4180" }
func (s *stub) FlightAddress() string { return "" }

func TestServeAnnounces(t *testing.T) {
	clearEnvironment(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--contact", "mailto:ops@example.org"}, "  contact  mailto:ops@example.org\n"},
		{[]string{"--lab"}, "  LAB      only sites on this machine can be crawled, and politeness is off\n"},
	} {
		s := &stub{ready: make(chan struct{})}
		cmd := newServe(func(_ *slog.Logger, cfg router.Config) (server, error) {
			s.cfg = cfg
			return s, nil
		})
		var out strings.Builder
		ctx, stop := context.WithCancel(t.Context())
		go func() { <-s.ready; stop() }()
		cmd.SetArgs(append(c.args, "--data", "/srv/fallow", "--listen", "/ip4/0.0.0.0/tcp/4100", "--listen", "/ip4/0.0.0.0/udp/4100/quic-v1"))
		cmd.SetOut(&out)
		if err := cmd.ExecuteContext(ctx); err != nil {
			t.Fatal(err)
		}
		want := `fallow-router dev is running
  nodes    /ip4/192.0.2.1/tcp/4100/p2p/12D3
           /ip4/192.0.2.1/udp/4100/quic-v1/p2p/12D3
  api      http://127.0.0.1:4180
  data     /srv/fallow
` + c.want + `  Ctrl-C stops it in order
stopped; everything is written down
`
		if out.String() != want {
			t.Errorf("%s\nwant\n%s", out.String(), want)
		}
		if len(s.cfg.Listen) != 2 || s.cfg.Dir != "/srv/fallow" || s.cfg.Version != "dev" {
			t.Errorf("%+v", s.cfg)
		}
	}
}

func TestServeFails(t *testing.T) {
	clearEnvironment(t)
	cmd := newServe(func(*slog.Logger, router.Config) (server, error) {
		return &stub{err: errors.New("the tide is out")}, nil
	})
	var out strings.Builder
	cmd.SetArgs([]string{"--lab", "--data", "d"})
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetOut(&out)
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "tide") || out.Len() > 0 {
		t.Errorf("%v %s", err, out.String())
	}
}

// A real router: it can be found by its directory, takes a job, closes an
// epoch, keeps others out of its directory and leaves no address behind.
func TestServeForReal(t *testing.T) {
	clearEnvironment(t)
	dir := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		root := newRoot()
		root.SetArgs([]string{"serve", "--data", dir, "--lab", "--log-level", "error"})
		root.SetOut(new(strings.Builder))
		root.SetErr(new(strings.Builder))
		ended <- exitCode(root.ExecuteContext(ctx))
	}()
	addresses := filepath.Join(dir, addressesFile)
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(addresses); err == nil {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("the router does not start")
		}
	}
	if out, errs, code := execute(t, "job", "add", "--data", dir, "--dataset", "d", "--purpose", "p", "--json", "https://a.localhost/"); code != 0 || !strings.Contains(out, `{"id":"j-`) {
		t.Errorf("job add: exit %d %s%s", code, out, errs)
	}
	if out, errs, code := execute(t, "job", "list", "--data", dir); code != 0 || !strings.Contains(out, "running") {
		t.Errorf("job list: exit %d %s%s", code, out, errs)
	}
	if out, errs, code := execute(t, "epoch", "show", "--data", dir); code != 0 || !strings.Contains(out, "epoch 1 is open") {
		t.Errorf("epoch show: exit %d %s%s", code, out, errs)
	}
	if _, errs, code := execute(t, "serve", "--data", dir, "--lab"); code != exitHeld || !strings.Contains(errs, "--data") {
		t.Errorf("a second router: exit %d %s", code, errs)
	}
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(addresses); err == nil {
		t.Error("addresses.json stays behind")
	}
}
