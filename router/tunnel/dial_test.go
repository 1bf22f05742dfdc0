package tunnel_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/tunnel"
)

func TestLeaseOnTheWire(t *testing.T) {
	k := newKit(t, func(c *tunnel.Config) { c.MaxUp, c.MaxDown = 1000, 20<<20 })
	got := make(chan *pb.TunnelOpen, 1)
	k.onTunnel(func(open *pb.TunnelOpen, s network.Stream) {
		got <- open
		status(s, wire.OK)
		_, _ = s.Write([]byte("raw"))
	})
	conn, err := k.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open := <-got
	lease, err := wire.OpenLease(open.Lease, open.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.CheckTime(time.Now()); err != nil {
		t.Error(err)
	}
	want := wire.Lease{
		Serial: lease.Serial, Router: k.public, Node: k.key, Host: "example.com", Port: 443, TLS: true,
		Job: "job", Purpose: "testing", Dataset: "docs", MaxUp: 1000, MaxDown: 20 << 20, NotAfter: lease.NotAfter,
	}
	if *lease != want || conn.Lease().Serial != lease.Serial {
		t.Errorf("lease %+v, want %+v", lease, want)
	}
	if conn.SiteAddress() != "192.0.2.1:443" || conn.RemoteAddr().String() != "example.com:443 via "+k.key.String() {
		t.Errorf("addresses %s, %s", conn.SiteAddress(), conn.RemoteAddr())
	}
	raw := make([]byte, 3)
	if _, err := io.ReadFull(conn, raw); err != nil || string(raw) != "raw" {
		t.Errorf("read %q, %v", raw, err)
	}
	if k.books.reached.Load() != 1 || k.books.down.Load() != 3 {
		t.Errorf("%d tunnels, %d bytes", k.books.reached.Load(), k.books.down.Load())
	}
	second, err := k.dial(t.Context())
	if err != nil || second.Lease().Serial == lease.Serial {
		t.Errorf("second lease: %v, the same serial or none", err)
	}
}

func TestRefusals(t *testing.T) {
	for reason, text := range map[wire.Reason]string{
		wire.Busy: "busy", wire.Paused: "paused", wire.LeaseReplayed: "lease_replayed",
		wire.DNSFailed: "dns", wire.DNSNotFound: "dns", wire.ConnectRefused: "refused",
		wire.ConnectTimeout: "timeout", wire.ConnectUnreachable: "unreachable",
	} {
		t.Run(reason.String(), func(t *testing.T) {
			k := newKit(t, nil)
			k.onTunnel(func(_ *pb.TunnelOpen, s network.Stream) { status(s, reason) })
			_, err := k.dial(t.Context())
			failed, ok := errors.AsType[*tunnel.Error](err)
			if !ok || failed.Reason != reason || failed.TunnelReason() != text || failed.Node != k.key || failed.Err != nil {
				t.Errorf("%v (%+v)", err, failed)
			}
			if k.books.failed.Load() != 1 || k.books.reached.Load() != 0 {
				t.Error("not counted as a failure")
			}
		})
	}
}

func TestNodesThatBreakTheProtocol(t *testing.T) {
	for name, serve := range map[string]func(*pb.TunnelOpen, network.Stream){
		"garbage":  func(_ *pb.TunnelOpen, s network.Stream) { _, _ = s.Write([]byte("\x05hello there")) },
		"overlong": func(_ *pb.TunnelOpen, s network.Stream) { _, _ = s.Write([]byte{0xff, 0xff, 0xff, 0x7f}) },
		"reset":    func(_ *pb.TunnelOpen, s network.Stream) { _ = s.Reset() },
		"made up":  func(_ *pb.TunnelOpen, s network.Stream) { status(s, 999) },
		"nothing":  func(_ *pb.TunnelOpen, s network.Stream) { status(s, 0) },
		"end":      func(_ *pb.TunnelOpen, s network.Stream) { _ = s.Close() },
		"silent":   func(_ *pb.TunnelOpen, s network.Stream) { _, _ = io.Copy(io.Discard, s) },
		"slow":     func(_ *pb.TunnelOpen, s network.Stream) { _, _ = s.Write([]byte{2}); _, _ = io.Copy(io.Discard, s) },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, func(c *tunnel.Config) { c.OpenTimeout = 200 * time.Millisecond })
			k.onTunnel(serve)
			start := time.Now()
			_, err := k.dial(t.Context())
			if failed, ok := errors.AsType[*tunnel.Error](err); !ok || failed.Reason != wire.TunnelBroken {
				t.Errorf("error %v", err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// The caller's change of mind is no failure of the node's.
func TestCancelledWhileOpening(t *testing.T) {
	k := newKit(t, nil)
	asked := make(chan struct{})
	k.onTunnel(func(_ *pb.TunnelOpen, s network.Stream) {
		close(asked)
		_, _ = io.Copy(io.Discard, s)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := k.dial(ctx)
	if _, ok := errors.AsType[*tunnel.Error](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestNodeThatIsNotConnected(t *testing.T) {
	k := newKit(t, nil)
	k.key = wire.KeyOf(newKey(t))
	if _, err := k.dial(t.Context()); errors.Is(err, context.Canceled) || err == nil {
		t.Errorf("error %v", err)
	}
}

func TestDeadline(t *testing.T) {
	k := newKit(t, nil)
	k.onTunnel(func(_ *pb.TunnelOpen, s network.Stream) { status(s, wire.OK) })
	conn, err := k.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("error %v", err)
	}
}

// A tunnel that the node resets was most likely broken off by the site; one
// whose node is gone was not.
func TestHowATunnelBreaks(t *testing.T) {
	for name, gone := range map[string]bool{"reset": false, "node gone": true} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nil)
			k.onTunnel(func(_ *pb.TunnelOpen, s network.Stream) {
				status(s, wire.OK)
				if gone {
					_ = k.node.Network().ClosePeer(k.router.ID())
				} else {
					_ = s.Reset()
				}
			})
			conn, err := k.dial(t.Context())
			if err != nil {
				t.Skipf("broken before it was open: %v", err)
			}
			_, err = conn.Read(make([]byte, 1))
			_, broken := errors.AsType[*tunnel.Error](err)
			if reset := errors.Is(err, syscall.ECONNRESET); reset == gone || broken != gone {
				t.Errorf("error %v", err)
			}
		})
	}
}
