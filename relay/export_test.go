package relay

import (
	"net/netip"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Observed is what a node makes of the addresses that routers tell it.
type Observed struct{ observed }

// NewObserved hands every change to tell.
func NewObserved(tell func([]netip.Addr)) *Observed { return &Observed{observed{tell: tell}} }

// See takes the word of a router.
func (o *Observed) See(router wire.Key, address string, now time.Time) { o.see(router, address, now) }

// WatchPublic hands tell what the way out is told never to dial. It is called
// before the node runs.
func (n *Node) WatchPublic(tell func([]netip.Addr)) {
	before := n.seen.tell
	n.seen.tell = func(addrs []netip.Addr) {
		before(addrs)
		tell(addrs)
	}
}
