package tunnel

import "github.com/fallow-network/fallow/relay/wire"

// recentLeases is how many leases are remembered for the activity that a router
// announces under them.
const recentLeases = 1024

// recent remembers the hosts of the last leases, in a ring.
type recent struct {
	hosts map[recentKey]string
	ring  []recentKey
	next  int
}

type recentKey struct {
	router wire.Key
	serial wire.Serial
}

func newRecent() recent { return recent{hosts: make(map[recentKey]string)} }

func (r *recent) add(l *wire.Lease) {
	key := recentKey{l.Router, l.Serial}
	if len(r.ring) < recentLeases {
		r.ring = append(r.ring, key)
	} else {
		delete(r.hosts, r.ring[r.next])
		r.ring[r.next] = key
		r.next = (r.next + 1) % recentLeases
	}
	r.hosts[key] = l.Host
}

func (r *recent) host(router wire.Key, serial wire.Serial) (string, bool) {
	host, ok := r.hosts[recentKey{router, serial}]
	return host, ok
}
