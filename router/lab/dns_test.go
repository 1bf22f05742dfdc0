package lab_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

func newDNS(t *testing.T, names map[string][]netip.Addr) *lab.DNS {
	t.Helper()
	server, err := lab.ServeDNS(lab.DNSConfig{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestDNSAnswers(t *testing.T) {
	t.Parallel()
	var many []netip.Addr
	for i := range 60 {
		many = append(many, netip.AddrFrom4([4]byte{127, 1, 0, byte(i)}))
	}
	server := newDNS(t, map[string][]netip.Addr{
		"*.fallow.test":    addrs("127.0.0.1"),
		"both.fallow.test": addrs("127.0.0.2", "::1"),
		"v6.fallow.test":   addrs("::1"),
		"many.fallow.test": many, // does not fit a datagram: the client comes back over TCP
	})
	cases := []struct {
		name, network string
		want          []netip.Addr // nil: not found
	}{
		{"a.fallow.test", "ip4", addrs("127.0.0.1")},
		{"deep.er.fallow.test", "ip", addrs("127.0.0.1")},
		{"BOTH.fallow.TEST", "ip", addrs("127.0.0.2", "::1")},
		{"both.fallow.test", "ip4", addrs("127.0.0.2")},
		{"both.fallow.test", "ip6", addrs("::1")},
		{"v6.fallow.test", "ip4", nil},
		{"many.fallow.test", "ip4", many},
		{"fallow.test", "ip", nil},
		{"example.com", "ip", nil},
	}
	for _, c := range cases {
		t.Run(c.name+" "+c.network, func(t *testing.T) {
			got, err := server.Resolver().LookupNetIP(t.Context(), c.network, c.name+".")
			if c.want == nil {
				var dnsErr *net.DNSError
				if !errors.As(err, &dnsErr) || !dnsErr.IsNotFound {
					t.Fatalf("got %v, %v; want not found", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				got[i] = got[i].Unmap()
			}
			slices.SortFunc(got, netip.Addr.Compare)
			want := slices.SortedFunc(slices.Values(c.want), netip.Addr.Compare)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	if server.Queries() < int64(len(cases)) {
		t.Errorf("counted %d questions, asked at least %d", server.Queries(), len(cases))
	}
}

func TestDNSMovesAName(t *testing.T) {
	t.Parallel()
	server := newDNS(t, map[string][]netip.Addr{"a.test": addrs("127.0.0.1")})
	if err := server.Set("a.test", addrs("127.0.0.9")...); err != nil {
		t.Fatal(err)
	}
	got, err := server.Resolver().LookupNetIP(t.Context(), "ip4", "a.test.")
	if err != nil || len(got) != 1 || got[0].Unmap() != addrs("127.0.0.9")[0] {
		t.Fatalf("got %v, %v", got, err)
	}
	if err := server.Set("a.test", make([]netip.Addr, 65)...); err == nil {
		t.Error("65 addresses for one name were accepted")
	}
}

// Close must not hang on a client that says nothing, nor on those waiting.
func TestDNSClosesUnderLoad(t *testing.T) {
	t.Parallel()
	server, err := lab.ServeDNS(lab.DNSConfig{Names: map[string][]netip.Addr{"*.t": addrs("127.0.0.1")}, MaxTCP: 2})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				_, _ = server.Resolver().LookupNetIP(t.Context(), "ip4", fmt.Sprintf("h%d-%d.t.", i, j))
			}
		})
	}
	wg.Wait()
	start := time.Now()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("closing took %v", took)
	}
}

// An answer too long for a datagram says so, and comes whole over TCP.
func TestDNSTruncates(t *testing.T) {
	t.Parallel()
	server := newDNS(t, nil)
	many := make([]netip.Addr, 64)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{127, 2, 0, byte(i)})
	}
	if err := server.Set("many.test", many...); err != nil {
		t.Fatal(err)
	}
	question := []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04many\x04test\x00\x00\x01\x00\x01")
	conn, err := net.Dial("udp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(question); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 4096)
	n, err := conn.Read(reply)
	if err != nil {
		t.Fatal(err)
	}
	const truncated = 0x02 // in the third byte
	if n > 512 || reply[2]&truncated == 0 {
		t.Errorf("%d bytes over UDP, truncated is %v", n, reply[2]&truncated != 0)
	}
	over := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", server.Addr())
	}}
	got, err := over.LookupNetIP(t.Context(), "ip4", "many.test.")
	if err != nil || len(got) != 64 {
		t.Errorf("got %d addresses over TCP, %v", len(got), err)
	}
}

func FuzzDNSMessage(f *testing.F) {
	server, err := lab.ServeDNS(lab.DefaultDNSConfig())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = server.Close() })
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x06fallow\x04test\x00\x00\x01\x00\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > 1200 {
			return
		}
		conn, err := net.Dial("udp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(message); err != nil {
			t.Fatal(err)
		}
		// Still there for the next question?
		if _, err := server.Resolver().LookupNetIP(t.Context(), "ip4", "x.fallow.test."); err != nil {
			t.Fatal(err)
		}
	})
}
