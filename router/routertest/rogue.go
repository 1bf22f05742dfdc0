package routertest

import (
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// RogueConfig says how a rogue misbehaves. The zero value is a node that does
// everything right, without any of the real one's checks.
type RogueConfig struct {
	Capacity uint32                                       // tunnels it offers; default 8
	Tunnel   func(t *RogueTunnel)                         // serves a tunnel; default Carry with no tampering
	Answer   func(r *Rogue, proposed Proposed) []Answered // answers a proposal; default Sign
	Session  func(r *Rogue, s *RogueSession)              // runs beside the session once it is welcome
}

// Rogue is a node written straight on the wire protocol, so that nothing stops
// it from breaking it. It comes back whenever its session ends.
type Rogue struct {
	Key wire.Key

	private ed25519.PrivateKey
	net     *Net
	cfg     RogueConfig
	host    host.Host
	router  peer.AddrInfo

	carried  atomic.Uint64 // bytes over its tunnels, both ways
	tunnels  atomic.Int64
	sessions atomic.Int64

	mu       sync.Mutex
	recorded []byte // what a site once sent; see Replay
}

// Carried is how many bytes went over its tunnels, both ways.
func (r *Rogue) Carried() uint64 { return r.carried.Load() }

// Tunnels is how many tunnels it was asked for.
func (r *Rogue) Tunnels() int { return int(r.tunnels.Load()) }

// Sessions is how many sessions it opened.
func (r *Rogue) Sessions() int { return int(r.sessions.Load()) }

// StartRogue adds a rogue to the network; the end of the test removes it.
func (n *Net) StartRogue(cfg RogueConfig) *Rogue {
	n.t.Helper()
	if cfg.Capacity == 0 {
		cfg.Capacity = 8
	}
	if cfg.Tunnel == nil {
		cfg.Tunnel = func(t *RogueTunnel) { t.Carry(nil) }
	}
	if cfg.Answer == nil {
		cfg.Answer = Sign
	}
	router, err := peer.AddrInfoFromString(n.Router.NodeAddresses()[0])
	if err != nil {
		n.t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r := &Rogue{Key: wire.Key(public), private: private, net: n, cfg: cfg, router: *router, host: rogueHost(n.t, private)}
	r.host.SetStreamHandler(wire.TunnelProtocol, r.tunnel)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.attend(ctx) })
	n.t.Cleanup(func() {
		cancel()
		_ = r.host.Close()
		running.Wait()
	})
	return r
}

