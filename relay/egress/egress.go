package egress

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
)

// The network's NAT64 prefixes are asked for only when something is dialled.
const (
	translatorAge   = 10 * time.Minute // an answer counts for so long
	translatorRetry = 30 * time.Second // without one, nobody asks again before
	translatorTime  = 5 * time.Second  // for the answer to come
)

// burstsPerSecond keeps a fast limit accurate: what a timer that fires late has
// missed, up to a 50th of a second, is made up for. It is never less than one
// buffer, so a slow limit of 1 Mbit/s may be exceeded by 2.6 % over 10 s.
const burstsPerSecond = 50

// Egress opens legs of tunnels to sites. It is safe for concurrent use and
// needs no closing: legs end with their contexts.
type Egress struct {
	log      *slog.Logger
	now      func() time.Time
	cfg      Config
	resolver *net.Resolver
	networks *Networks
	admitted *admission
	up, down *rate.Limiter

	learning sync.Mutex
	learned  time.Time // when the translators were last answered for, zero before
	missed   time.Time // when the last question went without an answer
}

// Target is what a verified lease says about the way to the site.
type Target struct {
	Host    string // as in the lease
	Port    uint16
	TLS     bool   // a ClientHello is demanded, otherwise HTTP/1.1 heads
	MaxUp   uint64 // bytes
	MaxDown uint64 // bytes
}

// New checks the config. networks is nil in production, where the machine's own
// are read; tests bring their own.
func New(log *slog.Logger, now func() time.Time, networks *Networks, cfg Config) (*Egress, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("egress config: %w", err)
	}
	if networks == nil {
		networks = NewNetworks(System{}, now, cfg.Bounds.OwnNetworks)
	}
	e := &Egress{
		log:      log,
		now:      now,
		cfg:      cfg,
		resolver: newResolver(cfg.LabDNS),
		networks: networks,
		admitted: newAdmission(now, cfg.Bounds),
		up:       rate.NewLimiter(rate.Inf, bufferSize),
		down:     rate.NewLimiter(rate.Inf, bufferSize),
	}
	e.SetRate(cfg.BytesPerSecond)
	return e, nil
}

// SetRate changes the speed over all tunnels, each direction on its own, in
// bytes per second; 0 lifts the limit. Open tunnels follow at once.
func (e *Egress) SetRate(bytesPerSecond int64) {
	limit, burst := rate.Inf, bufferSize
	if bytesPerSecond > 0 {
		limit = rate.Limit(bytesPerSecond)
		burst = max(burst, int(bytesPerSecond/burstsPerSecond))
	}
	for _, l := range [2]*rate.Limiter{e.up, e.down} {
		l.SetLimit(limit)
		l.SetBurst(burst)
	}
}

// SetPublic tells the addresses this node is seen under from outside; they are
// never dialled.
func (e *Egress) SetPublic(addrs []netip.Addr) { e.networks.SetPublic(addrs) }

// Tunnels is how many tunnels hold a place at the moment.
func (e *Egress) Tunnels() int { return e.admitted.count() }

// Dial checks a target against name, port, bounds and addresses and connects.
// Every error is a *Refusal; nothing has been sent to anybody but the DNS
// server if its reason is HostForbidden, PortForbidden, AddressForbidden, Busy
// or RateLimited. A leg must be carried or closed.
func (e *Egress) Dial(ctx context.Context, t Target) (*Leg, error) {
	if err := checkName(t.Host, e.cfg.Lab); err != nil {
		return nil, err
	}
	if err := checkPort(t, e.cfg.Lab); err != nil {
		return nil, err
	}
	if err := e.admitted.admit(t.Host); err != nil {
		return nil, err
	}
	conn, err := e.reach(ctx, t)
	if err != nil {
		if ctx.Err() == nil {
			e.admitted.failed(t.Host)
		}
		if ReasonOf(err) == wire.AddressForbidden {
			e.log.Warn("a host leads to an address that may not be dialled", "host", t.Host, "error", err)
		}
		e.admitted.leave(t.Host)
		return nil, err
	}
	return &Leg{
		egress: e,
		target: t,
		conn:   conn,
		leave:  sync.OnceFunc(func() { e.admitted.leave(t.Host) }),
	}, nil
}

func (e *Egress) reach(ctx context.Context, t Target) (net.Conn, error) {
	addrs, err := e.resolve(ctx, t.Host, e.cfg.Lab || e.keepTranslators(ctx))
	if err != nil {
		if ctx.Err() != nil {
			return nil, stopReason(ctx)
		}
		return nil, err
	}
	targets := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		targets[i] = netip.AddrPortFrom(a, t.Port)
	}
	return e.dial(ctx, targets)
}

// check is the address rule of this node's world.
func (e *Egress) check(a netip.Addr) error {
	if e.cfg.Lab {
		return labAddress(a)
	}
	if err := Public(a); err != nil {
		return err
	}
	return e.networks.Check(a)
}

// keepTranslators reports whether the network's translators are known. It makes
// the first of several dials ask while the others wait: none may go out before
// the answer is known. Without an answer there is no telling whether an IPv6
// address leads back into the network.
func (e *Egress) keepTranslators(ctx context.Context) bool {
	e.learning.Lock()
	defer e.learning.Unlock()
	now := e.now()
	switch {
	case !e.learned.IsZero() && now.Sub(e.learned) <= translatorAge:
		return true
	case !e.missed.IsZero() && now.Sub(e.missed) <= translatorRetry:
		return false
	case e.learnTranslators(ctx):
		e.learned = e.now()
		return true
	}
	if ctx.Err() == nil {
		e.missed = e.now()
		e.log.Warn("whether this network translates IPv6 addresses is not known, so none is dialled")
	}
	return false
}

// Leg is the part of one tunnel between this node and the site.
type Leg struct {
	egress *Egress
	target Target
	conn   net.Conn
	leave  func()
}

// Address is the address that was checked and dialled.
func (l *Leg) Address() netip.AddrPort {
	a, err := netip.ParseAddrPort(l.conn.RemoteAddr().String())
	if err != nil {
		panic("egress: a TCP connection without an address: " + err.Error())
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Carry holds what the router sends against the target, carries bytes both ways
// until either end, a bound or ctx ends it, and closes both sides. It is called
// once.
func (l *Leg) Carry(ctx context.Context, tunnel Tunnel, meter Meter) Outcome {
	defer l.leave()
	var gate Gate = NewHTTPGate(l.target.Host, l.target.Port)
	if l.target.TLS {
		gate = NewTLSGate(l.target.Host)
	}
	b := l.egress.cfg.Bounds
	return Pipe(ctx, tunnel, l.conn, gate, meter, PipeLimits{
		MaxUp: l.target.MaxUp, MaxDown: l.target.MaxDown,
		Idle: b.Idle, Total: b.Total, Linger: b.Linger,
		Up: l.egress.up, Down: l.egress.down,
	})
}

// Close gives up a leg that will not be carried. After Carry it does nothing.
func (l *Leg) Close() error {
	l.leave()
	return l.conn.Close()
}
