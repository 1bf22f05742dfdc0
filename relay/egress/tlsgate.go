package egress

import (
	"bytes"
	"encoding/binary"

	"github.com/fallow-network/fallow/relay/wire"
)

const (
	// largestHello is more than any server accepts as a ClientHello, in bytes.
	// It tells a hello from an encrypted message that happens to begin like one.
	largestHello = 128 << 10
	// maxEncrypted is the most a later handshake record may have, in bytes (RFC
	// 5246 §6.2.3).
	maxEncrypted = maxRecord + 2<<10
)

// TLSGate holds bytes back until they are one whole ClientHello for one host,
// however it is cut over records and reads. It goes on watching records while
// they are in the clear, because a server may ask for a second hello, which
// must name the same host. It is for one tunnel and not for concurrent use.
type TLSGate struct {
	host    string
	held    []byte // bytes as they came, not yet let out
	parsed  int    // how much of held has been looked at
	message []byte // handshake bytes of the hello being collected
	first   bool   // the first hello is out
	open    bool   // nothing is watched any more
	err     error
}

// NewTLSGate is a gate for host, as a lease spells it.
func NewTLSGate(host string) *TLSGate { return &TLSGate{host: host} }

// Answered has no meaning for TLS.
func (g *TLSGate) Answered() {}

// Admit takes the next bytes from the router and returns those that may go to
// the site now; the result is good until the next call. Once it has refused, it
// refuses for ever.
func (g *TLSGate) Admit(p []byte) ([]byte, error) {
	if g.err != nil {
		return nil, g.err
	}
	if g.open {
		return p, nil
	}
	g.held = append(g.held, p...)
	out := 0
	for !g.open {
		n, err := g.record(g.held[g.parsed:])
		if err != nil {
			g.err, g.held, g.message = err, nil, nil
			return nil, err
		}
		if n == 0 {
			break
		}
		g.parsed += n
		if len(g.message) == 0 {
			out = g.parsed
		}
	}
	if g.open {
		out = len(g.held)
	}
	if out == 0 {
		return nil, nil
	}
	passed := g.held[:out]
	g.held = bytes.Clone(g.held[out:])
	g.parsed = max(0, g.parsed-out)
	return passed, nil
}

// record looks at the record at the start of b and returns its length, 0 if
// there is not enough of it yet or the gate has opened.
func (g *TLSGate) record(b []byte) (int, error) {
	if len(b) > 0 && b[0] != recordHandshake {
		return g.otherRecord(b)
	}
	if len(b) > 1 && b[1] != 3 {
		return 0, refuse(wire.TLSNotTLS, "record of version %d", b[1])
	}
	if len(b) < recordHeader {
		return 0, nil
	}
	length := int(binary.BigEndian.Uint16(b[3:]))
	if err := g.recordBounds(int(b[2]), length); err != nil {
		return 0, err
	}
	whole := recordHeader + length
	fragment := b[recordHeader:min(len(b), whole)]
	if err := g.peek(fragment); err != nil || g.open {
		return 0, err
	}
	if len(b) < whole {
		return 0, nil
	}
	g.message = append(g.message, fragment...)
	return whole, g.hello()
}

func (g *TLSGate) recordBounds(minor, length int) error {
	switch {
	case length == 0:
		return refuse(wire.TLSHelloMalformed, "an empty handshake record")
	case g.first && length > maxEncrypted, !g.first && length > maxRecord:
		return refuse(wire.TLSHelloMalformed, "a handshake record of %d bytes", length)
	case !g.first && (minor < 1 || minor > 3):
		return refuse(wire.TLSHelloMalformed, "record of version 3.%d", minor)
	}
	return nil
}

// otherRecord judges what is not a handshake record. Before the first hello
// there is nothing else. Before a second one a server lets ChangeCipherSpec and
// a warning pass, so they must not end the watch; application data does,
// because without early data (refused in the hello) no server skips it.
func (g *TLSGate) otherRecord(b []byte) (int, error) {
	const changeCipherSpecSize, alertSize = 1, 2
	var size int
	switch {
	case len(g.message) > 0:
		return 0, refuse(wire.TLSHelloMalformed, "a record of type %d inside a ClientHello", b[0])
	case !g.first:
		return 0, refuse(wire.TLSNotTLS, "the first byte is %#x", b[0])
	case b[0] == recordApplicationData:
		g.open = true
		return 0, nil
	case b[0] == recordChangeCipherSpec:
		size = changeCipherSpecSize
	case b[0] == recordAlert:
		size = alertSize
	default:
		return 0, refuse(wire.TLSHelloMalformed, "a record of type %d after the ClientHello", b[0])
	}
	if len(b) < recordHeader {
		return 0, nil
	}
	if length := int(binary.BigEndian.Uint16(b[3:])); length != size {
		return 0, refuse(wire.TLSHelloMalformed, "a record of type %d and %d bytes", b[0], length)
	}
	if len(b) < recordHeader+size {
		return 0, nil
	}
	return recordHeader + size, nil
}

// peek decides by the first bytes of a handshake message, as soon as they are
// there. A first message that is no ClientHello is refused. A later one opens
// the gate: the key exchange or the encrypted end of a TLS 1.2 handshake.
func (g *TLSGate) peek(fragment []byte) error {
	var start [messageHeader]byte
	n := copy(start[:], g.message)
	n += copy(start[n:], fragment)
	if n == 0 {
		return nil
	}
	if start[0] != messageClientHello {
		if !g.first {
			return refuse(wire.TLSHelloMalformed, "the first message is of type %d", start[0])
		}
		g.open = true
		return nil
	}
	if n < messageHeader {
		return nil
	}
	switch want := helloSize(start[:]); {
	case g.first && want > largestHello:
		g.open = true
	case want > maxHello:
		return refuse(wire.TLSHelloTooLarge, "%d bytes, at most %d", want, maxHello)
	}
	return nil
}

// helloSize is the size of a handshake message by its header, which counts.
func helloSize(message []byte) int {
	return messageHeader + int(message[1])<<16 + int(message[2])<<8 + int(message[3])
}

// hello judges the collected message once it is whole. Anything behind the hello
// in its last record makes it malformed.
func (g *TLSGate) hello() error {
	if len(g.message) < messageHeader || len(g.message) < helloSize(g.message) {
		return nil
	}
	name, err := ServerName(g.message)
	if err != nil {
		return err
	}
	if !equalHost(name, g.host) {
		return refuse(wire.TLSSNIMismatch, "the ClientHello names %q, the lease %q", name, g.host)
	}
	g.message, g.first = nil, true
	return nil
}

// equalHost compares ASCII letters without case and everything else exactly: a
// trailing dot makes another name.
func equalHost(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
