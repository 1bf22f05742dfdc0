package egress_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/egress"
)

// within draws an address of p; its first and last are within(p, 0x00) and
// within(p, 0xff).
func within(p netip.Prefix, fill func() byte) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := range raw {
		keep := min(8, max(0, p.Bits()-8*i))
		mask := byte(0xff) << (8 - keep)
		raw[i] = raw[i]&mask | fill()&^mask
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

func TestEverySpecialBlockIsRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fills := []func() byte{func() byte { return 0 }, func() byte { return 0xff }}
	for range 200 {
		fills = append(fills, func() byte { return byte(rng.Uint32()) })
	}
	for _, b := range egress.Blocks() {
		t.Run(b.Prefix.String(), func(t *testing.T) {
			if b.Source == "" || b.Name == "" {
				t.Error("block has no name or source")
			}
			for _, fill := range fills {
				a := within(b.Prefix, fill)
				err := egress.Public(a)
				if !errors.Is(err, egress.ErrForbidden) {
					t.Fatalf("Public(%s) = %v", a, err)
				}
			}
		})
	}
}

// The registries are written down a second time, apart from the tables, so that a
// block dropped from them is missed here.
func TestRegistryEntriesAreRefused(t *testing.T) {
	for entry := range strings.FieldsSeq(`
		0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255
		169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170
		192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255 192.31.196.1 192.52.193.1 192.88.99.1 192.88.99.2
		192.168.0.0 192.168.255.255 192.175.48.6 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.9
		224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255 100.100.100.200 168.63.129.16
		:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:8.8.8.8 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1
		64:ff9b::8.8.8.8 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 100:0:0:1::1 200::1 1fff:ffff::1
		2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:1::3 2001:2::1 2001:3::1 2001:4:112::1
		2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002::1 2002:808:808::1 2002:c0a8:1::1
		2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 fc00::1 fd00:ec2::254 fd20:ce::254
		fdff::1 fe00::1 fe80::1 febf::1 fec0::1 feff::1 ff02::1 ffff::1
		2600::5efe:a00:1 2600::200:5efe:192.168.0.1 2600:1:2:3:0:5efe:8.8.8.8`) {
		if err := egress.Public(netip.MustParseAddr(entry)); !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("Public(%s) = %v", entry, err)
		}
	}
	if err := egress.Public(netip.Addr{}); !errors.Is(err, egress.ErrForbidden) {
		t.Errorf("Public(no address) = %v", err)
	}
	err := egress.Public(netip.MustParseAddr("2600::1%eth0"))
	if !errors.Is(err, egress.ErrForbidden) || !strings.Contains(err.Error(), "zone") {
		t.Errorf("Public(address with zone) = %v", err)
	}
}

func TestRefusalNamesBlockAndRFC(t *testing.T) {
	for addr, want := range map[string][]string{
		"192.168.1.1":                          {"192.168.0.0/16", "private use", "RFC 1918"},
		"255.255.255.255":                      {"limited broadcast", "RFC 8190"},
		"169.254.169.254":                      {"cloud metadata"},
		"2002:c0a8:101::1":                     {"6to4", "RFC 3056", "192.168.1.1"},
		"64:ff9b::a00:1":                       {"NAT64", "RFC 6052", "10.0.0.1"},
		"2001:0:4136:e378:8000:63bf:3f57:fefe": {"Teredo", "RFC 4380", "192.168.1.1"},
		"2600::5efe:a00:1":                     {"ISATAP", "RFC 5214", "10.0.0.1"},
		"4000::1":                              {"2000::/3", "RFC 4291"},
	} {
		err := egress.Public(netip.MustParseAddr(addr))
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("Public(%s) = %v, want it to say %q", addr, err, part)
			}
		}
	}
}

