package egress

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
)

// bufferSize is how much is read at once, per direction, in bytes.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Tunnel is the router's end of a tunnel; a libp2p stream is one.
type Tunnel interface {
	io.ReadWriter
	// CloseWrite says that nothing more will be written.
	CloseWrite() error
	// Close ends both directions in good order.
	Close() error
	// Reset ends both directions so that the other side sees an error.
	Reset() error
}

// Gate decides what may go up. TLSGate and HTTPGate are the two.
type Gate interface {
	// Admit takes the next bytes and returns those that may go now, or a
	// *Refusal.
	Admit(p []byte) ([]byte, error)
	// Answered is called, from another goroutine, when bytes come down.
	Answered()
}

// Meter counts bytes as they are handed on. Each method is called by one
// goroutine, the two concurrently.
type Meter interface {
	Up(n int)
	Down(n int)
}

// PipeLimits bound one tunnel. Zero means zero, except that a nil limiter does
// not limit.
type PipeLimits struct {
	MaxUp, MaxDown uint64        // bytes
	Idle           time.Duration // without a byte either way
	Total          time.Duration
	Linger         time.Duration // for the router to close once the site has
	Up, Down       *rate.Limiter // bytes per second over all tunnels; burst of at least 32 KiB
}

// Outcome is how a tunnel ended.
type Outcome struct {
	// Reason is OK when each end closed in good order, SiteReset or RouterReset
	// when that one broke off, otherwise the bound, gate or cause that cut it.
	Reason wire.Reason
	Err    error  // the detail; nil with OK
	Up     uint64 // bytes handed to the site
	Down   uint64 // bytes handed to the router
}

// Pipe carries bytes between tunnel and site until both directions have ended
// or something cuts it, closes both, and returns when nothing of it runs any
// more. After a cut or an error both ends see a reset, so that neither takes
// what it got for the whole. ctx may be cancelled with a *Refusal as its cause.
func Pipe(ctx context.Context, tunnel Tunnel, site net.Conn, gate Gate, meter Meter, l PipeLimits) Outcome {
	p := &pipe{
		tunnel: tunnel, site: site, gate: gate, meter: meter, limits: l,
		start: time.Now(), siteDone: make(chan struct{}),
	}
	p.ctx, p.cut = context.WithCancelCause(ctx)
	defer p.cut(nil)
	finished := make(chan struct{})
	var both, watcher sync.WaitGroup
	watcher.Go(func() { p.watch(finished) })
	both.Go(p.sendUp)
	both.Go(p.sendDown)
	both.Wait()
	close(finished)
	watcher.Wait()
	return p.outcome()
}

type pipe struct {
	ctx    context.Context         // ends with the reason to cut
	cut    context.CancelCauseFunc // the first reason stands
	tunnel Tunnel
	site   net.Conn
	gate   Gate
	meter  Meter
	limits PipeLimits
	start  time.Time

	up, down atomic.Uint64
	moved    atomic.Int64  // when a byte last moved, in nanoseconds since start
	siteDone chan struct{} // closed when all that the site sent has been handed on
}

func (p *pipe) touch() { p.moved.Store(int64(time.Since(p.start))) }

// watch breaks the pipe off when it is cut or over a bound of time. It looks
// about once per idle bound, not per byte, so an idle tunnel wakes nobody.
func (p *pipe) watch(finished <-chan struct{}) {
	total, idle := time.NewTimer(p.limits.Total), time.NewTimer(p.limits.Idle)
	defer total.Stop()
	defer idle.Stop()
	siteDone, linger := p.siteDone, (<-chan time.Time)(nil)
	for {
		select {
		case <-finished:
			return
		case <-p.ctx.Done():
			p.breakOff()
			return
		case <-total.C:
			p.cut(refuse(wire.TotalTime, "open for %s", p.limits.Total))
		case <-idle.C:
			rest := p.limits.Idle - (time.Since(p.start) - time.Duration(p.moved.Load()))
			if rest <= 0 {
				p.cut(refuse(wire.Idle, "nothing moved for %s", p.limits.Idle))
			} else {
				idle.Reset(rest)
			}
		case <-siteDone:
			siteDone, linger = nil, time.After(p.limits.Linger)
		case <-linger:
			_ = p.tunnel.Close()
		}
	}
}

