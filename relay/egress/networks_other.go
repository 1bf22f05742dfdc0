//go:build !linux

package egress

// neighbours cannot be told here without calls into the system that we do not
// make; interface prefixes still cover a gateway or DNS server on the same
// network.
func neighbours() []Block { return nil }
