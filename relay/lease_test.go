package relay_test

import (
	"crypto/ed25519"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

func TestLeaseViolations(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	cfg := config(t, r.addr())
	cfg.MaxUp, cfg.MaxDown = 1<<20, 100<<20
	n := sharing(t, r, cfg)
	settings := n.Rules().Settings()
	settings.Deny = []string{"denied.org"}
	if err := n.Rules().Set(settings); err != nil {
		t.Fatal(err)
	}
	stranger := newKey(t)

	tests := []struct {
		name  string
		spoil func(*wire.Lease)
		sent  func(*pb.TunnelOpen)
		want  wire.Reason
	}{
		{"empty", nil, func(o *pb.TunnelOpen) { o.Lease = nil }, wire.LeaseMalformed},
		{"bytes after it", nil, func(o *pb.TunnelOpen) { o.Lease = append(o.Lease, 0) }, wire.LeaseMalformed},
		{"no job", func(l *wire.Lease) { l.Job = "" }, nil, wire.LeaseMalformed},
		{"too much up for any lease", func(l *wire.Lease) { l.MaxUp = wire.MaxLeaseUp + 1 }, nil, wire.LeaseMalformed},
		{"nothing down", func(l *wire.Lease) { l.MaxDown = 0 }, nil, wire.LeaseMalformed},
		{"no signature", nil, func(o *pb.TunnelOpen) { o.Signature = nil }, wire.LeaseSignature},
		{"one bit of the host", nil, func(o *pb.TunnelOpen) { o.Lease[len("fallow-lease-v1\n")+16+64+2] ^= 1 }, wire.LeaseSignature},
		{"one bit of the signature", nil, func(o *pb.TunnelOpen) { o.Signature[5] ^= 1 }, wire.LeaseSignature},
		{"another router's", func(l *wire.Lease) { l.Router = wire.KeyOf(stranger) }, func(o *pb.TunnelOpen) {
			o.Signature = ed25519.Sign(stranger, o.Lease)
		}, wire.LeaseRouter},
		{"another node's", func(l *wire.Lease) { l.Node = wire.KeyOf(stranger) }, nil, wire.LeaseNode},
		{"expired", func(l *wire.Lease) { l.NotAfter = time.Now().Add(-wire.ClockGrace - time.Second) }, nil, wire.LeaseExpired},
		{"far ahead", func(l *wire.Lease) { l.NotAfter = time.Now().Add(wire.LeaseWindow + wire.ClockGrace + time.Second) }, nil, wire.LeaseEarly},
		{"IPv4 literal", func(l *wire.Lease) { l.Host = "127.0.0.1" }, nil, wire.HostForbidden},
		{"number", func(l *wire.Lease) { l.Host = "2130706433" }, nil, wire.HostForbidden},
		{"IPv6 literal", func(l *wire.Lease) { l.Host = "::1" }, nil, wire.HostForbidden},
		{"upper case", func(l *wire.Lease) { l.Host = "Example.com" }, nil, wire.HostForbidden},
		{"more up than the user's cap", func(l *wire.Lease) { l.MaxUp = 1<<20 + 1 }, nil, wire.LeaseCaps},
		{"more down than the user's cap", func(l *wire.Lease) { l.MaxDown = 100<<20 + 1 }, nil, wire.LeaseCaps},
		{"port 0", func(l *wire.Lease) { l.Port = 0 }, nil, wire.LeaseMalformed},
		{"denied site", func(l *wire.Lease) { l.Host = "www.denied.org" }, nil, wire.SiteDenied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.t = t
			lease := r.lease(n.Key(), s)
			if tt.spoil != nil {
				tt.spoil(lease)
			}
			open := r.sign(lease)
			if tt.sent != nil {
				tt.sent(open)
			}
			if _, got := r.open(n.Key(), open); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	r.t = t
	if s.hits.Load() != 0 {
		t.Errorf("%d connections reached the site", s.hits.Load())
	}
	entries, err := n.Journal(journal.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		if !slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Kind == journal.Refused && e.Reason == tt.want }) {
			t.Errorf("%s: no journal entry with reason %s", tt.name, tt.want)
		}
	}
	if len(entries) != len(tests) {
		t.Errorf("%d journal entries, want %d", len(entries), len(tests))
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("a good lease after the bad ones: %s", reason)
	}
}

func TestReplay(t *testing.T) {
	private := newKey(t)
	r := startRouter(t, private, "")
	s := startSite(t, http.HandlerFunc(page))
	cfg := config(t, r.addr())
	n := sharing(t, r, cfg)
	open := r.sign(r.lease(n.Key(), s))
	if _, reason := r.open(n.Key(), open); reason != wire.OK {
		t.Fatalf("first use: %s", reason)
	}
	if _, reason := r.open(n.Key(), open); reason != wire.LeaseReplayed {
		t.Errorf("second use: %s", reason)
	}
	n.stop()
	n = sharing(t, r, cfg)
	if _, reason := r.open(n.Key(), open); reason != wire.LeaseReplayed {
		t.Errorf("after a restart: %s", reason)
	}
}

func TestTooManyTunnels(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	settings := n.Rules().Settings()
	settings.Caps.MaxTunnels = 2
	if err := n.Rules().Set(settings); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "word of the new cap", r.said).GetRulesChanged().GetMaxTunnels(); got != 2 {
		t.Errorf("told of %d tunnels", got)
	}
	for range 2 {
		if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
			t.Fatalf("refused: %s", reason)
		}
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.Busy {
		t.Errorf("third of two: %s", reason)
	}
}

