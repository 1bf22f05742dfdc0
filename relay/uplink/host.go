package uplink

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
)

// newHost builds a libp2p host that listens on nothing and speaks TCP with
// libp2p TLS and yamux, or QUIC, or the former within WebSocket, to the peers the
// gate allows.
func newHost(cfg Config, g *gate) (host.Host, error) {
	key, err := crypto.UnmarshalEd25519PrivateKey(cfg.Identity)
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limitsFor(cfg)), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("set up resource limits: %w", err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key),
		libp2p.UserAgent("fallow-node/"+cfg.Version),
		libp2p.NoListenAddrs,
		libp2p.Transport(tcp.NewTCPTransport, tcp.WithConnectionTimeout(cfg.DialTimeout)),
		libp2p.Transport(libp2pquic.NewTransport),
		libp2p.Transport(websocket.New, websocket.WithHandshakeTimeout(cfg.DialTimeout),
			websocket.WithTLSClientConfig(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.WebRoots})),
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.SwarmOpts(swarm.WithDialRanker(inTurn(cfg.QUICDelay))),
		libp2p.WithDialTimeout(cfg.DialTimeout),
		libp2p.ConnectionGater(g),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}), // the session decides what stays open
		libp2p.ResourceManager(limits),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ForceReachabilityPrivate(),       // never asks others to dial back
		libp2p.UDPBlackHoleSuccessCounter(nil),  // our own back-off decides when to try again
		libp2p.IPv6BlackHoleSuccessCounter(nil), // likewise
	)
	if err != nil {
		return nil, fmt.Errorf("start libp2p: %w", err)
	}
	return h, nil
}

// inTurn starts TCP addresses at once, QUIC ones after delay and WebSocket ones
// after as much again; the next kind starts at once when every address before it has
// failed, and a kind that is not there costs no wait. TCP costs both ends least and
// carries most; WebSocket is for networks that let nothing through but the web.
func inTurn(delay time.Duration) network.DialRanker {
	return func(addrs []ma.Multiaddr) []network.AddrDelay {
		var ranked []network.AddrDelay
		wait := time.Duration(0)
		for _, kind := range []carrier{carrierTCP, carrierQUIC, carrierWS} {
			before := len(ranked)
			for _, addr := range addrs {
				if carrierOf(addr) == kind {
					ranked = append(ranked, network.AddrDelay{Addr: addr, Delay: wait})
				}
			}
			if len(ranked) > before {
				wait += delay
			}
		}
		return ranked
	}
}
