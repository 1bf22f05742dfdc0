package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
)

// newResolver is Go's own, so that it behaves alike everywhere; in the lab it
// asks the lab's server alone.
func newResolver(labDNS netip.AddrPort) *net.Resolver {
	r := &net.Resolver{PreferGo: true}
	if labDNS.IsValid() {
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, labDNS.String())
		}
	}
	return r
}

// resolve asks once for both families and returns addresses that may be
// dialled, IPv6 and IPv4 alternating. One forbidden answer spoils all: an
// honest site has none, and a mixed answer is how a name is made to point into
// somebody's home. Unless the network's translators are known, IPv6 addresses
// are checked and then left out.
func (e *Egress) resolve(ctx context.Context, host string, translatorsKnown bool) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Bounds.ResolveTime)
	defer cancel()
	// The trailing dot keeps the machine's search domains out of it.
	answers, err := e.resolver.LookupNetIP(ctx, "ip", host+".")
	if err != nil {
		if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
			return nil, &Refusal{Reason: wire.DNSNotFound, Err: err}
		}
		return nil, &Refusal{Reason: wire.DNSFailed, Err: err}
	}
	var v6, v4 []netip.Addr
	for _, a := range answers {
		a = a.Unmap() // Go gives A records in mapped form too
		if e.synthesised(a) {
			continue
		}
		if err := e.check(a); err != nil {
			return nil, &Refusal{Reason: wire.AddressForbidden, Err: err}
		}
		if a.Is4() && !slices.Contains(v4, a) {
			v4 = append(v4, a)
		} else if a.Is6() && !slices.Contains(v6, a) {
			v6 = append(v6, a)
		}
	}
	if !translatorsKnown && len(v6) > 0 {
		if len(v4) == 0 {
			return nil, refuse(wire.DNSFailed, "%s has IPv6 addresses only, and this network's translators are not known", host)
		}
		v6 = nil
	}
	if len(v4)+len(v6) == 0 {
		return nil, refuse(wire.AddressForbidden, "%s has only addresses made up by NAT64", host)
	}
	return alternate(v6, v4, e.cfg.Bounds.MaxAddresses), nil
}

// synthesised reports an AAAA answer that DNS64 made from a public IPv4
// address. It is left aside without spoiling the rest, since on such a network
// every IPv4 site has one; it is never dialled.
func (e *Egress) synthesised(a netip.Addr) bool {
	if e.cfg.Lab || !nat64.Contains(a) {
		return false
	}
	v4, _ := embedded(a)
	return e.check(v4) == nil
}

func alternate(a, b []netip.Addr, most int) []netip.Addr {
	var out []netip.Addr
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			out = append(out, a[i])
		}
		if i < len(b) {
			out = append(out, b[i])
		}
	}
	return out[:min(len(out), most)]
}

// learnTranslators asks for this network's NAT64 prefixes (RFC 7050) and
// reports whether it got an answer; that there is no such address is one.
func (e *Egress) learnTranslators(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, min(translatorTime, e.cfg.Bounds.ResolveTime))
	defer cancel()
	answers, err := e.resolver.LookupNetIP(ctx, "ip6", "ipv4only.arpa.")
	if dns, ok := errors.AsType[*net.DNSError](err); err != nil && (!ok || !dns.IsNotFound) {
		return false
	}
	e.networks.SetTranslators(translatorsOf(answers))
	return true
}
