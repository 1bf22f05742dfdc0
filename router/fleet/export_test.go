package fleet

import ma "github.com/multiformats/go-multiaddr"

// Observed is what a node at a is told of its own address.
func (f *Fleet) Observed(a ma.Multiaddr) string { return f.observed(a) }
