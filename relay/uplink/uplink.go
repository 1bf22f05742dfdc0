// Package uplink is the node's only way to a router: a libp2p host that dials
// the configured routers at the configured addresses, checks their pinned keys,
// and lets nobody else in. It listens on nothing, discovers nothing and relays
// for nobody.
//
// It knows nothing of sessions, leases or rules; package relay puts those on
// the connections it makes. relay imports it; routerlist and the command line read
// addresses with it, and doctor tries them.
package uplink

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
	manet "github.com/multiformats/go-multiaddr/net"
	msmux "github.com/multiformats/go-multistream"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Errors of Dial and Ask that a user is told about in different words.
var (
	ErrWrongKey    = errors.New("the router has another key than the one pinned")
	ErrUnreachable = errors.New("the router cannot be reached")
	ErrName        = errors.New("the router's name cannot be resolved")
	ErrVersion     = errors.New("the router speaks no version of the protocol that this agent does")
	ErrUnasked     = errors.New("the router gives no statements")
	ErrAnswer      = errors.New("the router's answer cannot be read")
	ErrNotLab      = errors.New("a router on the public internet is not of a lab")
)

// Config is what New needs. Zero durations and counts take their defaults.
type Config struct {
	Identity ed25519.PrivateKey // the node's key; required
	Routers  []Router           // the only peers ever dialled; at least one
	Version  string             // said in the libp2p user agent
	Lab      bool               // only loopback and private addresses are dialled; default false

	MaxTunnels  int           // inbound tunnel streams served at once; default 64
	DialTimeout time.Duration // per address; default 10 s
	QUICDelay   time.Duration // head start of TCP over QUIC, and of QUIC over WebSocket; default 3 s

	// WebRoots are the authorities that WebSocket over TLS is checked against.
	// Default nil, the system's. The pinned key is checked in any case.
	WebRoots *x509.CertPool
}

func (c Config) withDefaults() Config {
	if c.MaxTunnels <= 0 {
		c.MaxTunnels = 64
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = 10 * time.Second
	}
	if c.QUICDelay <= 0 {
		c.QUICDelay = 3 * time.Second
	}
	return c
}

// Uplink dials routers. Its methods are safe for concurrent use.
type Uplink struct {
	log     *slog.Logger
	host    host.Host
	close   func() error
	gate    *gate
	lab     bool
	timeout time.Duration
}

// New starts a host. It dials nothing before Dial.
func New(log *slog.Logger, cfg Config) (*Uplink, error) {
	cfg = cfg.withDefaults()
	g := newGate(cfg.Routers)
	h, closeHost, err := newHost(cfg, g)
	if err != nil {
		return nil, err
	}
	return &Uplink{log: log, host: h, close: closeHost, gate: g, lab: cfg.Lab, timeout: cfg.DialTimeout}, nil
}

// Choose replaces the routers that may be dialled. A connection to one that is no
// longer among them stays until its Link is closed.
func (u *Uplink) Choose(routers []Router) { u.gate.choose(routers) }

// Stream is a stream to a router.
type Stream = network.Stream

// HandleTunnels has handle called, in a goroutine of its own, for every tunnel
// stream a connected router opens.
func (u *Uplink) HandleTunnels(handle func(router wire.Key, s Stream)) {
	u.host.SetStreamHandler(wire.TunnelProtocol, func(s network.Stream) {
		key, err := wire.KeyFromPeer(s.Conn().RemotePeer())
		if err != nil {
			_ = s.Reset()
			return
		}
		handle(key, s)
	})
}

// Link is a connection to a router with its session stream open.
type Link struct {
	Session Stream
	Carrier string // "tcp", "quic" or "ws"
	Address string // the address that answered, without the key

	conn network.Conn
}

// Ask puts one question for a statement to a connected router, on a stream of its
// own. Errors wrap ErrUnasked when the router does not take it, as one of an
// earlier version, and ErrAnswer when its answer cannot be read.
func (u *Uplink) Ask(ctx context.Context, router wire.Key, q *pb.StatementRequest) (*pb.StatementAnswer, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "statement"), askTime)
	defer cancel()
	stream, err := u.host.NewStream(ctx, router.PeerID(), wire.StatementProtocol)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnasked, err)
	}
	defer stream.Reset()
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset() })
	defer stop()
	if err := wire.WriteFrame(stream, q, wire.MaxStatementAsk); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	a := new(pb.StatementAnswer)
	if err := wire.ReadFrame(stream, a, wire.MaxStatement); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return a, nil
}

