package uplink

import (
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"github.com/fallow-network/fallow/relay/wire"
)

// limitsFor bounds what libp2p may hold on behalf of routers. The numbers
// follow from one router at a time, with a second while one replaces another.
func limitsFor(cfg Config) rcmgr.ConcreteLimitConfig {
	const (
		mib         = 1 << 20
		conns       = 8 // a dial races a few addresses
		controls    = 8 // identify, ping and session streams
		perTunnel   = mib
		perConn     = 2 * mib
		descriptors = 16
	)
	streams := cfg.MaxTunnels + cfg.MaxTunnels/4 + controls // the excess is refused with a reason, not a reset
	memory := int64(streams)*perTunnel + conns*perConn
	whole := rcmgr.ResourceLimits{
		Conns: conns, ConnsOutbound: conns, ConnsInbound: rcmgr.BlockAllLimit,
		Streams: rcmgr.LimitVal(2 * streams), StreamsInbound: rcmgr.LimitVal(streams), StreamsOutbound: rcmgr.LimitVal(streams),
		FD: descriptors, Memory: rcmgr.LimitVal64(memory),
	}
	none := rcmgr.ResourceLimits{
		Conns: rcmgr.BlockAllLimit, ConnsInbound: rcmgr.BlockAllLimit, ConnsOutbound: rcmgr.BlockAllLimit,
		Streams: rcmgr.BlockAllLimit, StreamsInbound: rcmgr.BlockAllLimit, StreamsOutbound: rcmgr.BlockAllLimit,
		FD: rcmgr.BlockAllLimit, Memory: rcmgr.BlockAllLimit64,
	}
	small := rcmgr.ResourceLimits{
		Streams: controls, StreamsInbound: controls, StreamsOutbound: controls, Memory: 4 * mib,
	}
	partial := rcmgr.PartialLimitConfig{
		System: whole, Transient: whole,
		AllowlistedSystem: none, AllowlistedTransient: none,
		ServiceDefault: small, ServicePeerDefault: small,
		ProtocolDefault: small, ProtocolPeerDefault: small,
		Protocol:     map[protocol.ID]rcmgr.ResourceLimits{wire.TunnelProtocol: whole},
		ProtocolPeer: map[protocol.ID]rcmgr.ResourceLimits{wire.TunnelProtocol: whole},
		PeerDefault:  whole, Conn: whole, Stream: whole,
	}
	return partial.Build(rcmgr.InfiniteLimits)
}
