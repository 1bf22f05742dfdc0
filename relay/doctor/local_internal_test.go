package doctor

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestClockWithoutARouter(t *testing.T) {
	if f := ownClock(time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)); f.Result != Bad || f.Do == "" {
		t.Errorf("a clock that was never set: %+v", f)
	}
	if f := ownClock(time.Now()); f.Result == Bad || f.Found == "" {
		t.Errorf("now: %+v", f)
	}
}

func TestAddressesWithoutARouter(t *testing.T) {
	for name, test := range map[string]struct {
		addrs []string
		want  Result
		says  string
	}{
		"home":        {[]string{"127.0.0.1/8", "192.168.1.7/24", "fe80::1/64"}, Good, "behind a router"},
		"home, IPv6":  {[]string{"192.168.1.7/24", "2a00:1450:4001:81b::200e/64"}, Good, "public IPv6"},
		"carrier NAT": {[]string{"100.72.3.4/10"}, Good, "100.64.0.0/10"},
		"public":      {[]string{"93.184.216.34/24"}, Good, "public IPv4"},
		"offline":     {[]string{"127.0.0.1/8", "::1/128"}, Bad, "loopback"},
	} {
		f := ownAddresses(func() (all []net.Addr, err error) {
			for _, a := range test.addrs {
				ip, n, err := net.ParseCIDR(a)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, &net.IPNet{IP: ip, Mask: n.Mask})
			}
			return all, nil
		})
		if f.Result != test.want || !strings.Contains(f.Found, test.says) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := ownAddresses(func() ([]net.Addr, error) { return nil, errors.New("no") }); f.Result != Skipped {
		t.Errorf("%+v", f)
	}
}
