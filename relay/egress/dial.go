package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// dial connects to the first address that answers: each has a small head start
// over the next, a failure hands over at once, and those that lose the race are
// closed. The addresses have been checked; the hook checks again what the
// system is really about to connect to.
func (e *Egress) dial(ctx context.Context, addrs []netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.cfg.Bounds.DialTime, errDialTime)
	defer cancel()
	type attempt struct {
		conn net.Conn
		err  error
	}
	results := make(chan attempt, len(addrs))
	start := func(a netip.AddrPort) {
		conn, err := e.connect(ctx, a)
		results <- attempt{conn, err}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	next, pending := 0, 0
	var failures []error
	for next < len(addrs) || pending > 0 {
		select {
		case <-timer.C:
			if next < len(addrs) {
				go start(addrs[next])
				next, pending = next+1, pending+1
				timer.Reset(e.cfg.Bounds.Stagger)
			}
		case r := <-results:
			pending--
			if r.err == nil {
				cancel()
				go func() {
					for range pending {
						if late := <-results; late.conn != nil {
							_ = late.conn.Close()
						}
					}
				}()
				return r.conn, nil
			}
			failures = append(failures, r.err)
			timer.Reset(0)
		}
	}
	return nil, dialRefusal(ctx, errors.Join(failures...))
}

// connect dials one address, never a name.
func (e *Egress) connect(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{
		KeepAlive:     -1, // the tunnel's own idle bound ends it sooner
		FallbackDelay: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return e.checkConnecting(address)
		},
	}
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6"
	}
	return d.DialContext(ctx, network, a.String())
}

// checkConnecting is the last look before the first packet: whatever the code
// above did, an address that may not be dialled is not.
func (e *Egress) checkConnecting(address string) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse(wire.AddressForbidden, "about to connect to %q: %w", address, err)
	}
	if err := e.check(a.Addr().Unmap()); err != nil {
		return refuse(wire.AddressForbidden, "about to connect: %w", err)
	}
	return nil
}

var errDialTime = errors.New("no address answered in time")

// windowsRefused is WSAECONNREFUSED, which syscall.ECONNREFUSED is not.
const windowsRefused = syscall.Errno(10061)

func dialRefusal(ctx context.Context, err error) error {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	var timeout net.Error
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errDialTime):
		return stopReason(ctx)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, windowsRefused):
		return &Refusal{Reason: wire.ConnectRefused, Err: err}
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return &Refusal{Reason: wire.ConnectTimeout, Err: err}
	default:
		return &Refusal{Reason: wire.ConnectUnreachable, Err: err}
	}
}
