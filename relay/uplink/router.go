package uplink

import (
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/wire"
)

// Bounds on what a user may configure.
const (
	maxRouters   = 8  // routers a node knows
	maxAddresses = 16 // addresses of one router, before names are resolved
)

// ErrAddress says that a router address is not usable as written.
var ErrAddress = errors.New("not a router address")

// Router is one configured router: its pinned key and where it may be reached.
type Router struct {
	Key   wire.Key
	Addrs []ma.Multiaddr // without the /p2p part, in the order configured
}

// ParseRouters reads addresses such as
// /dns4/router.example/tcp/4001/p2p/12D3Koo…; the key behind /p2p is pinned.
// Addresses of the same key make one Router. The order of first appearance is
// kept: the first router is home, the others are failover. Errors wrap
// ErrAddress and name the address.
func ParseRouters(addresses []string) ([]Router, error) {
	var routers []Router
	for _, text := range addresses {
		key, addr, err := parseAddress(text)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(routers, func(r Router) bool { return r.Key == key })
		if i < 0 {
			routers = append(routers, Router{Key: key})
			i = len(routers) - 1
		}
		routers[i].Addrs = append(routers[i].Addrs, addr)
		if len(routers) > maxRouters || len(routers[i].Addrs) > maxAddresses {
			return nil, fmt.Errorf("%w: more than %d routers or %d addresses of one", ErrAddress, maxRouters, maxAddresses)
		}
	}
	return routers, nil
}

func parseAddress(text string) (wire.Key, ma.Multiaddr, error) {
	full, err := ma.NewMultiaddr(text)
	if err != nil {
		return wire.Key{}, nil, fmt.Errorf("%w: %q: %w", ErrAddress, text, err)
	}
	addr, id := peer.SplitAddr(full)
	if id == "" || addr == nil {
		return wire.Key{}, nil, fmt.Errorf("%w: %q has no /p2p/KEY at its end", ErrAddress, text)
	}
	key, err := wire.KeyFromPeer(id)
	if err != nil {
		return wire.Key{}, nil, fmt.Errorf("%w: %q: %w", ErrAddress, text, err)
	}
	if carrierOf(addr) == carrierNone {
		return wire.Key{}, nil, fmt.Errorf("%w: %q is none of /tcp, /udp/…/quic-v1, /tcp/…/ws and /tcp/…/wss", ErrAddress, text)
	}
	return key, addr, nil
}

// carrier is what an address runs over.
type carrier string

const (
	carrierNone carrier = ""
	carrierTCP  carrier = "tcp"
	carrierQUIC carrier = "quic"
	carrierWS   carrier = "ws" // WebSocket, with or without TLS of its own
)

// carrierOf reads the shapes HOST/tcp/PORT, HOST/udp/PORT/quic-v1, and
// HOST/tcp/PORT with /ws, /wss, /tls/ws or /tls/sni/NAME/ws behind it; every other
// shape, circuit relays and web transports among them, is carrierNone.
func carrierOf(addr ma.Multiaddr) carrier {
	codes := make([]int, 0, 4)
	for _, component := range addr {
		codes = append(codes, component.Protocol().Code)
	}
	if len(codes) == 0 || !slices.Contains([]int{ma.P_IP4, ma.P_IP6, ma.P_DNS, ma.P_DNS4, ma.P_DNS6}, codes[0]) {
		return carrierNone
	}
	switch rest := codes[1:]; {
	case slices.Equal(rest, []int{ma.P_TCP}):
		return carrierTCP
	case slices.Equal(rest, []int{ma.P_UDP, ma.P_QUIC_V1}):
		return carrierQUIC
	case slices.Equal(rest, []int{ma.P_TCP, ma.P_WS}), slices.Equal(rest, []int{ma.P_TCP, ma.P_WSS}),
		slices.Equal(rest, []int{ma.P_TCP, ma.P_TLS, ma.P_WS}), slices.Equal(rest, []int{ma.P_TCP, ma.P_TLS, ma.P_SNI, ma.P_WS}):
		return carrierWS
	default:
		return carrierNone
	}
}
