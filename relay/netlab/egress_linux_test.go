package netlab_test

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
)

// perLife is how many failures a node is asked for before it is started anew; it
// ships with a bound of 60 a minute.
const perLife = 56

func https(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 443) }

// A judge that is blind finds everybody innocent: what a node without rules would
// send has to be seen.
func TestJudgesSee(t *testing.T) {
	inWorld(t, func(t *testing.T) {
		l, random := newLab(t), newSource(1)
		var bare []string
		for _, b := range blocks {
			bare = append(bare, https(draw(b, random.byte)).String())
		}
		for _, a := range []string{"45.77.10.9", "45.77.10.1", "2a0f:77::9", "2a0f:77:0:5::1", home4, "127.0.0.1", "::1", "0.0.0.0", dnsAddr, seenAs} {
			bare = append(bare, https(netip.MustParseAddr(a)).String())
		}
		l.order(order{Do: "bare", Bare: bare})
		world, err := l.wire.beginnings()
		if err != nil {
			t.Fatal(err)
		}
		home := l.order(order{Do: "seen"}).Seen
		count, missed := 0, []string(nil)
		for _, a := range bare {
			to := netip.MustParseAddrPort(a)
			alone := netip.AddrPortFrom(to.Addr(), 0)
			plain := netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
			if to.Addr().IsUnspecified() {
				continue // Linux turns it into its own address
			}
			if home[sight("syn", plain)]+home[sight("arp", alone)]+home[sight("neighbour", alone)] == 0 {
				missed = append(missed, a)
				continue
			}
			count++
		}
		t.Logf("%d of %d addresses seen in the home, %d on the wire; Linux itself sends nothing to %v", count, len(bare), len(world), missed)
		for _, a := range missed {
			addr := netip.MustParseAddrPort(a).Addr()
			// No route (multicast, broadcast), no zone, or no such address.
			if !addr.IsMulticast() && !addr.IsLinkLocalUnicast() && addr.String() != "255.255.255.255" && !strings.HasPrefix(addr.String(), "0.") {
				t.Errorf("a SYN to %s goes unseen", addr)
			}
		}
		for _, a := range []string{"127.0.0.1", "::1", home4, "45.77.10.1", dnsAddr, seenAs} {
			if home["syn "+https(netip.MustParseAddr(a)).String()] == 0 {
				t.Errorf("a SYN to %s goes unseen in the home", a)
			}
		}
	})
}

// attempt is one way to get a node to dial what it must not.
type attempt struct {
	host string
	form string
	bad  netip.Addr
	good netip.Addr // for rebinding: what it is until it has been checked
}

var forms = []string{"alone", "behind CNAMEs", "among good ones", "rebound"}

// prepare has the DNS server answer for it.
func (a *attempt) prepare(d *dns, random source) {
	switch a.form {
	case "alone":
		d.set(a.host, answer{addrs: []netip.Addr{a.bad}})
	case "behind CNAMEs":
		var chain []string
		for i := range 1 + random.IntN(6) {
			chain = append(chain, fmt.Sprintf("c%d.%s", i, a.host))
		}
		d.set(a.host, answer{chain: chain, addrs: []netip.Addr{a.bad}})
	case "among good ones":
		addrs := []netip.Addr{random.public4(), random.public6(), random.public4(), random.public6()}[:1+random.IntN(4)]
		addrs = append(addrs, a.bad)
		random.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
		d.set(a.host, answer{addrs: addrs})
	case "rebound":
		a.good = random.public4()
		if random.IntN(2) == 0 {
			a.good = random.public6()
		}
		d.set(a.host, answer{addrs: []netip.Addr{a.good}}, answer{addrs: []netip.Addr{a.bad}})
	}
}

// TestNothingButPublicIsDialled is invariant 2, with the network for a judge.
func TestNothingButPublicIsDialled(t *testing.T) {
	inWorld(t, func(t *testing.T) {
		l, random := newLab(t), newSource(2)
		var all []attempt
		for _, bad := range edges() {
			all = append(all, attempt{form: forms[0], bad: bad})
		}
		for n := campaign(t, 2000, 20_000); len(all) < n; {
			all = append(all, attempt{form: forms[len(all)%len(forms)], bad: random.forbidden()})
		}
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		var mu sync.Mutex
		allowed, tally := make(map[string]int), make(map[string]int)
		for from := 0; from < len(all) && !t.Failed(); from += perLife {
			life := all[from:min(from+perLife, len(all))]
			for i := range life {
				life[i].host = fmt.Sprintf("www.site%d-of-netlab.net", from+i) // a site each
				life[i].prepare(l.dns, random)
			}
			l.startNode()
			eachOf(len(life), func(i int) {
				a := life[i]
				if a.good.IsValid() {
					mu.Lock()
					allowed[sight("syn", https(a.good))]++
					mu.Unlock()
					if reason, at, err := l.router.ask(a.host); err != nil || reason != wire.OK || at != https(a.good).String() {
						t.Errorf("%s, before it was rebound: %s at %s, %v, want %s", a.host, reason, at, err, a.good)
					}
				}
				reason, _, err := l.router.ask(a.host)
				if err != nil || reason != wire.AddressForbidden {
					t.Errorf("%s %s: %s, %v", a.bad, a.form, reason, err)
				}
				mu.Lock()
				defer mu.Unlock()
				tally[a.form]++
			})
			progress(t, from, len(all))
		}
		l.judge(allowed)
		t.Logf("%d attempts: %v", len(all), tally)
	})
}

// The other half of invariant 2: what is public is served, from exactly the
// address that DNS gave.
func TestEveryPublicAddressIsServed(t *testing.T) {
	inWorld(t, func(t *testing.T) {
		const addresses, sites = 1000, 100 // a node takes 120 new sites a minute
		l, random := newLab(t), newSource(3)
		l.startNode()
		leases, want := make([]*wire.Lease, addresses), make([]netip.AddrPort, addresses)
		allowed := make(map[string]int)
		for i := range leases {
			addr := random.public4()
			if i%2 == 1 {
				addr = random.public6()
			}
			host := fmt.Sprintf("h%d.public%d-of-netlab.net", i, i%sites)
			l.dns.set(host, answer{addrs: []netip.Addr{addr}})
			leases[i], want[i] = l.router.lease(host), https(addr)
			if i%10 < 2 {
				leases[i].Port, leases[i].TLS, want[i] = 80, false, netip.AddrPortFrom(addr, 80)
			}
			allowed[sight("syn", want[i])]++
		}
		var served atomic.Int64
		eachOf(addresses, func(i int) {
			tunnel, reason, at, err := l.router.open(l.router.sign(leases[i]))
			if err != nil || reason != wire.OK || at != want[i].String() {
				t.Errorf("%s: %s at %s, %v", want[i], reason, at, err)
				return
			}
			defer func() { _ = tunnel.Reset() }()
			body, err := l.get(tunnel, leases[i], "/")
			if err != nil {
				t.Errorf("%s: %v", want[i], err)
				return
			}
			page, err := io.ReadAll(body)
			if err != nil || string(page) != want[i].String() {
				t.Errorf("%s: page %q, %v", want[i], page, err)
				return
			}
			served.Add(1)
		})
		l.judge(allowed)
		t.Logf("%d of %d public addresses served", served.Load(), addresses)
	})
}
