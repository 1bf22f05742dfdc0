package egress_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

func lab(t *testing.T, dns *dnsServer, change ...func(*egress.Config)) *egress.Egress {
	t.Helper()
	cfg := egress.DefaultConfig()
	cfg.Lab, cfg.LabDNS = true, dns.addr
	for _, f := range change {
		f(&cfg)
	}
	e, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// canary listens on a loopback address and counts who comes.
func canary(t *testing.T) (port uint16, hits func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	came := make(chan struct{}, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came <- struct{}{}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), func() int { return len(came) }
}

func dial(t *testing.T, e *egress.Egress, host string, port uint16) (*egress.Leg, error) {
	t.Helper()
	leg, err := e.Dial(t.Context(), egress.Target{Host: host, Port: port, TLS: true, MaxUp: 1, MaxDown: 1})
	if err == nil {
		t.Cleanup(func() { _ = leg.Close() })
	}
	return leg, err
}

func TestDialsTheAddressItChecked(t *testing.T) {
	port, hits := canary(t)
	// The second answer is where the name would lead if anyone asked twice.
	dns := newDNS(t, func(_ string, _ dnsmessage.Type, nth int) answer {
		return answer{addrs: []string{[]string{"127.0.0.1", "127.0.0.66"}[min(nth, 1)]}}
	})
	leg, err := dial(t, lab(t, dns), "site.example", port)
	if err != nil {
		t.Fatal(err)
	}
	if want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port); leg.Address() != want {
		t.Errorf("dialled %s, want %s", leg.Address(), want)
	}
	for query, n := range dns.asked() {
		if n != 1 {
			t.Errorf("%s was asked %d times", query, n)
		}
	}
	if err := waitFor(func() bool { return hits() == 1 }); err != nil {
		t.Error("the site was not reached")
	}
}

