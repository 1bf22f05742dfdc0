package netlab_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// router signs leases and opens tunnels, at an address that looks public.
type router struct {
	private ed25519.PrivateKey
	key     wire.Key
	host    host.Host

	mu   sync.Mutex
	node wire.Key
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func startRouter(t *testing.T) *router {
	t.Helper()
	private := newKey(t)
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key), libp2p.ListenAddrStrings(fmt.Sprintf("/ip4/%s/tcp/%d", routerAddr, routerPort)),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	r := &router{private: private, key: wire.KeyOf(private), host: h}
	h.SetStreamHandler(wire.SessionProtocol, serveSession)
	return r
}

// serveSession welcomes a node and lets it talk.
func serveSession(s network.Stream) {
	if wire.ReadFrame(s, new(pb.NodeMessage), wire.MaxSessionMessage) != nil {
		return
	}
	welcome := &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: &pb.Welcome{
		Epoch: 1, UnixMilli: time.Now().UnixMilli(), RouterVersion: "netlab", ObservedAddress: seenAs,
	}}}
	if wire.WriteFrame(s, welcome, wire.MaxSessionMessage) != nil {
		return
	}
	for wire.ReadFrame(s, new(pb.NodeMessage), wire.MaxSessionMessage) == nil {
	}
}

func (r *router) addr() string {
	return fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", routerAddr, routerPort, r.host.ID())
}

func (r *router) lease(host string) *wire.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &wire.Lease{
		Serial: wire.NewSerial(), Router: r.key, Node: r.node, Host: host, Port: 443, TLS: true,
		Job: "job-1", Purpose: "testing", Dataset: "docs", MaxUp: wire.DefaultLeaseUp, MaxDown: wire.DefaultLeaseDown,
		NotAfter: time.Now().Add(wire.LeaseWindow),
	}
}

// sign signs also what no honest router would.
func (r *router) sign(l *wire.Lease) *pb.TunnelOpen {
	encoded := l.Encode()
	return &pb.TunnelOpen{Lease: encoded, Signature: ed25519.Sign(r.private, encoded)}
}

// open asks for a tunnel. The stream is the caller's to reset.
func (r *router) open(o *pb.TunnelOpen) (_ network.Stream, reason wire.Reason, at string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.mu.Lock()
	id := r.node.PeerID()
	r.mu.Unlock()
	s, err := r.host.NewStream(network.WithNoDial(ctx, "netlab"), id, wire.TunnelProtocol)
	if err != nil {
		return nil, 0, "", fmt.Errorf("open stream: %w", err)
	}
	defer func() {
		if err != nil {
			_ = s.Reset()
		}
	}()
	if err := s.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, 0, "", err
	}
	if err := wire.WriteFrame(s, o, wire.MaxTunnelOpen); err != nil {
		return nil, 0, "", fmt.Errorf("send lease: %w", err)
	}
	status := new(pb.TunnelStatus)
	if err := wire.ReadFrame(s, status, wire.MaxTunnelStatus); err != nil {
		return nil, 0, "", fmt.Errorf("read status: %w", err)
	}
	return s, wire.Reason(status.GetReason()), status.GetAddress(), s.SetDeadline(time.Time{})
}

// ask opens a tunnel to host and gives it up at once.
func (r *router) ask(host string) (wire.Reason, string, error) {
	s, reason, at, err := r.open(r.sign(r.lease(host)))
	if err == nil {
		_ = s.Reset()
	}
	return reason, at, err
}

// tunnelConn makes a stream a net.Conn.
type tunnelConn struct{ network.Stream }

func (tunnelConn) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (tunnelConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }
