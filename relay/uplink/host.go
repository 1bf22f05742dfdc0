package uplink

import (
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
	ma "github.com/multiformats/go-multiaddr"
)

// newHost builds a libp2p host that listens on nothing and speaks TCP with
// libp2p TLS and yamux, or QUIC, to the peers the gate allows.
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
		libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.SwarmOpts(swarm.WithDialRanker(tcpFirst(cfg.QUICDelay))),
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

// tcpFirst starts TCP addresses at once and QUIC ones after delay, or at once
// when every TCP address has failed. TCP costs both ends less and carries more.
func tcpFirst(delay time.Duration) network.DialRanker {
	return func(addrs []ma.Multiaddr) []network.AddrDelay {
		var first, second []network.AddrDelay
		for _, addr := range addrs {
			if carrierOf(addr) == carrierTCP {
				first = append(first, network.AddrDelay{Addr: addr})
			} else {
				second = append(second, network.AddrDelay{Addr: addr, Delay: delay})
			}
		}
		if len(first) == 0 {
			for i := range second {
				second[i].Delay = 0
			}
		}
		return append(first, second...)
	}
}
