package tunnel

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
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

// A tunnel whose lease has less than this left is worn: requests under way go
// on, the next one takes a fresh tunnel.
const (
	spareUp   = 8 << 10  // a request's head, and what HTTP/2 says while its body comes
	spareDown = 11 << 20 // the largest page a fetch accepts, and its head
)

// A tunnel that ends in order is read to its end for so long, and so many
// bytes, so that it can be reset if more comes.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 10
)

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
	quiet   atomic.Bool // a Read was waiting when the last Write began
	closed  atomic.Bool
	route   *route // told when the lease is nearly, or wholly, spent; may be nil
}

var _ net.Conn = (*Conn)(nil)

// Lease is the lease the tunnel was opened under. It must not be changed.
func (c *Conn) Lease() *wire.Lease { return c.lease }

// SiteAddress is the address the node says it dialled. It is the node's word.
func (c *Conn) SiteAddress() string { return c.address }

// Read reads what the site sent and counts it. When the lease allows nothing
// more, the error is ErrSpent.
func (c *Conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if c.down.Load() >= c.lease.MaxDown {
		return 0, c.spent()
	}
	c.reading.Store(true)
	n, err := c.take(p)
	c.reading.Store(false)
	return n, c.broken(err)
}

func (c *Conn) take(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	if n > 0 {
		c.down.Add(uint64(n))
		c.account.AddDown(n)
		c.wear()
	}
	return n, err
}

// Write sends to the site and counts it. A write that the lease does not cover
// is refused whole with ErrSpent.
func (c *Conn) Write(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	c.quiet.Store(c.reading.Load())
	if c.up.Load()+uint64(len(p)) > c.lease.MaxUp {
		return 0, c.spent()
	}
	n, err := c.stream.Write(p)
	if n > 0 {
		c.up.Add(uint64(n))
		c.account.AddUp(n)
		c.wear()
	}
	return n, c.broken(err)
}

// wear says so when the lease is nearly spent.
func (c *Conn) wear() {
	if c.route != nil && (c.up.Load()+min(spareUp, c.lease.MaxUp/2) > c.lease.MaxUp ||
		c.down.Load()+min(spareDown, c.lease.MaxDown/2) > c.lease.MaxDown) {
		c.route.worn.Store(true)
	}
}

func (c *Conn) spent() error {
	if c.route != nil {
		c.route.spent.Add(1)
	}
	return ErrSpent
}

// broken marks an error of the stream as the tunnel's; ends and time-outs stay
// what net/http knows them as. A reset by a node that is still there says only
// that one end broke off, most often the site: it reads as a reset connection.
func (c *Conn) broken(err error) error {
	var timeout net.Error
	switch {
	case err == nil || orderly(err) || errors.As(err, &timeout) && timeout.Timeout():
		return err
	case c.closed.Load():
		return net.ErrClosed
	case c.down.Load() >= c.lease.MaxDown:
		return c.spent() // the node cut it there, as it must
	case c.resetByNode(err):
		return fmt.Errorf("tunnel through %s: %w: %w", c.lease.Node, syscall.ECONNRESET, err)
	default:
		return &Error{Node: c.lease.Node, Reason: wire.TunnelBroken, Err: torn(err)}
	}
}

// orderly says whether the node ended its side of the stream. A connection that
// was torn down wraps io.EOF too, and is anything but the end of a page.
func orderly(err error) bool {
	return err == io.EOF //nolint:errorlint // exactly: see above
}

// torn hides an io.EOF within err, so that nobody above takes it for an end.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New(err.Error())
	}
	return err
}

func (c *Conn) resetByNode(err error) bool {
	reset, ok := errors.AsType[*network.StreamError](err)
	return ok && reset.Remote && !c.stream.Conn().IsClosed()
}

// Close ends the tunnel. When everything that arrived was read (a kept tunnel
// no longer wanted) it ends in order and the node's count agrees with ours;
// otherwise, or if the site goes on sending, it is reset, so that the node stops
// at once. Calls after the first do nothing.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	// TLS says goodbye first, and the site may have answered that by now.
	if !c.reading.Load() && !c.quiet.Load() || c.stream.CloseWrite() != nil {
		return c.stream.Reset()
	}
	_ = c.stream.SetReadDeadline(time.Unix(1, 0)) // wakes whoever reads
	go c.linger()
	return nil
}

func (c *Conn) linger() {
	for c.reading.Load() {
		time.Sleep(time.Millisecond)
	}
	_ = c.stream.SetReadDeadline(time.Now().Add(lingerTime))
	buf := make([]byte, 4<<10)
	for rest := lingerBytes; rest > 0; {
		n, err := c.take(buf)
		rest -= n
		if orderly(err) {
			_ = c.stream.Close()
			return
		}
		if err != nil {
			break
		}
	}
	_ = c.stream.Reset()
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