func waitFor(f func() bool) error {
	for range 500 {
		if f() {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return errors.New("not within a second")
}

func TestOneForbiddenAnswerSpoilsAll(t *testing.T) {
	port, hits := canary(t)
	for name, addrs := range map[string][]string{
		"public":                {"8.8.8.8"},
		"mixed":                 {"127.0.0.1", "8.8.8.8"},
		"mixed, other order":    {"8.8.8.8", "127.0.0.1"},
		"mixed families":        {"127.0.0.1", "2606:4700::1111"},
		"metadata":              {"127.0.0.1", "169.254.169.254"},
		"zero":                  {"127.0.0.1", "0.0.0.0"},
		"public in mapped form": {"127.0.0.1", "::ffff:8.8.8.8"},
		"last of many": {
			"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5",
			"127.0.0.6", "127.0.0.7", "127.0.0.8", "9.9.9.9",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dial(t, lab(t, newDNS(t, always(addrs...))), "site.example", port)
			if egress.ReasonOf(err) != wire.AddressForbidden {
				t.Errorf("got %v", err)
			}
		})
	}
	if hits() > 0 {
		t.Errorf("%d connections were made", hits())
	}
}

func TestNamesThatLeadToForbiddenAddressesByCNAME(t *testing.T) {
	dns := newDNS(t, func(name string, _ dnsmessage.Type, _ int) answer {
		return answer{cname: "inside.example.", addrs: []string{"8.8.4.4"}}
	})
	if _, err := dial(t, lab(t, dns), "site.example", 443); egress.ReasonOf(err) != wire.AddressForbidden {
		t.Errorf("got %v", err)
	}
}

func TestDNSFailures(t *testing.T) {
	for code, want := range map[dnsmessage.RCode]wire.Reason{
		dnsmessage.RCodeNameError:     wire.DNSNotFound,
		dnsmessage.RCodeSuccess:       wire.DNSNotFound, // no address at all
		dnsmessage.RCodeServerFailure: wire.DNSFailed,
	} {
		dns := newDNS(t, func(string, dnsmessage.Type, int) answer { return answer{code: code} })
		if _, err := dial(t, lab(t, dns), "site.example", 443); egress.ReasonOf(err) != want {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
}

func TestTheNextAddressIsTriedAtOnceAfterARefusal(t *testing.T) {
	port, _ := canary(t)
	slow := func(c *egress.Config) { c.Bounds.Stagger = 5 * time.Second }
	start := time.Now()
	leg, err := dial(t, lab(t, newDNS(t, always("::1", "127.0.0.1")), slow), "site.example", port)
	if err != nil {
		t.Fatal(err)
	}
	if leg.Address().Addr().String() != "127.0.0.1" || time.Since(start) > 3*time.Second {
		t.Errorf("dialled %s after %s", leg.Address(), time.Since(start))
	}
	_, err = dial(t, lab(t, newDNS(t, always("127.0.0.77"))), "site.example", port)
	if egress.ReasonOf(err) != wire.ConnectRefused {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestCancelledDialSaysWhy(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&egress.Refusal{Reason: wire.Paused, Err: errors.New("the user paused")})
	e := lab(t, newDNS(t, always("127.0.0.1")))
	_, err := e.Dial(ctx, egress.Target{Host: "site.example", Port: 443, TLS: true})
	if egress.ReasonOf(err) != wire.Paused || e.Tunnels() != 0 {
		t.Errorf("got %v with %d tunnels open", err, e.Tunnels())
	}
}

// The last look stands on its own: the checks before it are left out here.
func TestConnectingIsCheckedOnceMore(t *testing.T) {
	port, hits := canary(t)
	loopback := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	outside, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, egress.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := outside.Connect(t.Context(), loopback); egress.ReasonOf(reasonIn(err)) != wire.AddressForbidden {
		t.Errorf("on the web, to loopback: %v", err)
	}
	inLab := lab(t, newDNS(t, always("127.0.0.1")))
	public := netip.MustParseAddrPort("192.0.2.1:443")
	if _, err := inLab.Connect(t.Context(), public); egress.ReasonOf(reasonIn(err)) != wire.AddressForbidden {
		t.Errorf("in the lab, to a public address: %v", err)
	}
	if hits() > 0 {
		t.Error("the canary was reached")
	}
}

// reasonIn keeps an error of the network apart from a refusal of ours.
func reasonIn(err error) error {
	if _, ok := errors.AsType[*egress.Refusal](err); ok {
		return err
	}
	return nil
}

func TestNames(t *testing.T) {
	for host := range strings.FieldsSeq(`example.com www.example.co.uk a_b.example.com xn--mnchen-3ya.de 1.example.com
		localhost.example.com 127.0.0.1.nip.io 10.0.0.1.example.com`) {
		if err := egress.CheckName(host, false); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for host := range strings.FieldsSeq(`localhost router intranet wpad foo.localhost printer.local x.internal metadata.google.internal
		a.home.arpa 1.0.0.127.in-addr.arpa x.onion x.test x.example x.invalid x.lan x.home x.corp x.alt x.i2p
		127.0.0.1 127.1 0x7f.1 0x7f000001 017700000001 2130706433 1.2.3.4 ::1 [::1] fe80::1%eth0 ::ffff:127.0.0.1
		example.com. .example.com ex..ample.com Example.com exa%6dple.com exa|mple.com -a.com a-.com a.1 a.0x1
		user@example.com example.com:80 example.com/ münchen.de a.c_m`) {
		if err := egress.CheckName(host, false); egress.ReasonOf(err) != wire.HostForbidden {
			t.Errorf("%s: %v", host, err)
		}
	}
	for host, ok := range map[string]bool{
		"site.test": true, "docs": true, "a.internal": true, "127.0.0.1": false, "127.1": false, "0x7f.1": false, "::1": false,
	} {
		if err := egress.CheckName(host, true); (err == nil) != ok {
			t.Errorf("in the lab, %s: %v", host, err)
		}
	}
}

func TestForbiddenNamesAreNotEvenAskedFor(t *testing.T) {
	port, hits := canary(t)
	dns := newDNS(t, always("127.0.0.1"))
	e := lab(t, dns)
	for host := range strings.FieldsSeq("127.0.0.1 127.1 2130706433 0x7f000001 ::1 SITE.example site.example.") {
		if _, err := dial(t, e, host, port); egress.ReasonOf(err) != wire.HostForbidden {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(dns.asked()) > 0 || hits() > 0 {
		t.Errorf("asked for %v, %d connections", dns.asked(), hits())
	}
}

func TestPorts(t *testing.T) {
	outside, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, egress.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []egress.Target{
		{Port: 0, TLS: true}, {Port: 22}, {Port: 25}, {Port: 8080}, {Port: 8443, TLS: true}, {Port: 80, TLS: true}, {Port: 443}, {Port: 65535},
	} {
		target.Host = "example.com"
		if _, err := outside.Dial(t.Context(), target); egress.ReasonOf(err) != wire.PortForbidden {
			t.Errorf("%+v: %v", target, err)
		}
	}
}

func TestLabDNSOutsideTheLabIsAnError(t *testing.T) {
	cfg := egress.DefaultConfig()
	cfg.LabDNS = netip.MustParseAddrPort("127.0.0.1:53")
	if _, err := egress.New(slog.New(slog.DiscardHandler), time.Now, nil, cfg); err == nil {
		t.Error("accepted")
	}
}
