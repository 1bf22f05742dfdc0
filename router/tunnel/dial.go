// Package tunnel carries byte streams to sites through nodes: it signs the
// lease, opens the libp2p stream, and hands out a net.Conn, so that everything
// above it is ordinary net/http.
//
// It does not choose nodes (package fleet does) and keeps no books (it adds to
// accounts that package meter owns). Everything exported is safe for concurrent
// use unless it says otherwise.
package tunnel

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Streams opens streams to connected nodes; a libp2p host does.
type Streams interface {
	NewStream(ctx context.Context, p peer.ID, protocols ...protocol.ID) (network.Stream, error)
}

// Account is what a tunnel adds its bytes to.
type Account interface {
	AddDown(n int)
	AddUp(n int)
	AddTunnel(reached bool)
}

// Target is where a tunnel goes and for whom.
type Target struct {
	Host    string // as in wire.Lease
	Port    uint16
	TLS     bool
	Job     string
	Purpose string
	Dataset string
}

// Config bounds a tunnel. DefaultConfig is for home lines.
type Config struct {
	MaxUp         uint64        // bytes a lease allows up
	MaxDown       uint64        // bytes a lease allows down
	OpenTimeout   time.Duration // from asking a node to its answer, the dial to the site included
	TLSTimeout    time.Duration // for the handshake with the site
	HeadTimeout   time.Duration // from the request to the response's head
	HeadBytes     int64         // bound on the response's head
	IdleTimeout   time.Duration // an unused kept tunnel is closed after
	IdlePerSite   int           // kept tunnels a (node, job, site)
	IdlePerNode   int           // kept tunnels a (node, job)
	ReadBuffer    int           // bytes; net/http's buffer on each tunnel
	MaxTransports int           // (node, job) pairs kept at once
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		MaxUp: wire.DefaultLeaseUp, MaxDown: wire.DefaultLeaseDown,
		OpenTimeout: 20 * time.Second, TLSTimeout: 15 * time.Second, HeadTimeout: 30 * time.Second,
		HeadBytes: 64 << 10, IdleTimeout: 30 * time.Second, IdlePerSite: 2, IdlePerNode: 32,
		ReadBuffer: 16 << 10, MaxTransports: 8192,
	}
}

// Dialer opens tunnels.
type Dialer struct {
	streams Streams
	key     ed25519.PrivateKey
	id      wire.Key
	now     func() time.Time
	cfg     Config
	metrics *Metrics
}

// NewDialer signs its leases with key.
func NewDialer(streams Streams, key ed25519.PrivateKey, now func() time.Time, m *Metrics, cfg Config) *Dialer {
	return &Dialer{streams: streams, key: key, id: wire.KeyOf(key), now: now, metrics: m, cfg: cfg}
}

// Error is a tunnel that could not be opened or that broke. Reason is the
// node's answer, or wire.TunnelBroken when it gave none.
type Error struct {
	Node   wire.Key
	Reason wire.Reason
	Err    error // nil when the node answered with a reason
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("tunnel through %s: %s", e.Node, e.Reason)
	}
	return fmt.Sprintf("tunnel through %s: %s: %v", e.Node, e.Reason, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// TunnelReason tells failures of the site, which the node only reports, from
// those of the tunnel itself: "dns", "refused", "timeout" and "unreachable" are
// the site's; any other text is the reason code.
func (e *Error) TunnelReason() string {
	switch e.Reason {
	case wire.DNSFailed, wire.DNSNotFound:
		return "dns"
	case wire.ConnectRefused:
		return "refused"
	case wire.ConnectTimeout:
		return "timeout"
	case wire.ConnectUnreachable:
		return "unreachable"
	default:
		return e.Reason.String()
	}
}

// Dial opens a tunnel to t through node and counts it in account. Errors are
// *Error or the context's.
func (d *Dialer) Dial(ctx context.Context, node wire.Key, t Target, account Account) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.OpenTimeout)
	defer cancel()
	conn, err := d.open(ctx, node, t, account)
	account.AddTunnel(err == nil)
	d.metrics.opened.WithLabelValues(outcome(err)).Inc()
	return conn, err
}

func outcome(err error) string {
	var failed *Error
	switch {
	case err == nil:
		return wire.OK.String()
	case errors.As(err, &failed):
		return failed.Reason.String()
	default:
		return "cancelled"
	}
}

func (d *Dialer) open(ctx context.Context, node wire.Key, t Target, account Account) (*Conn, error) {
	lease := &wire.Lease{
		Serial: wire.NewSerial(), Router: d.id, Node: node, Host: t.Host, Port: t.Port, TLS: t.TLS,
		Job: t.Job, Purpose: t.Purpose, Dataset: t.Dataset, MaxUp: d.cfg.MaxUp, MaxDown: d.cfg.MaxDown,
		NotAfter: d.now().Add(wire.LeaseWindow),
	}
	signature, err := lease.Sign(d.key)
	if err != nil {
		return nil, &Error{Node: node, Reason: wire.ReasonOf(err), Err: err}
	}
	stream, err := d.streams.NewStream(network.WithNoDial(ctx, "nodes dial the router"), node.PeerID(), wire.TunnelProtocol)
	if err != nil {
		return nil, d.broken(ctx, node, err)
	}
	address, err := d.ask(ctx, stream, node, lease, signature)
	if err != nil {
		_ = stream.Reset()
		return nil, err
	}
	return &Conn{stream: stream, lease: lease, address: address, account: account}, nil
}

// ask sends the lease and waits for the node's answer.
func (d *Dialer) ask(ctx context.Context, stream network.Stream, node wire.Key, lease *wire.Lease, signature []byte) (string, error) {
	// A stream knows deadlines, not contexts.
	stop := context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	open := &pb.TunnelOpen{Lease: lease.Encode(), Signature: signature}
	if err := wire.WriteFrame(stream, open, wire.MaxTunnelOpen); err != nil {
		return "", d.broken(ctx, node, err)
	}
	var status pb.TunnelStatus
	if err := wire.ReadFrame(stream, &status, wire.MaxTunnelStatus); err != nil {
		return "", d.broken(ctx, node, err)
	}
	if reason := wire.Reason(status.Reason); !reason.Known() {
		return "", d.broken(ctx, node, fmt.Errorf("it answered with %s", reason)) // a node may not make reasons up
	} else if reason != wire.OK {
		return "", &Error{Node: node, Reason: reason}
	}
	if !stop() {
		return "", d.broken(ctx, node, ctx.Err())
	}
	return status.Address, nil
}

// broken tells the caller's own cancellation from the node's failure. Running
// out of OpenTimeout is the node's.
func (d *Dialer) broken(ctx context.Context, node wire.Key, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return &Error{Node: node, Reason: wire.TunnelBroken, Err: err}
}
