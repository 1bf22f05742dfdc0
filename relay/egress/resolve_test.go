package egress_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

// resolveOnWeb resolves as a node on the real web does, through a server that
// answers f, on a machine with the given networks.
func resolveOnWeb(t *testing.T, m *machine, f func(string, dnsmessage.Type, int) answer) (*egress.Egress, *dnsServer) {
	t.Helper()
	cfg := egress.DefaultConfig()
	networks := egress.NewNetworks(m, time.Now, time.Hour)
	e, err := egress.New(slog.New(slog.DiscardHandler), time.Now, networks, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e, newDNS(t, f)
}

func TestResolvingOnTheWeb(t *testing.T) {
	home := &machine{prefixes: prefixes("81.2.69.7/24", "2a00:1:2:3::7/64")}
	for name, c := range map[string]struct {
		addrs, want string
		reason      wire.Reason
	}{
		"one":                         {"8.8.8.8", "[8.8.8.8]", wire.OK},
		"families alternate":          {"8.8.8.8 8.8.4.4 2606:4700::1 2606:4700::2 2606:4700::3", "[2606:4700::1 8.8.8.8 2606:4700::2 8.8.4.4]", wire.OK},
		"own network":                 {"81.2.69.8", "[]", wire.AddressForbidden},
		"own network besides another": {"8.8.8.8 2a00:1:2:7::1", "[]", wire.AddressForbidden},
		"mapped public":               {"::ffff:8.8.8.8", "[8.8.8.8]", wire.OK},
		"mapped private":              {"8.8.8.8 ::ffff:192.168.0.1", "[]", wire.AddressForbidden},
		"dns64 of itself":             {"8.8.8.8 64:ff9b::8.8.8.8", "[8.8.8.8]", wire.OK},
		"dns64 alone":                 {"64:ff9b::8.8.8.8", "[]", wire.AddressForbidden},
		"dns64 of a private address":  {"8.8.8.8 64:ff9b::192.168.0.1", "[]", wire.AddressForbidden},
		"dns64 of own network":        {"8.8.8.8 64:ff9b::81.2.69.8", "[]", wire.AddressForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			e, dns := resolveOnWeb(t, home, func(name string, kind dnsmessage.Type, nth int) answer {
				if name == "ipv4only.arpa." {
					return answer{}
				}
				return answer{addrs: strings.Fields(c.addrs)}
			})
			got, err := e.Resolve(t.Context(), dns.addr, "site.example")
			if fmt.Sprint(got) != c.want || egress.ReasonOf(err) != c.reason {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// On a network whose NAT64 has a prefix of its own, that prefix is a way back
// into the network and is refused.
func TestTheNetworksOwnTranslatorIsRefused(t *testing.T) {
	e, dns := resolveOnWeb(t, &machine{}, func(name string, kind dnsmessage.Type, _ int) answer {
		if name == "ipv4only.arpa." {
			return answer{addrs: []string{"2a02:5:6:7::192.0.0.170", "2a02:5:6:7::192.0.0.171"}}
		}
		return answer{addrs: []string{"2a02:5:6:7::192.168.0.1"}}
	})
	_, err := e.Resolve(t.Context(), dns.addr, "site.example")
	if egress.ReasonOf(err) != wire.AddressForbidden || !strings.Contains(err.Error(), "192.168.0.1") {
		t.Errorf("got %v", err)
	}
}

// Without an answer about translators an IPv6 address may lead back into the
// network; an answer that there are none frees it again.
func TestIPv6WaitsForTheTranslators(t *testing.T) {
	for name, c := range map[string]struct {
		code        dnsmessage.RCode
		addrs, want string
		reason      wire.Reason
	}{
		"no answer":            {dnsmessage.RCodeServerFailure, "8.8.8.8 2606:4700::1", "[8.8.8.8]", wire.OK},
		"no answer, IPv6 only": {dnsmessage.RCodeServerFailure, "2606:4700::1", "[]", wire.DNSFailed},
		"no answer, forbidden": {dnsmessage.RCodeServerFailure, "8.8.8.8 fd00::1", "[]", wire.AddressForbidden},
		"no such name":         {dnsmessage.RCodeNameError, "8.8.8.8 2606:4700::1", "[2606:4700::1 8.8.8.8]", wire.OK},
		"no such address":      {dnsmessage.RCodeSuccess, "2606:4700::1", "[2606:4700::1]", wire.OK},
	} {
		t.Run(name, func(t *testing.T) {
			e, dns := resolveOnWeb(t, &machine{}, func(name string, _ dnsmessage.Type, _ int) answer {
				if name == "ipv4only.arpa." {
					return answer{code: c.code}
				}
				return answer{addrs: strings.Fields(c.addrs)}
			})
			var asked int
			for range 2 {
				got, err := e.Resolve(t.Context(), dns.addr, "site.example")
				if fmt.Sprint(got) != c.want || egress.ReasonOf(err) != c.reason {
					t.Errorf("got %v, %v", got, err)
				}
				before := asked
				if asked = dns.asked()["ipv4only.arpa.TypeAAAA"]; asked == 0 || before != 0 && asked != before {
					t.Error("asked again at once")
				}
			}
		})
	}
}

// A name is pointed at every special block, alone and beside a public address,
// and then at a thousand public ones.
func TestNamesPointedAnywhere(t *testing.T) {
	var now []string
	e, dns := resolveOnWeb(t, &machine{}, func(name string, _ dnsmessage.Type, _ int) answer {
		if name == "ipv4only.arpa." {
			return answer{}
		}
		return answer{addrs: now}
	})
	rng := rand.New(rand.NewPCG(5, 6))
	random := func() byte { return byte(rng.Uint32()) }
	resolve := func(addrs ...string) error {
		dns.mu.Lock()
		now = addrs
		dns.mu.Unlock()
		_, err := e.Resolve(t.Context(), dns.addr, "site.example")
		return err
	}
	for _, b := range egress.Blocks() {
		a := within(b.Prefix, random)
		if a.Is4In6() || netip.MustParsePrefix("64:ff9b::/96").Contains(a) {
			continue // judged by what is inside, above
		}
		for _, addrs := range [][]string{{a.String()}, {"8.8.8.8", a.String()}} {
			if err := resolve(addrs...); egress.ReasonOf(err) != wire.AddressForbidden {
				t.Errorf("%v (%s): %v", addrs, b.Name, err)
			}
		}
	}
	for range 1000 {
		a := netip.AddrFrom4([4]byte{byte(1 + rng.IntN(9)), random(), random(), random()})
		if egress.Public(a) != nil {
			continue
		}
		if err := resolve(a.String()); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}
