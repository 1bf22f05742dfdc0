package netlab_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/relay/egress"
)

// Who is who. All addresses look public, also the home's own, so that only its
// knowledge of its own networks keeps a node from dialling there.
const (
	macWorld, macHome  = "02:77:00:00:00:01", "02:77:00:00:00:02"
	home4, home6       = "45.77.10.2", "2a0f:77::2"
	gateway4, gateway6 = "45.77.10.1", "2a0f:77::1"
	dnsAddr            = "9.9.9.10"
	routerAddr         = "5.9.33.7"
	routerPort         = 4001
	seenAs             = "81.2.69.160" // the home as its router sees it
)

// own are the networks and addresses that are the user's although the registries
// call them public.
var own = prefixes("45.77.10.0/24 2a0f:77::/48 " + dnsAddr + "/32 " + seenAs + "/32")

// translators are the NAT64 prefixes of the home's network, one of each length
// that RFC 6052 allows.
var translators = prefixes(`2a0e:6400::/32 2a0e:6401:100::/40 2a0e:6402:1::/48
	2a0e:6403:1:100::/56 2a0e:6404:1:1::/64 2a0e:6405:1:1::/96`)

// special4 and special6 are the registries written down apart from the node's
// tables, so that a block dropped from those is missed.
var special4 = prefixes(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
	192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
	198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32`)

var special6 = prefixes(`::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64
	5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3ffe::/16
	3fff::/20`)

// blocks are those of both tables.
var blocks = func() []netip.Prefix {
	all := append(slices.Clone(special4), special6...)
	for _, b := range egress.Blocks() {
		if !slices.Contains(all, b.Prefix) {
			all = append(all, b.Prefix)
		}
	}
	return all
}()

// delegated is IPv6 space in ordinary use.
var delegated = prefixes("2003::/16 2400::/12 2600::/12 2610::/23 2a00::/12 2800::/12 2c00::/12 2001:200::/23 2001:4860::/32")

func prefixes(text string) []netip.Prefix {
	var all []netip.Prefix
	for p := range strings.FieldsSeq(text) {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func inAny(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}

// draw is an address of p whose free bits come from fill.
func draw(p netip.Prefix, fill func() byte) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := range raw {
		keep := min(8, max(0, p.Bits()-8*i))
		mask := byte(0xff) << (8 - keep)
		raw[i] = raw[i]&mask | fill()&^mask
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

func first() byte { return 0 }
func last() byte  { return 0xff }

// source draws addresses; the seed is fixed, so a failure comes again.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 77))} }

func (s source) byte() byte { return byte(s.Uint32()) }

func (s source) public4() netip.Addr {
	for {
		a := draw(netip.MustParsePrefix("0.0.0.0/0"), s.byte)
		if !inAny(special4, a) && !inAny(own, a) && a.String() != routerAddr {
			return a
		}
	}
}

func (s source) public6() netip.Addr {
	for {
		a := draw(delegated[s.IntN(len(delegated))], s.byte)
		if !inAny(translators, a) && !inAny(own, a) {
			return a
		}
	}
}

var (
	v4mapped = netip.MustParsePrefix("::ffff:0:0/96")
	nat64    = netip.MustParsePrefix("64:ff9b::/96")
)

// special4 is of a special IPv4 block.
func (s source) special4() netip.Addr {
	for {
		if b := blocks[s.IntN(len(blocks))]; b.Addr().Is4() {
			return draw(b, s.byte)
		}
	}
}

// edges are the first and the last address of every block.
func edges() []netip.Addr {
	var all []netip.Addr
	for _, b := range blocks {
		all = append(all, draw(b, first), draw(b, last))
	}
	return all
}

// forbidden draws what a node must never dial: half of the time from a block,
// else an encoding of an IPv4 address, the user's own or outside of 2000::/3.
func (s source) forbidden() netip.Addr {
	switch s.IntN(10) {
	case 0, 1, 2:
		return s.encoded(s.special4())
	case 3:
		return draw(own[s.IntN(len(own))], s.byte)
	case 4:
		for {
			if a := draw(netip.MustParsePrefix("::/0"), s.byte); a.As16()[0]>>5 != 1 {
				return a
			}
		}
	default:
		b := blocks[s.IntN(len(blocks))]
		if b == v4mapped || b == nat64 {
			// A public address inside the one is that public address; inside the other it
			// is what DNS64 shows for it, and is left aside when there are better answers.
			return put(b, s.special4())
		}
		return draw(b, s.byte)
	}
}

// encoded writes an IPv4 address in one of the ways that something on the way
// might read back.
func (s source) encoded(inside netip.Addr) netip.Addr {
	v4 := inside.As4()
	switch s.IntN(9) {
	case 0:
		return put(v4mapped, inside)
	case 1:
		return put(netip.MustParsePrefix("::/96"), inside)
	case 2:
		return put(netip.MustParsePrefix("::ffff:0:0:0/96"), inside)
	case 3:
		return put(nat64, inside)
	case 4:
		return put(netip.MustParsePrefix("64:ff9b:1::/48"), inside)
	case 5: // 6to4
		raw := draw(netip.MustParsePrefix("2002::/16"), s.byte).As16()
		copy(raw[2:], v4[:])
		return netip.AddrFrom16(raw)
	case 6: // Teredo
		raw := draw(netip.MustParsePrefix("2001::/32"), s.byte).As16()
		for i, b := range v4 {
			raw[12+i] = ^b
		}
		return netip.AddrFrom16(raw)
	case 7: // ISATAP behind any prefix
		raw := s.public6().As16()
		copy(raw[8:], []byte{byte(s.IntN(2)) << 1, 0, 0x5e, 0xfe})
		copy(raw[12:], v4[:])
		return netip.AddrFrom16(raw)
	default:
		return put(translators[s.IntN(len(translators))], inside)
	}
}

// put writes an IPv4 address behind a NAT64 prefix (RFC 6052, section 2.2).
func put(p netip.Prefix, inside netip.Addr) netip.Addr {
	raw, at := p.Addr().As16(), p.Bits()/8
	for _, b := range inside.As4() {
		if at == 8 {
			at++
		}
		raw[at] = b
		at++
	}
	return netip.AddrFrom16(raw)
}

// translatorAnswers are how a DNS64 shows the translators (RFC 7050).
func translatorAnswers() []netip.Addr {
	var all []netip.Addr
	for _, p := range translators {
		all = append(all, put(p, netip.MustParseAddr("192.0.0.170")))
	}
	return all
}
