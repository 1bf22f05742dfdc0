package egress_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

// bounded is a node in a lab whose every name leads to one listening site.
func bounded(t *testing.T, now *time.Time, site string, change func(*egress.Bounds)) func(host string, port uint16) (*egress.Leg, error) {
	t.Helper()
	cfg := egress.DefaultConfig()
	cfg.Lab, cfg.LabDNS = true, newDNS(t, always(site)).addr
	change(&cfg.Bounds)
	e, err := egress.New(slog.New(slog.DiscardHandler), func() time.Time { return *now }, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return func(host string, port uint16) (*egress.Leg, error) {
		leg, err := e.Dial(t.Context(), egress.Target{Host: host, Port: port})
		if err == nil {
			t.Cleanup(func() { _ = leg.Close() })
		}
		return leg, err
	}
}

func TestTunnelsAtOnce(t *testing.T) {
	now := time.Unix(1e9, 0)
	port, _ := canary(t)
	dial := bounded(t, &now, "127.0.0.1", func(b *egress.Bounds) { b.MaxTunnels, b.MaxTunnelsPerSite = 3, 2 })
	a, err1 := dial("a.site.example", port)
	_, err2 := dial("b.site.example", port)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if _, err := dial("c.site.example", port); egress.ReasonOf(err) != wire.Busy {
		t.Errorf("third to one site: %v", err)
	}
	if _, err := dial("other.example", port); err != nil {
		t.Errorf("to another site: %v", err)
	}
	if _, err := dial("third.example", port); egress.ReasonOf(err) != wire.Busy {
		t.Errorf("fourth in all: %v", err)
	}
	_ = a.Close()
	_ = a.Close() // gives back one place, not two
	if _, err := dial("c.site.example", port); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if _, err := dial("third.example", port); egress.ReasonOf(err) != wire.Busy {
		t.Errorf("full again: %v", err)
	}
}

func TestNewSitesPerMinute(t *testing.T) {
	now := time.Unix(1e9, 0)
	port, _ := canary(t)
	dial := bounded(t, &now, "127.0.0.1", func(b *egress.Bounds) { b.NewSitesPerMinute, b.MaxSites = 3, 2 })
	visit := func(host string) wire.Reason {
		leg, err := dial(host, port)
		if err == nil {
			_ = leg.Close()
		}
		return egress.ReasonOf(err)
	}
	for _, host := range []string{"a.example", "www.a.example", "b.example", "b.example", "c.example"} {
		if got := visit(host); got != wire.OK {
			t.Fatalf("%s: %s", host, got)
		}
	}
	if got := visit("d.example"); got != wire.RateLimited {
		t.Errorf("fourth new site: %s", got)
	}
	now = now.Add(20 * time.Second)
	if got := visit("d.example"); got != wire.OK {
		t.Errorf("after 20 s: %s", got)
	}
}

func TestNoRoomForMoreSites(t *testing.T) {
	now := time.Unix(1e9, 0)
	port, _ := canary(t)
	dial := bounded(t, &now, "127.0.0.1", func(b *egress.Bounds) { b.MaxSites = 2 })
	for _, host := range []string{"a.example", "b.example"} {
		if _, err := dial(host, port); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial("c.example", port); egress.ReasonOf(err) != wire.Busy {
		t.Errorf("got %v", err)
	}
}

func TestFailuresPerMinute(t *testing.T) {
	now := time.Unix(1e9, 0)
	dial := bounded(t, &now, "127.0.0.99", func(b *egress.Bounds) { b.FailuresPerMinute, b.SiteFailuresPerMinute = 5, 2 })
	const closed = 9 // nobody listens there
	for n, want := range []wire.Reason{wire.ConnectRefused, wire.ConnectRefused, wire.RateLimited} {
		if _, err := dial("one.example", closed); egress.ReasonOf(err) != want {
			t.Errorf("attempt %d on one site: %v", n+1, err)
		}
	}
	for n := range 3 {
		if _, err := dial(fmt.Sprintf("s%d.example", n), closed); egress.ReasonOf(err) != wire.ConnectRefused {
			t.Errorf("other site %d: %v", n, err)
		}
	}
	if _, err := dial("last.example", closed); egress.ReasonOf(err) != wire.RateLimited {
		t.Errorf("sixth failure of the node: %v", err)
	}
	now = now.Add(31 * time.Second)
	if _, err := dial("one.example", closed); egress.ReasonOf(err) != wire.ConnectRefused {
		t.Errorf("half a minute later: %v", err)
	}
}

func TestEveryBoundMustBeSet(t *testing.T) {
	if _, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, egress.Config{}); err == nil {
		t.Error("a config without bounds is accepted")
	}
}
