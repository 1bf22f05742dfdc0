package netlab_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dns answers what it was told to, by name. Every answer has a TTL of 0.
type dns struct {
	mu    sync.Mutex
	zone  map[string][]answer
	asked map[string]int // questions for A and AAAA so far
	other []netip.Addr   // of every other name; none: there is no other
}

// answer is what a name has: each pair of questions (A and AAAA) gets the next,
// and the last one for ever.
type answer struct {
	chain []string     // CNAMEs on the way
	addrs []netip.Addr // in this order, each family to its question
}

func startDNS(t *testing.T) *dns {
	t.Helper()
	conn, err := net.ListenPacket("udp4", net.JoinHostPort(dnsAddr, "53"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	d := &dns{zone: make(map[string][]answer), asked: make(map[string]int)}
	d.set("ipv4only.arpa", answer{addrs: append(translatorAnswers(), netip.MustParseAddr("192.0.0.170"))})
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := d.reply(buf[:n]); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return d
}

func (d *dns) set(host string, answers ...answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.zone[host] = answers
}

func (d *dns) setOther(addrs ...netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.other = addrs
}

func (d *dns) reply(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	if len(m.Questions) != 1 {
		return nil, fmt.Errorf("%d questions", len(m.Questions))
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	a, ok := d.next(strings.TrimSuffix(q.Name.String(), "."), q.Type)
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	}
	name := q.Name
	add := func(kind dnsmessage.Type, body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET}, Body: body,
		})
	}
	for _, next := range a.chain {
		to, err := dnsmessage.NewName(next + ".")
		if err != nil {
			return nil, err
		}
		add(dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: to})
		name = to
	}
	for _, addr := range a.addrs {
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			add(q.Type, &dnsmessage.AResource{A: addr.As4()})
		case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
			add(q.Type, &dnsmessage.AAAAResource{AAAA: addr.As16()})
		}
	}
	return m.Pack()
}

func (d *dns) next(host string, kind dnsmessage.Type) (answer, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	answers, ok := d.zone[host]
	if !ok {
		return answer{addrs: d.other}, len(d.other) > 0
	}
	key := kind.String() + " " + host
	n := d.asked[key]
	d.asked[key]++
	return answers[min(n, len(answers)-1)], true
}
