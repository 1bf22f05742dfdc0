package relay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

const (
	// maxObserved bounds how many addresses routers may name as this node's own,
	// since each is one that no other router reaches through it either.
	maxObserved = 8
	observedFor = 24 * time.Hour
)

// observed is where routers have lately seen this node connect from: behind a
// home router, the only way to learn the address it must never dial. It is not
// for concurrent use.
type observed struct {
	tell      func([]netip.Addr) // gets all of them after every change
	sightings []sighting         // oldest first
}

type sighting struct {
	router wire.Key
	addr   netip.Addr
	at     time.Time
}

// see takes what a router says at now, and forgets what is old. Only public
// addresses count; the others are not dialled anyway. When there is no room, the
// router that has named most gives up its oldest.
func (o *observed) see(router wire.Key, address string, now time.Time) {
	addr, err := netip.ParseAddr(address)
	addr = addr.Unmap()
	o.sightings = slices.DeleteFunc(o.sightings, func(s sighting) bool {
		return now.Sub(s.at) > observedFor || s.router == router && s.addr == addr
	})
	if err == nil && egress.Public(addr) == nil {
		o.sightings = append(o.sightings, sighting{router, addr, now})
	}
	if len(o.sightings) > maxObserved {
		o.giveUpOne()
	}
	addrs := make([]netip.Addr, len(o.sightings))
	for i, s := range o.sightings {
		addrs[i] = s.addr
	}
	o.tell(addrs)
}

func (o *observed) giveUpOne() {
	named := make(map[wire.Key]int)
	most := 0
	for _, s := range o.sightings {
		named[s.router]++
		most = max(most, named[s.router])
	}
	i := slices.IndexFunc(o.sightings, func(s sighting) bool { return named[s.router] == most })
	o.sightings = slices.Delete(o.sightings, i, i+1)
}
