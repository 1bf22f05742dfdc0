package egress

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrForbidden is wrapped by every error that says an address may not be
// dialled.
var ErrForbidden = errors.New("address may not be dialled")

// Public reports whether addr is an ordinary address of the public internet.
// The error wraps ErrForbidden and names the block and its RFC.
//
// Addresses that carry an IPv4 address inside (mapped, compatible, translated,
// NAT64, 6to4, Teredo, ISATAP) are refused whatever is inside: no web site is
// published under them, and a translator on the user's network could turn them
// into anything. The error names the address inside, where there is one. A
// translator with a prefix of its own cannot be told from the address alone;
// Networks finds those (RFC 7050).
func Public(addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return fmt.Errorf("%w: no address", ErrForbidden)
	case addr.Zone() != "":
		return fmt.Errorf("%w: %s has a zone", ErrForbidden, addr)
	case addr.Is4():
		if b, ok := find(blocks4, addr); ok {
			return forbidden(addr, b)
		}
		return nil
	}
	if b, ok := find(blocks6, addr); ok {
		return forbidden(addr, b)
	}
	if !globalUnicast6.Contains(addr) {
		return fmt.Errorf("%w: %s is outside 2000::/3, global unicast (RFC 4291)", ErrForbidden, addr)
	}
	if inside, ok := isatap(addr); ok {
		return fmt.Errorf("%w: %s is an ISATAP address (RFC 5214) of %s", ErrForbidden, addr, inside)
	}
	return nil
}

// labAddress is Public inverted: only loopback and private addresses pass, and
// cloud metadata never does.
func labAddress(addr netip.Addr) error {
	if !addr.IsValid() || addr.Zone() != "" {
		return fmt.Errorf("%w: %s is not a plain address", ErrForbidden, addr)
	}
	if b, ok := find(Blocks(), addr); ok && b.Name == "cloud metadata" {
		return forbidden(addr, b)
	}
	if _, ok := find(labBlocks, addr); !ok {
		return fmt.Errorf("%w: %s is neither loopback nor private, and this is lab mode", ErrForbidden, addr)
	}
	return nil
}

func forbidden(addr netip.Addr, b Block) error {
	if inside, ok := embedded(addr); ok {
		return fmt.Errorf("%w: %s is in %s, %s (%s), and means %s",
			ErrForbidden, addr, b.Prefix, b.Name, b.Source, inside)
	}
	return fmt.Errorf("%w: %s is in %s, %s (%s)", ErrForbidden, addr, b.Prefix, b.Name, b.Source)
}
