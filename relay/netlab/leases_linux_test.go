package netlab_test

import (
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// violation spoils a lease, or the message that carries it, before or after it is
// signed.
type violation struct {
	name  string
	spoil func(source, *wire.Lease)
	sent  func(source, *pb.TunnelOpen)
	want  []wire.Reason
}

func (s source) pick(from ...string) string { return from[s.IntN(len(from))] }

// between is at least low and less than high.
func (s source) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.Int64N(int64(high-low)))
}

func (s source) word() string {
	letters := make([]byte, 1+s.IntN(20))
	for i := range letters {
		letters[i] = 'a' + byte(s.IntN(26))
	}
	return string(letters)
}

func violations(strangers ed25519.PrivateKey) []violation {
	const year = 365 * 24 * time.Hour
	is := func(r ...wire.Reason) []wire.Reason { return r }
	spoil := func(name string, want wire.Reason, f func(source, *wire.Lease)) violation {
		return violation{name, f, nil, is(want)}
	}
	host := func(name string, want wire.Reason, f func(source) string) violation {
		return spoil(name, want, func(s source, l *wire.Lease) { l.Host = f(s) })
	}
	stranger := wire.KeyOf(strangers)
	return []violation{
		spoil("another node's", wire.LeaseNode, func(s source, l *wire.Lease) { l.Node[s.IntN(len(l.Node))] ^= 1 << s.IntN(8) }),
		spoil("expired", wire.LeaseExpired, func(s source, l *wire.Lease) {
			l.NotAfter = time.Now().Add(-s.between(wire.ClockGrace+time.Second, year))
		}),
		spoil("from the future", wire.LeaseEarly, func(s source, l *wire.Lease) {
			l.NotAfter = time.Now().Add(s.between(wire.LeaseWindow+wire.ClockGrace+patience, year))
		}),
		host("IPv4 literal", wire.HostForbidden, func(s source) string { return s.public4().String() }),
		host("special IPv4 literal", wire.HostForbidden, func(s source) string { return s.special4().String() }),
		host("IPv6 literal", wire.HostForbidden, func(s source) string { return s.public6().String() }),
		host("IPv6 in brackets", wire.HostForbidden, func(s source) string { return "[" + s.forbidden().String() + "]" }),
		host("decimal", wire.HostForbidden, func(s source) string { return fmt.Sprint(s.Uint32()) }),
		host("hexadecimal", wire.HostForbidden, func(s source) string { return fmt.Sprintf("0x%08x", s.Uint32()) }),
		host("octal", wire.HostForbidden, func(s source) string {
			return fmt.Sprintf("0%o.0%o.%d", s.IntN(256), s.IntN(256), s.IntN(65536))
		}),
		host("ends in a number", wire.HostForbidden, func(s source) string { return fmt.Sprintf("%s.%d", s.word(), s.IntN(256)) }),
		host("upper case", wire.HostForbidden, func(s source) string { return s.word() + "X.netlab-good.net" }),
		host("dot at the end", wire.HostForbidden, func(s source) string { return s.word() + ".netlab-good.net." }),
		host("bytes no name has", wire.HostForbidden, func(s source) string {
			return s.word() + s.pick(" ", "/", ":80", "@", "%00", "\x00", "\n", "..", "é") + ".netlab-good.net"
		}),
		host("a label too long", wire.HostForbidden, func(s source) string { return strings.Repeat("a", 64+s.IntN(100)) + ".net" }),
		host("single label", wire.HostForbidden, func(s source) string { return "n" + s.word() }),
		host("local name", wire.HostForbidden, func(s source) string {
			return s.word() + "." + s.pick("local", "localhost", "internal", "lan", "home", "corp", "test", "arpa", "invalid", "i2p")
		}),
		host("denied by the user", wire.SiteDenied, func(s source) string { return s.word() + ".denied-of-netlab.net" }),
		host("denied category", wire.SiteDenied, func(s source) string { return s.word() + "." + s.pick("onlyfans.com", "chaturbate.com", "onion") }),
		spoil("other port", wire.PortForbidden, func(s source, l *wire.Lease) {
			for l.Port = 443; l.Port == 443 || l.Port == 80 || l.Port == 0; {
				l.Port = uint16(s.IntN(1 << 16))
			}
			l.TLS = s.IntN(2) == 0
		}),
		spoil("443 without TLS", wire.PortForbidden, func(_ source, l *wire.Lease) { l.TLS = false }),
		spoil("80 with TLS", wire.PortForbidden, func(_ source, l *wire.Lease) { l.Port = 80 }),
		spoil("port 0", wire.LeaseMalformed, func(_ source, l *wire.Lease) { l.Port = 0 }),
		spoil("more up than allowed here", wire.LeaseCaps, func(s source, l *wire.Lease) { l.MaxUp = maxUp + 1 + s.Uint64N(wire.MaxLeaseUp-maxUp) }),
		spoil("more down than allowed here", wire.LeaseCaps, func(s source, l *wire.Lease) { l.MaxDown = maxDown + 1 + s.Uint64N(wire.MaxLeaseDown-maxDown) }),
		spoil("more up than any may", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.MaxUp = wire.MaxLeaseUp + 1 + s.Uint64()>>1 }),
		spoil("more down than any may", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.MaxDown = wire.MaxLeaseDown + 1 + s.Uint64()>>1 }),
		spoil("nothing up", wire.LeaseMalformed, func(_ source, l *wire.Lease) { l.MaxUp = 0 }),
		spoil("nothing down", wire.LeaseMalformed, func(_ source, l *wire.Lease) { l.MaxDown = 0 }),
		spoil("no job", wire.LeaseMalformed, func(_ source, l *wire.Lease) { l.Job = "" }),
		spoil("job that is not plain", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.Job = s.word() + s.pick("\n", "\x1b[2J", "é", "\x7f") }),
		spoil("job too long", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.Job = strings.Repeat("j", wire.MaxJob+1+s.IntN(100)) }),
		spoil("purpose that is no text", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.Purpose = s.word() + "\xff" }),
		spoil("purpose too long", wire.LeaseMalformed, func(s source, l *wire.Lease) { l.Purpose = strings.Repeat("p", wire.MaxPurpose+1+s.IntN(100)) }),
		{"another router's, by its own signature", func(_ source, l *wire.Lease) { l.Router = stranger }, func(_ source, o *pb.TunnelOpen) {
			o.Signature = ed25519.Sign(strangers, o.Lease)
		}, is(wire.LeaseRouter)},
		{"signed by a stranger", nil, func(_ source, o *pb.TunnelOpen) { o.Signature = ed25519.Sign(strangers, o.Lease) }, is(wire.LeaseSignature)},
		{"a bit of the signature", nil, func(s source, o *pb.TunnelOpen) { o.Signature[s.IntN(64)] ^= 1 << s.IntN(8) }, is(wire.LeaseSignature)},
		{"a bit of the lease", nil, func(s source, o *pb.TunnelOpen) { o.Lease[s.IntN(len(o.Lease))] ^= 1 << s.IntN(8) }, is(wire.LeaseSignature, wire.LeaseMalformed)},
		{"cut short", nil, func(s source, o *pb.TunnelOpen) { o.Lease = o.Lease[:s.IntN(len(o.Lease))] }, is(wire.LeaseMalformed)},
		{"bytes after it", nil, func(s source, o *pb.TunnelOpen) { o.Lease = append(o.Lease, make([]byte, 1+s.IntN(100))...) }, is(wire.LeaseMalformed)},
	}
}