// askTime is how long a question may take.
const askTime = 10 * time.Second

// Close ends the connection and with it every stream on it.
func (l *Link) Close() error { return l.conn.Close() }

// Dial connects to r, TCP addresses first and WebSocket ones last, and opens the session stream.
// Errors wrap ErrName, ErrNotLab, ErrWrongKey, ErrVersion or ErrUnreachable, or are ctx's.
func (u *Uplink) Dial(ctx context.Context, r Router) (*Link, error) {
	id := r.Key.PeerID()
	addrs, err := Resolve(ctx, r.Addrs)
	if err != nil {
		return nil, err
	}
	if u.lab {
		if addrs = slices.DeleteFunc(addrs, outsideLab); len(addrs) == 0 {
			return nil, ErrNotLab
		}
	}
	u.gate.permit(id, addrs)
	u.host.Peerstore().ClearAddrs(id) // forget what the router announced of itself
	u.host.Peerstore().AddAddrs(id, addrs, peerstore.TempAddrTTL)
	if s, ok := u.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(id) // the caller has its own back-off
	}
	conn, err := u.host.Network().DialPeer(ctx, id)
	u.gate.permit(id, nil)
	if err != nil {
		return nil, explain(ctx, err)
	}
	stream, err := u.openSession(ctx, id)
	if err != nil {
		_ = conn.Close()
		if unsupported, ok := errors.AsType[msmux.ErrNotSupported[protocol.ID]](err); ok {
			return nil, fmt.Errorf("%w: %w", ErrVersion, unsupported)
		}
		return nil, fmt.Errorf("%w: open session: %w", ErrUnreachable, err)
	}
	remote := stream.Conn().RemoteMultiaddr()
	return &Link{Session: stream, Carrier: string(carrierOf(remote)), Address: remote.String(), conn: conn}, nil
}

func (u *Uplink) openSession(ctx context.Context, id peer.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "session"), u.timeout)
	defer cancel()
	return u.host.NewStream(ctx, id, wire.SessionProtocol)
}

// Close stops the host and every connection.
func (u *Uplink) Close() error { return u.close() }

// maxResolved bounds what names may unfold to.
const maxResolved = 32

// resolve turns DNS addresses into the literal ones that may be dialled.
// Resolve turns names into at most maxResolved addresses that can be dialled as they
// are; a WebSocket over TLS keeps the name to check the certificate against. The error
// wraps ErrName if there are none.
func Resolve(ctx context.Context, addrs []ma.Multiaddr) ([]ma.Multiaddr, error) {
	var out []ma.Multiaddr
	var failed error
	for _, addr := range addrs {
		if !madns.Matches(addr) {
			out = append(out, addr)
			continue
		}
		found, err := madns.DefaultResolver.Resolve(ctx, named(addr))
		if err != nil {
			failed = err
			continue
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrName, errors.Join(failed, ctx.Err()))
	}
	return out[:min(len(out), maxResolved)], nil
}

// named is addr with the name of a WebSocket over TLS as its own part, which stays
// when the name in front of it is resolved.
func named(addr ma.Multiaddr) ma.Multiaddr {
	secure := addr[len(addr)-1].Protocol().Code == ma.P_WSS || len(addr) == 4 && addr[2].Protocol().Code == ma.P_TLS
	if carrierOf(addr) != carrierWS || !secure {
		return addr
	}
	return ma.StringCast(fmt.Sprintf("%s%s/tls/sni/%s/ws", addr[:1], addr[1:2], addr[0].Value()))
}

// outsideLab reports a literal address that is neither loopback nor private. In
// a lab the node opens this machine and its network to the router, on every
// port, so the router has to be in there already.
func outsideLab(addr ma.Multiaddr) bool {
	ip, err := manet.ToIP(addr)
	return err != nil || !ip.IsLoopback() && !ip.IsPrivate()
}

func explain(ctx context.Context, err error) error {
	var mismatch sec.ErrPeerIDMismatch
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &mismatch):
		return fmt.Errorf("%w: it answered with %s", ErrWrongKey, spell(mismatch.Actual))
	default:
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
}

// spell writes a peer's key the way the user sees keys everywhere else.
func spell(id peer.ID) string {
	if key, err := wire.KeyFromPeer(id); err == nil {
		return key.String()
	}
	return id.String()
}
