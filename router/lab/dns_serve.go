package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// dnsUDPBytes is the largest answer over UDP; a longer one is truncated
	// and the client comes back over TCP.
	dnsUDPBytes = 512
	// dnsQueryBytes is the longest question read.
	dnsQueryBytes = 4096
)

// serveUDP answers inline: an answer is a map look-up, so one loop is enough
// and nothing can pile up.
func (d *DNS) serveUDP() {
	buf := make([]byte, dnsQueryBytes)
	for {
		n, from, err := d.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		reply, err := d.answer(buf[:n], dnsUDPBytes)
		if err != nil {
			continue // not a question: silence, as a real server
		}
		_, _ = d.udp.WriteToUDPAddrPort(reply, from) // lost like any datagram
	}
}

func (d *DNS) serveTCP() {
	for {
		d.slots <- struct{}{}
		conn, err := d.tcp.Accept()
		if err != nil {
			<-d.slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: let some close
			continue
		}
		if !d.track(conn) {
			<-d.slots
			_ = conn.Close()
			return
		}
		d.wg.Go(func() {
			defer func() { <-d.slots }()
			defer d.untrack(conn)
			d.serveConn(conn)
		})
	}
}

// track remembers a connection for Close; false once closed.
func (d *DNS) track(conn net.Conn) bool {
	d.connMu.Lock()
	defer d.connMu.Unlock()
	if d.closed {
		return false
	}
	d.conns[conn] = struct{}{}
	return true
}

func (d *DNS) untrack(conn net.Conn) {
	d.connMu.Lock()
	delete(d.conns, conn)
	d.connMu.Unlock()
	_ = conn.Close()
}

// serveConn answers length-prefixed questions until the client stops.
func (d *DNS) serveConn(conn net.Conn) {
	for {
		if err := conn.SetDeadline(time.Now().Add(dnsTCPWait)); err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(size[:]))
		if n > dnsQueryBytes {
			return
		}
		query := make([]byte, n)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply, err := d.answer(query, 1<<16-1)
		if err != nil {
			return
		}
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(reply)))
		if _, err := conn.Write(append(framed, reply...)); err != nil {
			return
		}
	}
}

// answer builds the reply to one message, at most limit bytes; an error when
// the message is not a question.
func (d *DNS) answer(query []byte, limit int) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, fmt.Errorf("read dns header: %w", err)
	}
	if header.Response {
		return nil, errors.New("dns message is a response")
	}
	reply := dnsmessage.Header{
		ID: header.ID, Response: true, OpCode: header.OpCode, Authoritative: true,
		RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
	}
	question, err := parser.Question()
	switch {
	case err != nil:
		reply.RCode = dnsmessage.RCodeFormatError
		return pack(reply, nil, nil, 0)
	case header.OpCode != 0:
		reply.RCode = dnsmessage.RCodeNotImplemented
		return pack(reply, &question, nil, 0)
	case question.Class != dnsmessage.ClassINET:
		reply.RCode = dnsmessage.RCodeRefused
		return pack(reply, &question, nil, 0)
	}
	d.queries.Add(1)
	addrs, known := d.lookup(foldName(question.Name.String()))
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	packed, err := pack(reply, &question, addrs, d.ttl)
	if err != nil {
		return nil, err
	}
	if len(packed) > limit {
		reply.Truncated = true
		return pack(reply, &question, nil, 0)
	}
	return packed, nil
}

// pack writes a message with those of addrs that the question asks for.
func pack(header dnsmessage.Header, question *dnsmessage.Question, addrs []netip.Addr, ttl uint32) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, header)
	b.EnableCompression()
	if question == nil {
		return b.Finish()
	}
	err := errors.Join(b.StartQuestions(), b.Question(*question), b.StartAnswers())
	resource := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: ttl}
	for _, addr := range addrs {
		switch {
		case question.Type == dnsmessage.TypeA && addr.Is4():
			err = errors.Join(err, b.AResource(resource, dnsmessage.AResource{A: addr.As4()}))
		case question.Type == dnsmessage.TypeAAAA && !addr.Is4():
			err = errors.Join(err, b.AAAAResource(resource, dnsmessage.AAAAResource{AAAA: addr.As16()}))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("build dns answer for %s: %w", question.Name, err)
	}
	return b.Finish()
}