// The addresses are random, outside a list of
// special ranges kept apart from the tables.
func TestPublicAddressesPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func() byte { return byte(rng.Uint32()) }
	special := []netip.Prefix{}
	for p := range strings.FieldsSeq(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
		192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
		198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32`) {
		special = append(special, netip.MustParsePrefix(p))
	}
	v6 := []netip.Prefix{}
	for p := range strings.FieldsSeq("2003::/16 2400::/12 2600::/12 2610::/23 2a00::/12 2800::/12 2c00::/12 2001:200::/23 2001:4860::/32") {
		v6 = append(v6, netip.MustParsePrefix(p))
	}
	all := netip.MustParsePrefix("0.0.0.0/0")
	for n := 0; n < 1000; {
		a := within(all, random)
		if inAny(special, a) {
			continue
		}
		n++
		if err := egress.Public(a); err != nil {
			t.Errorf("Public(%s) = %v", a, err)
		}
		b := within(v6[n%len(v6)], random)
		if err := egress.Public(b); err != nil {
			t.Errorf("Public(%s) = %v", b, err)
		}
	}
	for edge := range strings.FieldsSeq(`1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
		128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255
		192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 8.8.8.8 1.1.1.1 2001:200:: 2001:4860:4860::8888
		2606:4700::1111 2a00:1450:4001:80b::200e 2620:4f:7fff::1 3ffd::1`) {
		if err := egress.Public(netip.MustParseAddr(edge)); err != nil {
			t.Errorf("Public(%s) = %v", edge, err)
		}
	}
}

func inAny(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func TestLabModeIsTheInverse(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.4.4": true,
		"::1": true, "fd00::1": true,
		"8.8.8.8": false, "2606:4700::1111": false, "169.254.169.254": false, "fe80::1": false,
		"0.0.0.0": false, "::": false, "fd00:ec2::254": false, "fd20:ce::254": false, "100.64.0.1": false,
		"203.0.113.1": false, "224.0.0.1": false, "64:ff9b::7f00:1": false, "fd00::1%eth0": false,
	} {
		if err := egress.LabAddress(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("LabAddress(%s) = %v, want allowed %t", addr, err, ok)
		}
	}
}

// The vectors of RFC 6052 §2.4.
func TestEmbeddedAddress6052(t *testing.T) {
	for _, v := range []struct {
		bits int
		addr string
	}{
		{32, "2001:db8:c000:221::"},
		{40, "2001:db8:1c0:2:21::"},
		{48, "2001:db8:122:c000:2:2100::"},
		{56, "2001:db8:122:3c0:0:221::"},
		{64, "2001:db8:122:344:c0:2:2100::"},
		{96, "2001:db8:122:344::192.0.2.33"},
	} {
		if got := egress.Embedded6052(netip.MustParseAddr(v.addr), v.bits); got.String() != "192.0.2.33" {
			t.Errorf("/%d %s holds %s", v.bits, v.addr, got)
		}
	}
}

func TestTranslatorsAreFoundAtEveryLength(t *testing.T) {
	for _, v := range []struct{ answer, want string }{
		{"2a00:1:c000:aa::", "2a00:1::/32"},
		{"2a00:1:1c0:0:aa::", "2a00:1:100::/40"},
		{"2a00:1:122:c000:0:ab00::", "2a00:1:122::/48"},
		{"2a00:1:122:3c0:0:aa::", "2a00:1:122:300::/56"},
		{"2a00:1:122:344:c0:0:aa00::", "2a00:1:122:344::/64"},
		{"2a00:1:122:344::192.0.0.171", "2a00:1:122:344::/96"},
		{"64:ff9b::192.0.0.170", "64:ff9b::/96"},
	} {
		got := egress.TranslatorsOf([]netip.Addr{netip.MustParseAddr(v.answer), netip.MustParseAddr("8.8.8.8")})
		if len(got) != 1 || got[0].String() != v.want {
			t.Errorf("%s gives %v, want %s", v.answer, got, v.want)
		}
	}
}

func FuzzPublic(f *testing.F) {
	for _, b := range egress.Blocks() {
		f.Add(b.Prefix.Addr().AsSlice())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok || egress.Public(a) != nil {
			return
		}
		if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.Is4In6() || egress.LabAddress(a) == nil {
			t.Errorf("Public(%s) lets it through", a)
		}
		if inside, ok := egress.Embedded(a); ok {
			t.Errorf("Public(%s) lets through an address that means %s", a, inside)
		}
	})
}
