package egress

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ownSite6 is how much of IPv6 around one of the machine's own global
// addresses counts as the user's: the /48 that is the most a home is given (RFC
// 6177), since other segments of the same home share it, and that the router
// counts as one neighbourhood too.
const ownSite6 = 48

// Networks knows what belongs to the user rather than to the web: the prefixes
// of the machine's interfaces, its gateways and DNS servers where the system
// says, its public addresses as the router sees them, and the NAT64 prefixes of
// the network it is in. It is safe for concurrent use.
type Networks struct {
	source Source
	maxAge time.Duration
	now    func() time.Time

	mu          sync.Mutex
	read        time.Time // zero until the first reading succeeded
	own         []Block
	public      []netip.Addr
	translators []netip.Prefix
}

// Source reads the machine's view of its networks.
type Source interface {
	// Interfaces are the machine's addresses with their prefix lengths.
	Interfaces() ([]netip.Prefix, error)
	// Neighbours are its gateways and DNS servers. Where a system does not say,
	// the answer is empty: most of them lie within an interface's prefix anyway.
	Neighbours() []Block
}

// NewNetworks reads source at most once per maxAge, when asked.
func NewNetworks(source Source, now func() time.Time, maxAge time.Duration) *Networks {
	return &Networks{source: source, maxAge: maxAge, now: now}
}

// SetPublic replaces the machine's public addresses: what the router saw it
// connect from, which no system call can tell behind a home router. Each counts
// alone, without the network around it: a router that makes them up must not be
// able to close a site's network to the other routers.
func (n *Networks) SetPublic(addrs []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.public = n.public[:0]
	for _, a := range addrs {
		n.public = append(n.public, a.Unmap().WithZone(""))
	}
}

// SetTranslators replaces the NAT64 prefixes of the network the machine is in.
func (n *Networks) SetTranslators(prefixes []netip.Prefix) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.translators = append(n.translators[:0], prefixes...)
}

// Check reports whether addr is outside all of them. The error wraps
// ErrForbidden. As long as the interfaces could never be read, every address is
// refused; after that, the last good reading stands.
func (n *Networks) Check(addr netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.refresh(); err != nil {
		return err
	}
	if b, ok := find(n.own, addr); ok {
		return fmt.Errorf("%w: %s is in %s, %s (%s)", ErrForbidden, addr, b.Prefix, b.Name, b.Source)
	}
	for _, p := range n.public {
		if p == addr {
			return fmt.Errorf("%w: %s is this network's own public address", ErrForbidden, addr)
		}
	}
	for _, p := range n.translators {
		if p.Contains(addr) {
			return fmt.Errorf("%w: %s is behind this network's NAT64 prefix %s (RFC 7050) and means %s",
				ErrForbidden, addr, p, embedded6052(addr, p.Bits()))
		}
	}
	return nil
}

// refresh is called with mu held.
func (n *Networks) refresh() error {
	if !n.read.IsZero() && n.now().Sub(n.read) < n.maxAge {
		return nil
	}
	prefixes, err := n.source.Interfaces()
	if err != nil {
		if n.read.IsZero() {
			return fmt.Errorf("%w: the machine's own networks cannot be read: %w", ErrForbidden, err)
		}
		return nil
	}
	n.own = n.own[:0]
	for _, p := range prefixes {
		n.own = append(n.own, Block{widen(p), "a network of this machine", "interface " + p.Addr().String()})
	}
	n.own = append(n.own, n.source.Neighbours()...)
	n.read = n.now()
	return nil
}

// widen is the network around an interface's address. A global IPv6 address
// stands for the whole home, also when DHCPv6 assigned it alone.
func widen(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is6() && globalUnicast6.Contains(a) && p.Bits() > ownSite6 {
		p = netip.PrefixFrom(a, ownSite6)
	}
	return p.Masked()
}

// System is the Source of the machine itself.
type System struct{}

// Interfaces are all addresses of all interfaces.
func (System) Interfaces() ([]netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list interface addresses: %w", err)
	}
	var prefixes []netip.Prefix
	for _, a := range addrs {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(ipnet.IP)
		if !ok {
			continue
		}
		ones, size := ipnet.Mask.Size()
		addr = addr.Unmap()
		if size == 128 && addr.Is4() {
			ones -= 96
		}
		p := netip.PrefixFrom(addr, ones)
		if !p.IsValid() {
			p = netip.PrefixFrom(addr, addr.BitLen()) // a mask with holes
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}

// Neighbours are read from small files of the system, so asking is cheap.
func (System) Neighbours() []Block { return neighbours() }

func neighbour(addr netip.Addr, name, source string) Block {
	addr = addr.Unmap().WithZone("")
	return Block{netip.PrefixFrom(addr, addr.BitLen()), name, source}
}
