package egress

import (
	"bytes"
	"sync/atomic"

	"github.com/fallow-network/fallow/relay/wire"
)

var headEnd = []byte("\r\n\r\n")

// HTTPGate lets whole, checked request heads out and nothing else, one at a
// time: the next may only come once the site has begun to answer the last, so
// nothing can hide behind a head. It is for one tunnel; Answered may be called
// concurrently with Admit, Admit not with itself.
type HTTPGate struct {
	host    string
	port    uint16
	held    []byte
	scanned int         // no end of a head begins before it
	waiting atomic.Bool // a head is out and the site has not answered
	err     error
}

// NewHTTPGate is a gate for host and port, as a lease spells them.
func NewHTTPGate(host string, port uint16) *HTTPGate { return &HTTPGate{host: host, port: port} }

// Answered says that the site has sent something.
func (g *HTTPGate) Answered() { g.waiting.Store(false) }

// Admit takes the next bytes from the router and returns those that may go to
// the site now; the result is good until the next call. Once it has refused, it
// refuses for ever.
func (g *HTTPGate) Admit(p []byte) ([]byte, error) {
	if g.err == nil && len(p) > 0 {
		var out []byte
		if out, g.err = g.admit(p); g.err == nil {
			return out, nil
		}
		g.held = nil
	}
	return nil, g.err
}

func (g *HTTPGate) admit(p []byte) ([]byte, error) {
	if g.waiting.Load() {
		return nil, refuse(wire.HTTPMalformed, "more bytes before the site answered the last request")
	}
	g.held = append(g.held, p...)
	at := bytes.Index(g.held[g.scanned:], headEnd)
	if at < 0 {
		if len(g.held) >= maxHead {
			return nil, refuse(wire.HTTPMalformed, "a request head of more than %d bytes", maxHead)
		}
		g.scanned = max(0, len(g.held)-len(headEnd)+1)
		return nil, nil
	}
	end := g.scanned + at + len(headEnd)
	if end > maxHead {
		return nil, refuse(wire.HTTPMalformed, "a request head of more than %d bytes", maxHead)
	}
	if end < len(g.held) {
		return nil, refuse(wire.HTTPMalformed, "%d bytes behind a request head", len(g.held)-end)
	}
	head := g.held[:end]
	if err := CheckHead(head, g.host, g.port); err != nil {
		return nil, err
	}
	g.held, g.scanned = nil, 0
	g.waiting.Store(true)
	return head, nil
}
