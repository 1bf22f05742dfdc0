package tunnel_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/tunnel"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// stream is a tunnel's stream in memory.
type stream struct{ net.Conn }

func (s stream) CloseWrite() error { return s.Close() }
func (s stream) Reset() error      { return s.Close() }

// bench is a server of a node in a lab, and its router's key.
type bench struct {
	parts  tunnel.Parts
	server *tunnel.Server
	router ed25519.PrivateKey
}

func newBench(t testing.TB, cfg tunnel.Config) *bench {
	t.Helper()
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	_, router, _ := ed25519.GenerateKey(nil)
	_, node, _ := ed25519.GenerateKey(nil)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := rules.Open(dir, time.Now)
	must(err)
	must(r.Accept(rules.ConsentVersion()))
	j, err := journal.Open(log, time.Now, filepath.Join(dir, "journal"), journal.DefaultConfig())
	must(err)
	t.Cleanup(func() { _ = j.Close() })
	receipts, err := journal.OpenReceipts(log, time.Now, dir)
	must(err)
	t.Cleanup(func() { _ = receipts.Close() })
	lab := egress.DefaultConfig()
	lab.Lab = true
	lab.LabDNS = netip.MustParseAddrPort("127.0.0.1:9") // nobody: a look-up fails
	out, err := egress.New(log, time.Now, nil, lab)
	must(err)
	b := &bench{router: router, parts: tunnel.Parts{
		Node: wire.KeyOf(node), Serials: open(t, filepath.Join(dir, "used"), time.Now()), Halts: allowed{}, Rules: r,
		Egress: out, Meter: meter.New(time.Now, receipts, node, meter.Config{}), Journal: j,
	}}
	b.server = tunnel.NewServer(log, time.Now, b.parts, cfg)
	return b
}

// ask presents a good lease and returns the answer, 0 for a reset.
func (b *bench) ask(t *testing.T) wire.Reason {
	t.Helper()
	lease := &wire.Lease{
		Serial: wire.NewSerial(), Router: wire.KeyOf(b.router), Node: b.parts.Node, Host: "a.example", Port: 443, TLS: true,
		Job: "job", MaxUp: 1000, MaxDown: 1000, NotAfter: time.Now().Add(wire.LeaseWindow),
	}
	signature, err := lease.Sign(b.router)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	go b.server.Serve(lease.Router, stream{far})
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	open := &pb.TunnelOpen{Lease: lease.Encode(), Signature: signature}
	if err := wire.WriteFrame(near, open, wire.MaxTunnelOpen); err != nil {
		return 0
	}
	status := new(pb.TunnelStatus)
	if err := wire.ReadFrame(near, status, wire.MaxTunnelStatus); err != nil {
		return 0
	}
	return wire.Reason(status.GetReason())
}

func TestNothingOpensWithoutEvidence(t *testing.T) {
	b := newBench(t, tunnel.Config{})
	if got := b.ask(t); got != wire.DNSFailed && got != wire.DNSNotFound {
		t.Fatalf("with a journal: %s", got)
	}
	if err := b.parts.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	b.ask(t) // finds out
	if got := b.ask(t); got != wire.Busy || !b.server.Stats().NoJournal {
		t.Errorf("without: %s, %+v", got, b.server.Stats())
	}
	if got := b.server.Stats().Failed; got != 2 {
		t.Errorf("%d look-ups were made, want those of the first two", got)
	}
}

func TestSilentStreamEnds(t *testing.T) {
	b := newBench(t, tunnel.Config{OpenTime: 50 * time.Millisecond})
	near, far := net.Pipe()
	defer near.Close()
	began := time.Now()
	b.server.Serve(wire.KeyOf(b.router), stream{far})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a stream without a lease was held for %s", took)
	}
}

func TestStopCutsWhatWaits(t *testing.T) {
	b := newBench(t, tunnel.Config{})
	near, far := net.Pipe()
	defer near.Close()
	go b.server.Serve(wire.KeyOf(b.router), stream{far})
	for b.server.Stats().Open == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	b.server.Stop(ctx)
	if got := b.server.Stats().Open; got != 0 {
		t.Errorf("%d open after stop", got)
	}
	if got := b.ask(t); got != 0 {
		t.Errorf("a lease after stop: %s", got)
	}
}

// said is a stream whose router has said its whole say and reads nothing.
type said struct{ io.Reader }

func (said) Write(p []byte) (int, error)      { return len(p), nil }
func (said) CloseWrite() error                { return nil }
func (said) Close() error                     { return nil }
func (said) Reset() error                     { return nil }
func (said) SetReadDeadline(time.Time) error  { return nil }
func (said) SetWriteDeadline(time.Time) error { return nil }

func FuzzTunnelOpen(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{4, 10, 2, 'x', 'y'})
	b := newBench(f, tunnel.Config{})
	router := wire.KeyOf(b.router)
	foreign := &wire.Lease{
		Serial: wire.NewSerial(), Router: router, Node: wire.Key{1}, Host: "a.example", Port: 443, TLS: true,
		Job: "job", MaxUp: 1000, MaxDown: 1000, NotAfter: time.Now().Add(wire.LeaseWindow),
	}
	signature, err := foreign.Sign(b.router)
	if err != nil {
		f.Fatal(err)
	}
	var frame bytes.Buffer
	if err := wire.WriteFrame(&frame, &pb.TunnelOpen{Lease: foreign.Encode(), Signature: signature}, wire.MaxTunnelOpen); err != nil {
		f.Fatal(err)
	}
	f.Add(frame.Bytes())
	f.Fuzz(func(t *testing.T, bytesSaid []byte) {
		b.server.Serve(router, said{bytes.NewReader(bytesSaid)})
		if got := b.server.Stats(); got.Reached+got.Failed+uint64(got.Open) != 0 {
			t.Errorf("%x opened something: %+v", bytesSaid, got)
		}
	})
}

// allowed stops nothing.
type allowed struct{}

func (allowed) Verdict(wire.Key, string) rules.Verdict { return rules.Verdict{OK: true} }
