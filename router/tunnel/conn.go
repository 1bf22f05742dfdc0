package tunnel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/fallow-network/fallow/relay/wire"
)

// ErrSpent says that a tunnel's lease has not enough bytes left for what was
// to be written. Nothing of it was sent; a fresh tunnel takes it.
var ErrSpent error = spentError{}

type spentError struct{}

func (spentError) Error() string    { return "the tunnel's lease is spent" }
func (spentError) LeaseSpent() bool { return true }

// spareDown is how much of a lease must be left in the downward direction for
// another request to start: the largest page a fetch accepts, and its head.
const spareDown = 11 << 20

// Conn is one tunnel. It is a net.Conn: reading and writing may go on at the
// same time, each from one goroutine.
type Conn struct {
	stream  network.Stream
	lease   *wire.Lease
	address string
	account Account
	up      atomic.Uint64
	down    atomic.Uint64
	reading atomic.Bool // a Read is waiting: all that arrived has been taken
}

var _ net.Conn = (*Conn)(nil)

// Lease is the lease the tunnel was opened under. It must not be changed.
func (c *Conn) Lease() *wire.Lease { return c.lease }

// SiteAddress is the address the node says it dialled. It is the node's word.
func (c *Conn) SiteAddress() string { return c.address }

// Read reads what the site sent and counts it.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Store(true)
	n, err := c.stream.Read(p)
	c.reading.Store(false)
	if n > 0 {
		c.down.Add(uint64(n))
		c.account.AddDown(n)
	}
	return n, c.broken(err)
}

// Write sends to the site and counts it. A write that the lease does not cover
// is refused whole with ErrSpent, so that net/http repeats the request on
// another connection.
func (c *Conn) Write(p []byte) (int, error) {
	if c.up.Load()+uint64(len(p)) > c.lease.MaxUp || c.down.Load()+spareDown > c.lease.MaxDown {
		return 0, ErrSpent
	}
	n, err := c.stream.Write(p)
	if n > 0 {
		c.up.Add(uint64(n))
		c.account.AddUp(n)
	}
	return n, c.broken(err)
}

// broken marks an error of the stream as the tunnel's; ends and time-outs stay
// what net/http knows them as.
func (c *Conn) broken(err error) error {
	var timeout net.Error
	if err == nil || errors.Is(err, io.EOF) || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return &Error{Node: c.lease.Node, Reason: wire.TunnelBroken, Err: err}
}

// Close ends the tunnel. When everything that arrived was read (a kept tunnel
// no longer wanted) it ends in order and the node's count agrees with ours;
// otherwise it is reset, so that the node stops sending at once.
func (c *Conn) Close() error {
	if c.reading.Load() {
		return c.stream.Close()
	}
	return c.stream.Reset()
}

// LocalAddr names the router's end.
func (c *Conn) LocalAddr() net.Addr { return addr("router:" + c.lease.Router.String()) }

// RemoteAddr names the site, as seen through the node.
func (c *Conn) RemoteAddr() net.Addr {
	return addr(fmt.Sprintf("%s:%d via %s", c.lease.Host, c.lease.Port, c.lease.Node))
}

// SetDeadline bounds reads and writes.
func (c *Conn) SetDeadline(t time.Time) error { return c.stream.SetDeadline(t) }

// SetReadDeadline bounds reads.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.stream.SetReadDeadline(t) }

// SetWriteDeadline bounds writes.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.stream.SetWriteDeadline(t) }

type addr string

func (addr) Network() string  { return "fallow" }
func (a addr) String() string { return string(a) }
