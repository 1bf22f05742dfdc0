package router

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// newHost listens for nodes: TCP with TLS 1.3 and yamux first, QUIC beside it.
// It runs no other service of libp2p's.
func newHost(key ed25519.PrivateKey, listen []string, maxNodes int) (host.Host, error) {
	private, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("router identity: %w", err)
	}
	resources, err := newResources(maxNodes)
	if err != nil {
		return nil, err
	}
	// The connection manager trims nothing below the resource manager's bound:
	// nodes are to stay.
	conns, err := connmgr.NewConnManager(2*maxNodes, 3*maxNodes)
	if err != nil {
		return nil, err
	}
	h, err := libp2p.New(
		libp2p.Identity(private),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.ListenAddrStrings(listen...),
		libp2p.ResourceManager(resources),
		libp2p.ConnectionManager(conns),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.UserAgent("fallow-router"),
	)
	if err != nil {
		return nil, listenError(listen, err)
	}
	return h, nil
}

// listenError says what to do about the usual reasons.
func listenError(listen []string, err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen for nodes on %v: the port is in use; stop the other program or choose another with --listen: %w", listen, err)
	case errors.Is(err, syscall.EACCES), errors.As(err, &op) && errors.Is(op, syscall.EPERM):
		return fmt.Errorf("listen for nodes on %v: not permitted; use a port above 1023: %w", listen, err)
	default:
		return fmt.Errorf("listen for nodes on %v: %w", listen, err)
	}
}

// peerStreams is how many streams one node may have: its session, identify, and
// the tunnels the router opens.
const peerStreams = 512

// newResources bounds what all nodes and each of them may hold. Connections
// from one address are few, since a home has few devices; loopback is free of
// that bound, for labs.
func newResources(maxNodes int) (network.ResourceManager, error) {
	conns := rcmgr.LimitVal(2*maxNodes + 64)
	limits := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: conns, ConnsInbound: conns, ConnsOutbound: 64, FD: conns,
			Streams: 16 * conns, StreamsInbound: 4 * conns, StreamsOutbound: 16 * conns,
			Memory: 4 << 30,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: 1024, ConnsInbound: 1024, ConnsOutbound: 64, FD: 1024,
			Streams: 4096, StreamsInbound: 2048, StreamsOutbound: 4096, Memory: 256 << 20,
		},
		ProtocolDefault: rcmgr.ResourceLimits{
			Streams: 16 * conns, StreamsInbound: 4 * conns, StreamsOutbound: 16 * conns, Memory: 4 << 30,
		},
		ProtocolPeerDefault: rcmgr.ResourceLimits{
			Streams: peerStreams, StreamsInbound: 4, StreamsOutbound: peerStreams, Memory: 64 << 20,
		},
		ServiceDefault: rcmgr.ResourceLimits{
			Streams: 16 * conns, StreamsInbound: 4 * conns, StreamsOutbound: 16 * conns, Memory: 4 << 30,
		},
		ServicePeerDefault: rcmgr.ResourceLimits{
			Streams: peerStreams, StreamsInbound: 16, StreamsOutbound: peerStreams, Memory: 64 << 20,
		},
		PeerDefault: rcmgr.ResourceLimits{
			Conns: 4, ConnsInbound: 4, ConnsOutbound: 1, FD: 4,
			Streams: peerStreams, StreamsInbound: 16, StreamsOutbound: peerStreams, Memory: 64 << 20,
		},
	}
	perAddress := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: 32}}
	perNetwork := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: 32}, {PrefixLength: 48, ConnCount: 256}}
	limiter := rcmgr.NewFixedLimiter(limits.Build(rcmgr.DefaultLimits.AutoScale()))
	resources, err := rcmgr.NewResourceManager(limiter, rcmgr.WithLimitPerSubnet(perAddress, perNetwork), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("bound the resources of nodes: %w", err)
	}
	return resources, nil
}
