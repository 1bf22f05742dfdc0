package egress

import (
	"slices"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// localNames are the endings of names that mean something inside a network, or
// nothing at all, and are never asked of a DNS server.
var localNames = []string{
	"alt",         // RFC 9476
	"arpa",        // RFC 3172; home.arpa is RFC 8375
	"corp",        // RFC 6762 appendix G
	"example",     // RFC 6761
	"home",        // RFC 6762 appendix G
	"i2p",         // in wide use, not delegated
	"internal",    // reserved by ICANN in 2024
	"intranet",    // RFC 6762 appendix G
	"invalid",     // RFC 6761
	"lan",         // RFC 6762 appendix G
	"local",       // RFC 6762
	"localdomain", // in wide use, not delegated
	"localhost",   // RFC 6761
	"onion",       // RFC 7686
	"private",     // RFC 6762 appendix G
	"test",        // RFC 6761
}

// checkName refuses what is not a public host name. In lab mode any name will
// do as long as it is not an address in disguise.
func checkName(host string, lab bool) error {
	if err := wire.CheckHost(host); err != nil {
		return &Refusal{Reason: wire.HostForbidden, Err: err}
	}
	if lab {
		return nil
	}
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 {
		return refuse(wire.HostForbidden, "%q is a single label, a name of the local network", host)
	}
	top := host[dot+1:]
	if slices.Contains(localNames, top) {
		return refuse(wire.HostForbidden, "%q ends in .%s, which is not on the public web", host, top)
	}
	if top[0] < 'a' || top[0] > 'z' || strings.ContainsRune(top, '_') {
		return refuse(wire.HostForbidden, "%q has no public top-level domain", host)
	}
	return nil
}

// checkPort ties the port to what the tunnel must carry.
func checkPort(t Target, lab bool) error {
	switch {
	case lab && t.Port != 0, t.Port == 443 && t.TLS, t.Port == 80 && !t.TLS:
		return nil
	case t.Port == 443 || t.Port == 80:
		return refuse(wire.PortForbidden, "port %d with TLS %t", t.Port, t.TLS)
	default:
		return refuse(wire.PortForbidden, "port %d is neither 80 nor 443", t.Port)
	}
}