// A lease that breaks a rule moves nothing, whoever signed it.
func TestViolatingLeasesReachNothing(t *testing.T) {
	inWorld(t, func(t *testing.T) {
		const honest = 3
		l, random := newLab(t), newSource(4)
		site := netip.MustParseAddr("93.184.216.34")
		l.dns.setOther(site) // whatever gets through arrives
		l.startNode()
		l.order(order{Do: "deny", Sites: []string{"denied-of-netlab.net"}})
		var used []*pb.TunnelOpen
		for range honest {
			open := l.router.sign(l.router.lease("www.netlab-good.net"))
			tunnel, reason, _, err := l.router.open(open)
			if err != nil || reason != wire.OK {
				t.Fatalf("a good lease: %s, %v", reason, err)
			}
			_ = tunnel.Reset()
			used = append(used, open)
		}
		table := violations(newKey(t))
		var mu sync.Mutex
		n, tally := campaign(t, 500, 5000), make(map[wire.Reason]int)
		eachOf(n, func(i int) {
			mu.Lock()
			s := newSource(random.Uint64())
			mu.Unlock()
			name, want, open := "used before", []wire.Reason{wire.LeaseReplayed, wire.LeaseExpired}, used[i%honest]
			if k := i % (len(table) + 1); k < len(table) {
				v, lease := table[k], l.router.lease("www.netlab-good.net")
				if v.spoil != nil {
					v.spoil(s, lease)
				}
				if open = l.router.sign(lease); v.sent != nil {
					v.sent(s, open)
				}
				name, want = v.name, v.want
			}
			tunnel, reason, _, err := l.router.open(open)
			if err == nil {
				_ = tunnel.Reset()
			}
			if err != nil || !slices.Contains(want, reason) {
				t.Errorf("%s: %s, %v, want %s", name, reason, err, want)
			}
			mu.Lock()
			defer mu.Unlock()
			tally[reason]++
		})
		l.judge(map[string]int{sight("syn", https(site)): honest})
		if reason, _, err := l.router.ask("www.netlab-good.net"); err != nil || reason != wire.OK {
			t.Errorf("a good lease after the bad ones: %s, %v", reason, err)
		}
		t.Logf("%d violating leases of %d kinds: %v", n, len(table)+1, tally)
	})
}
