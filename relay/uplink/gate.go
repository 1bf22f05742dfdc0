package uplink

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// gate refuses every connection except one this node dials to a configured
// router at an address the user configured. The last part matters: libp2p
// remembers addresses that peers announce of themselves, and a router must not
// be able to point the node's dialler at the home network.
type gate struct {
	mu      sync.Mutex
	allowed map[peer.ID][]ma.Multiaddr // nil value: known, not being dialled now
}

var _ connmgr.ConnectionGater = (*gate)(nil)

func newGate(routers []Router) *gate {
	g := &gate{allowed: make(map[peer.ID][]ma.Multiaddr, len(routers))}
	for _, r := range routers {
		g.allowed[r.Key.PeerID()] = nil
	}
	return g
}

// choose replaces the routers that are known.
func (g *gate) choose(routers []Router) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.allowed
	g.allowed = make(map[peer.ID][]ma.Multiaddr, len(routers))
	for _, r := range routers {
		g.allowed[r.Key.PeerID()] = before[r.Key.PeerID()]
	}
}

// permit sets the addresses at which a configured router may be dialled from
// now on; for anybody else it changes nothing.
func (g *gate) permit(id peer.ID, addrs []ma.Multiaddr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.allowed[id]; ok {
		g.allowed[id] = addrs
	}
}

func (g *gate) known(id peer.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.allowed[id]
	return ok
}

// InterceptPeerDial allows configured routers.
func (g *gate) InterceptPeerDial(id peer.ID) bool { return g.known(id) }

// InterceptAddrDial allows the permitted addresses of a configured router.
func (g *gate) InterceptAddrDial(id peer.ID, addr ma.Multiaddr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.allowed[id] {
		if a.Equal(addr) {
			return true
		}
	}
	return false
}

// InterceptAccept refuses: nodes accept nothing.
func (g *gate) InterceptAccept(network.ConnMultiaddrs) bool { return false }

// InterceptSecured refuses inbound connections and unknown keys.
func (g *gate) InterceptSecured(d network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	return d == network.DirOutbound && g.known(id)
}

// InterceptUpgraded has nothing left to check.
func (g *gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
