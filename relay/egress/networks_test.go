package egress_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
)

// machine is a made-up one.
type machine struct {
	prefixes []netip.Prefix
	near     []egress.Block
	err      error
	read     int
}

func (m *machine) Interfaces() ([]netip.Prefix, error) { m.read++; return m.prefixes, m.err }
func (m *machine) Neighbours() []egress.Block          { return m.near }

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestOwnNetworksAreRefused(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &machine{
		prefixes: prefixes("81.2.69.7/24", "2a00:1:2:3::7/64", "2a00:9:9:9::9/128", "5.5.5.5/32"),
		near:     []egress.Block{{Prefix: netip.MustParsePrefix("9.9.9.9/32"), Name: "the DNS server of this machine", Source: "test"}},
	}
	n := egress.NewNetworks(m, func() time.Time { return now }, time.Minute)
	n.SetPublic([]netip.Addr{netip.MustParseAddr("62.1.1.1"), netip.MustParseAddr("2a01:7:7:700::1")})
	n.SetTranslators(prefixes("2a02:5::/96"))
	for addr, ok := range map[string]bool{
		"81.2.69.160": false, "81.2.70.1": true,
		"2a00:1:2:3::1": false, "2a00:1:2:ffff::1": false, "2a00:1:3::1": true, // another /48
		"2a00:9:9:9:8::1": false,
		"5.5.5.5":         false, "5.5.5.6": true,
		"9.9.9.9": false, "9.9.9.10": true,
		"62.1.1.1": false, "62.1.1.2": true,
		"2a01:7:7:700::1": false, "2a01:7:7:700::2": true,
		"2a02:5::a00:1": false, "2a02:5:0:1::1": true,
	} {
		if err := n.Check(netip.MustParseAddr(addr)); (err == nil) != ok || err != nil && !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("%s: %v, want allowed %t", addr, err, ok)
		}
	}
	if m.read != 1 {
		t.Errorf("the machine was asked %d times within the minute", m.read)
	}
	m.prefixes = prefixes("81.2.70.1/24")
	now = now.Add(time.Minute)
	if err := n.Check(netip.MustParseAddr("81.2.70.9")); err == nil {
		t.Error("a network joined a minute ago is not seen")
	}
}

func TestUnreadableNetworksCloseEverything(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &machine{err: errors.New("no such luck")}
	n := egress.NewNetworks(m, func() time.Time { return now }, time.Minute)
	site := netip.MustParseAddr("8.8.8.8")
	if err := n.Check(site); !errors.Is(err, egress.ErrForbidden) {
		t.Errorf("never read: %v", err)
	}
	m.err, m.prefixes = nil, prefixes("81.2.69.7/24")
	if err := n.Check(site); err != nil {
		t.Errorf("read: %v", err)
	}
	m.err, now = errors.New("again"), now.Add(time.Hour)
	if n.Check(site) != nil || n.Check(netip.MustParseAddr("81.2.69.8")) == nil {
		t.Error("the last good reading does not stand")
	}
}

func TestThisMachineCanBeRead(t *testing.T) {
	found, err := egress.System{}.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	loopback := false
	for _, p := range found {
		loopback = loopback || p.Addr().IsLoopback()
		if !p.IsValid() {
			t.Errorf("prefix %s", p)
		}
	}
	if !loopback {
		t.Errorf("no loopback among %v", found)
	}
	for _, b := range (egress.System{}).Neighbours() {
		if !b.Prefix.IsSingleIP() || b.Name == "" {
			t.Errorf("neighbour %+v", b)
		}
	}
}
