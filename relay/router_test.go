package relay_test

import (
	"bytes"
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
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

const wait = 5 * time.Second // for anything that should happen at once

// router is the router's end of both protocols, on a real libp2p host.
type router struct {
	t       *testing.T
	private ed25519.PrivateKey
	key     wire.Key
	host    host.Host

	hellos  chan *pb.Hello
	said    chan *pb.NodeMessage
	answers chan *pb.ReceiptAnswer

	mu      sync.Mutex
	session network.Stream
	greet   *pb.RouterMessage // instead of welcome
	then    *pb.RouterMessage // right after welcome
	epoch   uint64
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// startRouter listens on address; "" means any TCP port of loopback.
func startRouter(t *testing.T, private ed25519.PrivateKey, address string) *router {
	t.Helper()
	if address == "" {
		address = "/ip4/127.0.0.1/tcp/0"
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key), libp2p.ListenAddrStrings(address),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Security(libp2ptls.ID, libp2ptls.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	r := &router{
		t: t, private: private, key: wire.KeyOf(private), host: h, epoch: 7,
		hellos: make(chan *pb.Hello, 16), said: make(chan *pb.NodeMessage, 64), answers: make(chan *pb.ReceiptAnswer, 16),
	}
	h.SetStreamHandler(wire.SessionProtocol, r.serve)
	t.Cleanup(func() { _ = h.Close() })
	return r
}

func (r *router) addr() string {
	return fmt.Sprintf("%s/p2p/%s", r.host.Addrs()[0], r.host.ID())
}

func (r *router) serve(s network.Stream) {
	m := new(pb.NodeMessage)
	if wire.ReadFrame(s, m, wire.MaxSessionMessage) != nil {
		return
	}
	r.mu.Lock()
	r.session = s
	greet, then := r.greet, r.then
	r.mu.Unlock()
	r.hellos <- m.GetHello()
	if greet == nil {
		greet = &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: &pb.Welcome{
			Epoch: r.epoch, UnixMilli: time.Now().UnixMilli(), RouterVersion: "test", Lab: true,
		}}}
	}
	if wire.WriteFrame(s, greet, wire.MaxSessionMessage) != nil {
		return
	}
	if then != nil && wire.WriteFrame(s, then, wire.MaxSessionMessage) != nil {
		return
	}
	for {
		m := new(pb.NodeMessage)
		if wire.ReadFrame(s, m, wire.MaxSessionMessage) != nil {
			return
		}
		if a := m.GetReceiptAnswer(); a != nil {
			r.answers <- a
		} else {
			r.said <- m
		}
	}
}

// say writes a message on the current session.
func (r *router) say(m *pb.RouterMessage) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := wire.WriteFrame(r.session, m, wire.MaxSessionMessage); err != nil {
		r.t.Fatalf("router says: %v", err)
	}
}

// lease is a good lease for node; tests spoil it.
func (r *router) lease(node wire.Key, site site) *wire.Lease {
	return &wire.Lease{
		Serial: wire.NewSerial(), Router: r.key, Node: node,
		Host: site.host, Port: site.port, TLS: site.tls,
		Job: "job-1", Purpose: "testing", Dataset: "docs",
		MaxUp: wire.DefaultLeaseUp, MaxDown: wire.DefaultLeaseDown,
		NotAfter: time.Now().Add(wire.LeaseWindow),
	}
}

func (r *router) sign(l *wire.Lease) *pb.TunnelOpen {
	encoded := l.Encode()
	return &pb.TunnelOpen{Lease: encoded, Signature: ed25519.Sign(r.private, encoded)}
}

// open opens a tunnel and returns the node's answer.
func (r *router) open(node wire.Key, open *pb.TunnelOpen) (network.Stream, wire.Reason) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), wait)
	defer cancel()
	s, err := r.host.NewStream(network.WithNoDial(ctx, "test"), node.PeerID(), wire.TunnelProtocol)
	if err != nil {
		r.t.Fatalf("open tunnel: %v", err)
	}
	r.t.Cleanup(func() { _ = s.Reset() })
	_ = s.SetDeadline(time.Now().Add(wait))
	if err := wire.WriteFrame(s, open, wire.MaxTunnelOpen); err != nil {
		r.t.Fatalf("send lease: %v", err)
	}
	status := new(pb.TunnelStatus)
	if err := wire.ReadFrame(s, status, wire.MaxTunnelStatus); err != nil {
		r.t.Fatalf("read status: %v", err)
	}
	_ = s.SetDeadline(time.Time{})
	return s, wire.Reason(status.GetReason())
}

// propose sends a receipt and returns the answer.
func (r *router) propose(receipt wire.Receipt) *pb.ReceiptAnswer {
	r.t.Helper()
	receipt.SignRouter(r.private)
	r.say(&pb.RouterMessage{Body: &pb.RouterMessage_ReceiptProposal{ReceiptProposal: &pb.ReceiptProposal{
		Receipt: receipt.Encode(), RouterSignature: bytes.Clone(receipt.RouterSig),
	}}})
	return receive(r.t, "receipt answer", r.answers)
}

func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(wait):
		t.Fatalf("no %s within %s", what, wait)
		panic("unreachable")
	}
}

// tunnelConn makes a stream what net/http and crypto/tls take for a connection.
type tunnelConn struct{ network.Stream }

func (tunnelConn) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (tunnelConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }
