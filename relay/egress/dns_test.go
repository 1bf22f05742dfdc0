package egress_test

import (
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// answer is what a DNS server says about one name and one type.
type answer struct {
	cname string
	addrs []string
	code  dnsmessage.RCode
}

// dnsServer answers over UDP with whatever the test decides, query by query.
type dnsServer struct {
	addr netip.AddrPort

	mu      sync.Mutex
	answer  func(name string, kind dnsmessage.Type, nth int) answer
	queries map[string]int // by name and type
}

func newDNS(t *testing.T, f func(name string, kind dnsmessage.Type, nth int) answer) *dnsServer {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &dnsServer{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), answer: f, queries: make(map[string]int)}
	var serving sync.WaitGroup
	serving.Go(func() { s.serve(conn) })
	t.Cleanup(func() { _ = conn.Close(); serving.Wait() })
	return s
}

// asked is how often each name and type was asked for.
func (s *dnsServer) asked() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.queries)
}

func (s *dnsServer) serve(conn *net.UDPConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if reply, err := s.reply(buf[:n]); err == nil {
			_, _ = conn.WriteToUDPAddrPort(reply, from)
		}
	}
}

func (s *dnsServer) reply(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	s.mu.Lock()
	key := q.Name.String() + q.Type.String()
	a := s.answer(q.Name.String(), q.Type, s.queries[key])
	s.queries[key]++
	s.mu.Unlock()
	m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, a.code, nil
	owner := q.Name
	if a.cname != "" {
		target := dnsmessage.MustNewName(a.cname)
		m.Answers = append(m.Answers, resource(owner, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: target}))
		owner = target
	}
	for _, text := range a.addrs {
		addr := netip.MustParseAddr(text)
		if q.Type == dnsmessage.TypeA && addr.Is4() {
			m.Answers = append(m.Answers, resource(owner, q.Type, &dnsmessage.AResource{A: addr.As4()}))
		}
		if q.Type == dnsmessage.TypeAAAA && addr.Is6() {
			m.Answers = append(m.Answers, resource(owner, q.Type, &dnsmessage.AAAAResource{AAAA: addr.As16()}))
		}
	}
	return m.Pack()
}

func resource(owner dnsmessage.Name, kind dnsmessage.Type, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: owner, Type: kind, Class: dnsmessage.ClassINET}, // TTL 0
		Body:   body,
	}
}

// always answers every query for every name alike.
func always(addrs ...string) func(string, dnsmessage.Type, int) answer {
	return func(string, dnsmessage.Type, int) answer { return answer{addrs: addrs} }
}
