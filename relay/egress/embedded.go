package egress

import (
	"net/netip"
	"slices"
)

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	teredo     = netip.MustParsePrefix("2001::/32")
	in96       = []netip.Prefix{
		netip.MustParsePrefix("::/96"),
		netip.MustParsePrefix("::ffff:0:0/96"),
		netip.MustParsePrefix("::ffff:0:0:0/96"),
		nat64,
	}
)

// prefixLengths6052 are the lengths a NAT64 prefix may have (RFC 6052 §2.2).
var prefixLengths6052 = []int{32, 40, 48, 56, 64, 96}

// embedded is the IPv4 address that an address of a transition mechanism
// carries. For Teredo it is the home address behind the relay, which is the
// one that would be reached.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case addr.IsUnspecified() || addr.IsLoopback():
		return netip.Addr{}, false
	case slices.ContainsFunc(in96, func(p netip.Prefix) bool { return p.Contains(addr) }):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case nat64Local.Contains(addr):
		return embedded6052(addr, nat64Local.Bits()), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case teredo.Contains(addr):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return isatap(addr)
}

// isatap finds the interface identifier 0000:5efe or 0200:5efe before an IPv4
// address, which may stand behind any prefix (RFC 5214 §6.1).
func isatap(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	if b[8]&^2 != 0 || b[9] != 0 || b[10] != 0x5e || b[11] != 0xfe {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(b[12:16])), true
}

// embedded6052 reads the IPv4 address behind a NAT64 prefix of the given
// length; byte 8 of the address is always skipped (RFC 6052 §2.2). The length
// is one of prefixLengths6052.
func embedded6052(addr netip.Addr, bits int) netip.Addr {
	b := addr.As16()
	var v4 [4]byte
	at := bits / 8
	for i := range v4 {
		if at == 8 {
			at++
		}
		v4[i] = b[at]
		at++
	}
	return netip.AddrFrom4(v4)
}

// translatorsOf finds the NAT64 prefixes of this network in the AAAA answers to
// ipv4only.arpa, whose only true addresses are 192.0.0.170 and 192.0.0.171
// (RFC 7050 §3).
func translatorsOf(answers []netip.Addr) []netip.Prefix {
	var found []netip.Prefix
	for _, addr := range answers {
		if !addr.Is6() || addr.Is4In6() {
			continue
		}
		for _, bits := range prefixLengths6052 {
			v4 := embedded6052(addr, bits).As4()
			if v4 != [4]byte{192, 0, 0, 170} && v4 != [4]byte{192, 0, 0, 171} {
				continue
			}
			if p := netip.PrefixFrom(addr, bits).Masked(); !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	return found
}
