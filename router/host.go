package router

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// newHost listens for nodes: TCP with TLS 1.3 and yamux first, QUIC beside it, and
// the former within WebSocket where an address says /ws; web is the certificate of
// /tls/ws.
// It runs no other service of libp2p's.
func newHost(key ed25519.PrivateKey, listen []string, web *tls.Config, maxNodes int) (host.Host, error) {
	private, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("router identity: %w", err)
	}
	if err := probe(listen); err != nil {
		return nil, err
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
		// Two routers could share a port otherwise, and nodes would reach either.
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Transport(websocket.New, websocket.WithTLSConfig(web)),
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, quietYamux()),
		libp2p.ListenAddrStrings(listen...),
		libp2p.ResourceManager(resources),
		libp2p.ConnectionManager(conns),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.UserAgent("fallow-router"),
	)
	if err != nil {
		return nil, fmt.Errorf("listen for nodes on %v: %w", listen, err)
	}
	return h, nil
}

// webCertificate is what browsers and nodes check on /tls/ws, nil without files. It
// is read anew when its file has changed, so that renewing it needs no restart.
func webCertificate(cert, key string) (*tls.Config, error) {
	if cert == "" && key == "" {
		return nil, nil
	}
	read := func() (*tls.Certificate, time.Time, error) {
		info, err := os.Stat(cert)
		if err != nil {
			return nil, time.Time{}, err
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, info.ModTime(), err
	}
	held, changed, err := read()
	if err != nil {
		return nil, fmt.Errorf("read the certificate for nodes over WebSocket: %w", err)
	}
	var mu sync.Mutex
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if info, err := os.Stat(cert); err == nil && !info.ModTime().Equal(changed) {
				if fresh, at, err := read(); err == nil {
					held, changed = fresh, at
				}
			}
			return held, nil
		},
	}, nil
}

// probe opens and closes every port: libp2p is content when one of several can
// be opened, and its error does not tell the reasons apart.
func probe(listen []string) error {
	var config net.ListenConfig
	for _, address := range listen {
		parsed, err := multiaddr.NewMultiaddr(address)
		if err != nil {
			return fmt.Errorf("listen for nodes on %q: %w", address, err)
		}
		network, hostPort, err := manet.DialArgs(parsed)
		if err != nil {
			return fmt.Errorf("listen for nodes on %s: %w", address, err)
		}
		var port io.Closer
		if strings.HasPrefix(network, "udp") {
			port, err = config.ListenPacket(context.Background(), network, hostPort)
		} else {
			port, err = config.Listen(context.Background(), network, hostPort)
		}
		if err != nil {
			return listenError(address, err)
		}
		_ = port.Close() // nothing has come through it
	}
	return nil
}

// quietYamux is libp2p's yamux without its keep-alive: the session's pings do
// that, and one goroutine less for each idle node is worth having.
func quietYamux() *yamux.Transport {
	quiet := *yamux.DefaultTransport
	quiet.EnableKeepAlive = false
	return &quiet
}

// listenError says what to do about the usual reasons.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen for nodes on %s: the port is in use; stop the other program or choose another with --listen: %w", address, err)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("listen for nodes on %s: not permitted; use a port above 1023: %w", address, err)
	default:
		return fmt.Errorf("listen for nodes on %s: %w", address, err)
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
