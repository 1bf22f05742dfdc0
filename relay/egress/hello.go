package egress

import (
	"encoding/binary"

	"github.com/fallow-network/fallow/relay/wire"
)

// maxHello is the most a ClientHello may have, header included, in bytes. A
// post-quantum key share makes it about 2 KiB.
const maxHello = 16 << 10

// The few numbers of TLS that the gate must know (RFC 8446).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23
	recordHeader           = 5
	maxRecord              = 16 << 10

	messageClientHello = 1
	messageHeader      = 4

	extensionServerName = 0
	extensionEarlyData  = 42
	extensionECH        = 0xfe0d // RFC 9849
	extensionESNI       = 0xffce // its first draft
	nameTypeHost        = 0
)

// cursor takes bytes off the front of a message. After the first shortage every
// take fails, so a parser asks once at the end.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n > len(c.rest) {
		c.bad = true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) uint8() int {
	if b := c.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (c *cursor) uint16() int {
	if b := c.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

// ServerName reads the one host name that a ClientHello asks for. hello is the
// whole handshake message with its header. Every error is a *Refusal: a
// malformed hello, none or several names, any form of encrypted hello (also the
// random filler of browsers, which looks the same), and early data, behind
// which a second hello could hide.
func ServerName(hello []byte) (string, error) {
	extensions, err := helloExtensions(hello)
	if err != nil {
		return "", err
	}
	name, named := "", false
	seen := make(map[int]bool)
	for c := (cursor{rest: extensions}); len(c.rest) > 0; {
		kind := c.uint16()
		body := c.take(c.uint16())
		switch {
		case c.bad:
			return "", refuse(wire.TLSHelloMalformed, "an extension is longer than the ClientHello")
		case seen[kind]:
			return "", refuse(wire.TLSHelloMalformed, "extension %d stands twice", kind)
		}
		seen[kind] = true
		switch kind {
		case extensionECH, extensionESNI:
			return "", refuse(wire.TLSECH, "the ClientHello is encrypted (extension %#x)", kind)
		case extensionEarlyData:
			return "", refuse(wire.TLSHelloMalformed, "the ClientHello offers early data")
		case extensionServerName:
			if name, err = hostName(body); err != nil {
				return "", err
			}
			named = true
		}
	}
	if !named {
		return "", refuse(wire.TLSSNIMissing, "the ClientHello names no server")
	}
	return name, nil
}

// helloExtensions walks over everything before the extensions (RFC 8446
// §4.1.2) and returns their list.
func helloExtensions(hello []byte) ([]byte, error) {
	c := cursor{rest: hello}
	kind := c.uint8()
	length := c.uint8()<<16 | c.uint16()
	if c.bad || kind != messageClientHello || length != len(c.rest) {
		return nil, refuse(wire.TLSHelloMalformed, "not one ClientHello")
	}
	version := c.uint16()
	c.take(32) // random
	session := c.uint8()
	c.take(session)
	suites := c.uint16()
	c.take(suites)
	methods := c.uint8()
	c.take(methods)
	extensions := c.rest
	if len(c.rest) > 0 {
		extensions = c.take(c.uint16())
	}
	switch {
	case c.bad, len(c.rest) > 0:
		return nil, refuse(wire.TLSHelloMalformed, "the ClientHello's lengths do not add up")
	case version < 0x0301 || version > 0x0303:
		return nil, refuse(wire.TLSHelloMalformed, "version %#x", version)
	case session > 32, suites == 0, suites%2 != 0, methods == 0:
		return nil, refuse(wire.TLSHelloMalformed, "session id of %d bytes, suites of %d, methods of %d", session, suites, methods)
	}
	return extensions, nil
}

// hostName reads a server_name extension, which may hold one name only (RFC
// 6066 §3).
func hostName(body []byte) (string, error) {
	c := cursor{rest: body}
	list := cursor{rest: c.take(c.uint16())}
	kind := list.uint8()
	name := list.take(list.uint16())
	if c.bad || list.bad || len(c.rest) > 0 || len(list.rest) > 0 || kind != nameTypeHost || len(name) == 0 {
		return "", refuse(wire.TLSHelloMalformed, "the server name is not one host name")
	}
	return string(name), nil
}