func rogueHost(t testing.TB, private ed25519.PrivateKey) host.Host {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key), libp2p.NoListenAddrs, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(libp2ptls.ID, libp2ptls.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// attend keeps a session open until ctx ends.
func (r *Rogue) attend(ctx context.Context) {
	for ctx.Err() == nil {
		if s, err := r.Greet(ctx); err == nil {
			s.serve(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Greet opens a session and returns once it is welcome.
func (r *Rogue) Greet(ctx context.Context) (*RogueSession, error) {
	if err := r.host.Connect(ctx, r.router); err != nil {
		return nil, err
	}
	stream, err := r.host.NewStream(ctx, r.router.ID, wire.SessionProtocol)
	if err != nil {
		return nil, err
	}
	r.sessions.Add(1)
	s := &RogueSession{rogue: r, stream: stream}
	s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{
		AgentVersion: "rogue", Platform: "test", MaxTunnels: r.cfg.Capacity, Lab: true, Sharing: pb.Reason_OK,
	}}})
	var welcome pb.RouterMessage
	if err := wire.ReadFrame(stream, &welcome, wire.MaxSessionMessage); err != nil {
		return nil, err
	}
	if welcome.GetWelcome() == nil {
		_ = stream.Reset()
		return nil, io.ErrUnexpectedEOF
	}
	return s, nil
}

// HangUp breaks every connection to the router.
func (r *Rogue) HangUp() { _ = r.host.Network().ClosePeer(r.router.ID) }

// RogueSession is one session of a rogue.
type RogueSession struct {
	rogue  *Rogue
	stream network.Stream
	writes sync.Mutex
}

// Tell writes a message; what becomes of it is seen by reading.
func (s *RogueSession) Tell(m *pb.NodeMessage) {
	s.writes.Lock()
	defer s.writes.Unlock()
	_ = wire.WriteFrame(s.stream, m, 1<<20) // no bound of ours
}

// Raw writes bytes that need not be a message.
func (s *RogueSession) Raw(b []byte) {
	s.writes.Lock()
	defer s.writes.Unlock()
	_, _ = s.stream.Write(b)
}

func (s *RogueSession) serve(ctx context.Context) {
	defer func() { _ = s.stream.Reset() }()
	if s.rogue.cfg.Session != nil {
		go s.rogue.cfg.Session(s.rogue, s)
	}
	for ctx.Err() == nil {
		var m pb.RouterMessage
		if wire.ReadFrame(s.stream, &m, wire.MaxSessionMessage) != nil {
			return
		}
		switch body := m.Body.(type) {
		case *pb.RouterMessage_Ping:
			s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_Pong{Pong: &pb.Pong{Nonce: body.Ping.Nonce}}})
		case *pb.RouterMessage_ReceiptProposal:
			receipt, err := wire.DecodeReceipt(body.ReceiptProposal.Receipt)
			if err != nil {
				continue
			}
			for _, answer := range s.rogue.cfg.Answer(s.rogue, receipt) {
				s.Tell(&pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: answer}})
			}
		}
	}
}

func (r *Rogue) tunnel(stream network.Stream) {
	defer func() { _ = stream.Reset() }()
	r.tunnels.Add(1)
	var open pb.TunnelOpen
	if wire.ReadFrame(stream, &open, wire.MaxTunnelOpen) != nil {
		return
	}
	lease, err := wire.OpenLease(open.Lease, open.Signature)
	if err != nil {
		r.net.t.Errorf("the router sent a lease that does not verify: %v", err)
		return
	}
	r.cfg.Tunnel(&RogueTunnel{Rogue: r, Lease: lease, Stream: stream, gone: make(chan struct{})})
}

// RogueTunnel is a tunnel a rogue was asked for. Stream is past the lease.
type RogueTunnel struct {
	*Rogue
	Lease  *wire.Lease
	Stream network.Stream

	gone chan struct{} // closed when the router has ended its side; see Carry
}

func (t *RogueTunnel) conn() net.Conn { return streamConn{t.Stream, t.Rogue} }

// Status answers the lease.
func (t *RogueTunnel) Status(reason wire.Reason) {
	_ = wire.WriteFrame(t.Stream, &pb.TunnelStatus{Reason: pb.Reason(reason), Address: "127.0.0.1:1"}, 1<<20)
}

// Dial connects to the lease's site.
func (t *RogueTunnel) Dial() (net.Conn, error) {
	dialer := net.Dialer{Resolver: t.net.DNS.Resolver(), Timeout: 5 * time.Second}
	return dialer.Dial("tcp", net.JoinHostPort(t.Lease.Host, strconv.Itoa(int(t.Lease.Port))))
}

// Carry carries bytes between router and site as a good node does, except that
// what comes down passes through down, which may be nil.
func (t *RogueTunnel) Carry(down func(io.Writer) io.Writer) {
	site, err := t.Dial()
	if err != nil {
		t.Status(wire.ConnectRefused)
		return
	}
	defer func() { _ = site.Close() }()
	t.Status(wire.OK)
	conn := t.conn()
	var to io.Writer = struct{ io.Writer }{conn}
	if down != nil {
		to = down(to)
	}
	go func() {
		defer close(t.gone)
		defer func() { _ = site.Close() }() // the router has gone: so does the site
		_, _ = io.Copy(site, struct{ io.Reader }{conn})
	}()
	if _, err := io.Copy(to, site); err == nil {
		_ = t.Stream.CloseWrite()
	}
}
