package solana

import "github.com/fallow-network/fallow/relay/wire"

// Marker is where the marker of a payment lies.
func (c *Chain) Marker(seq uint64) (wire.Key, error) {
	key, err := c.marker(seq)
	return wire.Key(key), err
}
