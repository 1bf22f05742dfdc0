package fleet

import (
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Connected is what the operator sees of one connected node.
type Connected struct {
	Member
	AddressClass string
	Since        time.Time
	RTT          time.Duration // zero until the first pong
	Sharing      wire.Reason   // OK, or why it does not share
	SharingAgain time.Time     // when it says it will; zero if it did not say
	MaxTunnels   int
	InFlight     int
	ServedRatio  float64 // 0 to 1
	Standing     int     // permille
	Quarantine   time.Time
	Quarantined  wire.Reason // why; meaningless when Quarantine is zero
}

// Connected lists the connected nodes in the order of their keys.
func (f *Fleet) Connected() []Connected {
	f.mu.RLock()
	open := append([]*session(nil), f.order...)
	f.mu.RUnlock()
	list := make([]Connected, 0, len(open))
	for _, s := range open {
		s.mu.Lock()
		list = append(list, Connected{
			Member: s.member, AddressClass: s.class, Since: s.since, RTT: s.rtt,
			Sharing: s.reason, SharingAgain: s.until, MaxTunnels: s.maxTunnels, InFlight: s.inFlight,
			ServedRatio: s.health.success(), Standing: s.health.permille, Quarantine: s.health.quarantine, Quarantined: s.health.quarantined,
		})
		s.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Connected) int { return slices.Compare(a.Key[:], b.Key[:]) })
	return list
}
