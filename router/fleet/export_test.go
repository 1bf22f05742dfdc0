package fleet

import (
	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/wire"
)

// Observed is what a node at a is told of its own address.
func (f *Fleet) Observed(a ma.Multiaddr) string { return f.observed(a) }

// SetClump puts a connected node into a network; those of a test are all in none.
func (f *Fleet) SetClump(node wire.Key, clump string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[node].member.Clump = clump
}
