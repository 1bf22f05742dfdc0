package presence

import (
	"net"
	"net/netip"
)

// way is an interface by which traffic to the web leaves.
type way struct {
	name  string
	index int
}

// probes are addresses of documentation networks (RFC 5737, RFC 3849): nobody
// has them, so the default route is theirs.
var probes = [...]netip.AddrPort{
	netip.MustParseAddrPort("198.51.100.1:9"),
	netip.MustParseAddrPort("[2001:db8::1]:9"),
}

// outward asks the system for its route to the web, for each family, with all
// its tables and policies: a UDP socket is given a peer and asked which address
// it would speak from. Nothing is sent.
func outward() []way {
	var ways []way
	for _, probe := range probes {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(probe))
		if err != nil {
			continue // no way out in this family
		}
		local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
		if w, ok := wayOf(local); ok && (len(ways) == 0 || ways[0] != w) {
			ways = append(ways, w)
		}
	}
	return ways
}

func wayOf(local netip.Addr) (way, bool) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return way{}, false
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == local.WithZone("") {
				return way{i.Name, i.Index}, true
			}
		}
	}
	return way{}, false
}