func (p *pipe) breakOff() {
	if tcp, ok := p.site.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset rather than a clean end
	}
	_ = p.site.Close()
	_ = p.tunnel.Reset()
}

func (p *pipe) outcome() Outcome {
	o := Outcome{Reason: wire.OK, Up: p.up.Load(), Down: p.down.Load()}
	if p.ctx.Err() != nil {
		p.breakOff()
		o.Err = stopReason(p.ctx)
		o.Reason = ReasonOf(o.Err)
		return o
	}
	_ = p.site.Close()
	_ = p.tunnel.Close()
	return o
}

func (p *pipe) sendUp() {
	err := p.copy(p.site, p.tunnel, direction{
		most: p.limits.MaxUp, sent: &p.up, pace: p.limits.Up, admit: p.gate.Admit,
		count: p.meter.Up, full: wire.MaxUp, readReason: wire.RouterReset, writeReason: wire.SiteReset,
	})
	if err != nil && !p.over(err) {
		p.cut(err)
		return
	}
	if half, ok := p.site.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (p *pipe) sendDown() {
	err := p.copy(p.tunnel, p.site, direction{
		most: p.limits.MaxDown, sent: &p.down, pace: p.limits.Down, admit: p.answered,
		count: p.meter.Down, full: wire.MaxDown, readReason: wire.SiteReset, writeReason: wire.RouterReset,
	})
	if err != nil {
		p.cut(err)
		return
	}
	close(p.siteDone)
	_ = p.tunnel.CloseWrite()
}

// over reports whether err comes when nothing more is owed to anybody: the
// router leaves after it was handed all that the site sent, how it does that is
// its own affair; or the site takes nothing more because it has ended, as when
// the router still answers its close_notify. The latter shows in the other
// direction, as an end or as a reset, and is waited for there.
func (p *pipe) over(err error) bool {
	switch ReasonOf(err) {
	case wire.RouterReset:
		select {
		case <-p.siteDone:
			return true
		default:
			return false
		}
	case wire.SiteReset:
		select {
		case <-p.siteDone:
			return true
		case <-p.ctx.Done(): // at the latest when nothing moves any more
			return false
		}
	default:
		return false
	}
}

func (p *pipe) answered(b []byte) ([]byte, error) {
	p.gate.Answered()
	return b, nil
}

// direction is what differs between up and down.
type direction struct {
	most                    uint64
	sent                    *atomic.Uint64
	pace                    *rate.Limiter
	admit                   func([]byte) ([]byte, error)
	count                   func(int)
	full                    wire.Reason
	readReason, writeReason wire.Reason
}

// copy ends with nil when from ends in good order. It never hands on more than
// d.most bytes, and exactly that many before it says so.
func (p *pipe) copy(to io.Writer, from io.Reader, d direction) error {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	for {
		n, readErr := from.Read(buffer[:])
		if n > 0 {
			p.touch()
			if err := p.handOn(to, buffer[:n], d); err != nil {
				return err
			}
		}
		if readErr == io.EOF { //nolint:errorlint // exactly: a connection torn down may wrap io.EOF, and is no good order
			return nil
		}
		if readErr != nil {
			return &Refusal{Reason: d.readReason, Err: readErr}
		}
	}
}

func (p *pipe) handOn(to io.Writer, b []byte, d direction) error {
	b, err := d.admit(b)
	if err != nil {
		return err
	}
	left := d.most - d.sent.Load()
	over := uint64(len(b)) > left
	if over {
		b = b[:left]
	}
	for len(b) > 0 {
		part := b[:min(len(b), bufferSize)]
		if d.pace != nil {
			if err := d.pace.WaitN(p.ctx, len(part)); err != nil {
				return &Refusal{Reason: wire.Stopping, Err: err}
			}
		}
		n, err := to.Write(part)
		if n > 0 {
			d.sent.Add(uint64(n))
			d.count(n)
			p.touch()
		}
		if err != nil {
			return &Refusal{Reason: d.writeReason, Err: err}
		}
		b = b[n:]
	}
	if over {
		return refuse(d.full, "%d bytes are all the lease allows", d.most)
	}
	return nil
}