func TestOtherNameInTLS(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	lease := r.lease(n.Key(), s)
	lease.Host = "other.example.com"
	tunnel, reason := r.open(n.Key(), r.sign(lease))
	if reason != wire.OK {
		t.Fatalf("refused: %s", reason)
	}
	if _, err := s.tryGet(tunnel, "/"); err == nil {
		t.Error("a ClientHello for another host than the lease's passed")
	}
	eventually(t, "journal says why", func() bool {
		entries, err := n.Journal(journal.Filter{Kinds: []journal.Kind{journal.Closed}})
		return err == nil && len(entries) == 1 && entries[0].Reason == wire.TLSSNIMismatch && entries[0].BytesUp == 0
	})
}

func TestPauseCutsTunnels(t *testing.T) {
	cuts := map[string]struct {
		cut  func(node) error
		want wire.Reason
	}{
		"pause":    {func(n node) error { return n.Rules().Pause(time.Time{}) }, wire.Paused},
		"withdraw": {func(n node) error { return n.Rules().Withdraw() }, wire.NoConsent},
		"deny": {func(n node) error {
			s := n.Rules().Settings()
			s.Deny = []string{siteHost}
			return n.Rules().Set(s)
		}, wire.SiteDenied},
		"strict": {func(n node) error {
			s := n.Rules().Settings()
			s.Strict = true
			return n.Rules().Set(s)
		}, wire.SiteDenied},
	}
	for name, tt := range cuts {
		t.Run(name, func(t *testing.T) {
			r := startRouter(t, newKey(t), "")
			s := startSite(t, http.HandlerFunc(endless))
			n := sharing(t, r, config(t, r.addr()))
			lease := r.lease(n.Key(), s)
			lease.MaxDown = wire.MaxLeaseDown
			tunnel, reason := r.open(n.Key(), r.sign(lease))
			if reason != wire.OK {
				t.Fatalf("refused: %s", reason)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := s.tryGet(tunnel, "/")
				ended <- err
			}()
			eventually(t, "bytes flow", func() bool { return n.Status().Carried.BytesDown > 1<<20 })
			began := time.Now()
			if err := tt.cut(n); err != nil {
				t.Fatal(err)
			}
			if err := receive(t, "end of the tunnel", ended); err == nil {
				t.Error("the tunnel ended as if it were whole")
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("cut after %s", took)
			}
			eventually(t, "journal says why", func() bool {
				closed, err := n.Journal(journal.Filter{Kinds: []journal.Kind{journal.Closed}})
				return err == nil && len(closed) == 1 && closed[0].Reason == tt.want
			})
			if v := n.Rules().Allow(siteHost, time.Now()); v.Reason != tt.want {
				t.Errorf("verdict %s", v.Reason)
			}
		})
	}
}

func TestPausedNodeRefusesAndTells(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(page))
	n := sharing(t, r, config(t, r.addr()))
	until := time.Now().Add(time.Hour)
	if err := n.Rules().Pause(until); err != nil {
		t.Fatal(err)
	}
	pause := receive(t, "pause", r.said).GetPause()
	if wire.Reason(pause.GetReason()) != wire.Paused || pause.GetUntilUnixMilli() != until.UnixMilli() {
		t.Errorf("told %v", pause)
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.Paused {
		t.Errorf("answered %s", reason)
	}
	if err := n.Rules().Resume(); err != nil {
		t.Fatal(err)
	}
	if receive(t, "resume", r.said).GetResume() == nil {
		t.Error("told something else than resume")
	}
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("after resume: %s", reason)
	}
}

// endless sends until the connection breaks.
func endless(w http.ResponseWriter, _ *http.Request) {
	block := make([]byte, 64<<10)
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}
