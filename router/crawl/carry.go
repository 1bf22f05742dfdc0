package crawl

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// carried is a fetch that went through.
type carried struct {
	*fetch.Result
	node    wire.Key
	country string
	lease   wire.Serial
	before  *mark // what was remembered of the address, if it was asked for with that
}

// errNoNode says that no node could be had in time; nothing was tried.
var errNoNode = errors.New("no node to fetch through")

// suspicion is a node's failure that only counts once another node succeeds:
// until then it may as well be the site's.
type suspicion struct {
	node   wire.Key
	kind   fetch.Kind
	detail string
}

// target is what to fetch and how gently.
type target struct {
	url, site string
	country   string        // of the node; empty: any
	delay     time.Duration // least time between two requests to the site
	before    *mark         // ask only for what has changed since; nil: for the page
}

// carry fetches an address through a node, and through others when the failure
// may be the node's doing. The error is errNoNode, the context's, or a
// *fetch.Failure, the last one.
func (c *Crawler) carry(ctx context.Context, f *fetch.Fetcher, j *job.Job, to target) (*carried, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.FetchTime)
	defer cancel()
	if to.delay > 0 { // the floors hold
		leave, err := c.turns.take(ctx, to.site)
		if err != nil {
			return nil, errNoNode
		}
		defer leave()
	}
	want := Want{Site: to.site, Country: to.country, Job: j}
	var suspects []suspicion
	last := errNoNode
	for fresh := 0; len(want.Avoid) < c.cfg.MaxNodes; {
		if c.pace.wait(ctx, to.site, to.delay) != nil {
			return nil, last
		}
		hold, err := c.hold(ctx, want)
		if err != nil {
			return nil, last
		}
		got, err := c.through(ctx, f, hold, j, to)
		if err == nil {
			hold.Done(Served)
			c.accuse(to.site, suspects)
			return got, nil
		}
		var failure *fetch.Failure
		if !errors.As(err, &failure) {
			hold.Done(Unused)
			return nil, err
		}
		if ctx.Err() != nil && failure.Kind == fetch.KindCancelled {
			hold.Done(Unused)
			return nil, ctx.Err()
		}
		if spent(err) && fresh < 2 {
			fresh++ // the kept tunnel had no allowance left: the same node, a new tunnel
			hold.Done(Unused)
			continue
		}
		hold.Done(blameOf(failure))
		last = failure
		if !failure.Elsewhere() {
			return nil, failure
		}
		suspects = append(suspects, suspicion{hold.Node(), failure.Kind, failure.Error()})
		want.Avoid = append(want.Avoid, hold.Node())
	}
	return nil, last
}

// hold waits up to NodeWait for a node.
func (c *Crawler) hold(ctx context.Context, want Want) (Hold, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.NodeWait)
	defer cancel()
	for {
		changed := c.fleet.Changed()
		hold, err := c.fleet.Hold(want)
		if err == nil {
			return hold, nil
		}
		if r := c.run(want.Job.ID); r != nil {
			r.wait(err.Error())
		}
		var none interface{ Exhausted() bool }
		if errors.As(err, &none) && none.Exhausted() {
			return nil, errNoNode
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errNoNode
		}
	}
}

func (c *Crawler) through(ctx context.Context, f *fetch.Fetcher, hold Hold, j *job.Job, to target) (*carried, error) {
	got := &carried{node: hold.Node(), country: hold.Country()}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			got.lease = leaseOf(info.Conn)
			c.frontier.Located(to.site, addressOf(info.Conn))
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			c.pace.sent(to.site, to.delay)
			c.noteVisit(to.url, j)
		},
	})
	var conditions http.Header
	if to.before != nil {
		conditions = to.before.conditions()
	}
	got.before = to.before
	result, err := f.FetchIf(ctx, hold.Transport(), to.url, conditions)
	if err != nil {
		return nil, err
	}
	got.Result = result
	c.fleet.Announce(got.node, got.lease, to.url)
	return got, nil
}

// leased is a connection that knows the lease it runs under; a tunnel is.
type leased interface{ Lease() *wire.Lease }

// located is a connection that knows the site's address; a tunnel has the node's
// word for it.
type located interface{ SiteAddress() string }

func leaseOf(conn net.Conn) wire.Serial {
	if tunnel, ok := below(conn).(leased); ok {
		return tunnel.Lease().Serial
	}
	return wire.Serial{}
}

// addressOf is the site's address, zero where it cannot be told.
func addressOf(conn net.Conn) netip.Addr {
	tunnel, ok := below(conn).(located)
	if !ok {
		return netip.Addr{}
	}
	text := tunnel.SiteAddress()
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr()
	}
	addr, _ := netip.ParseAddr(text) // zero if it is none
	return addr
}

// below is the connection under TLS.
func below(conn net.Conn) net.Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return conn
}

// spent reports whether err says that a kept tunnel's lease had no bytes left
// for the request; nothing of it was sent.
func spent(err error) bool {
	var lease interface{ LeaseSpent() bool }
	return errors.As(err, &lease) && lease.LeaseSpent()
}

func blameOf(f *fetch.Failure) Outcome {
	switch {
	case f.Kind == fetch.KindTunnel:
		return tunnelBlame(f)
	case f.Elsewhere():
		return SiteFails
	default:
		return Served
	}
}

// ownersWill are the answers by which a node's owner declines; they are no
// failure of the node's.
var ownersWill = []wire.Reason{
	wire.NoConsent, wire.Paused, wire.SiteDenied, wire.CapReached, wire.Busy, wire.Stopping, wire.RateLimited,
}

func tunnelBlame(f *fetch.Failure) Outcome {
	var tunnel interface{ TunnelReason() string }
	if errors.As(f, &tunnel) {
		for _, reason := range ownersWill {
			if tunnel.TunnelReason() == reason.String() {
				return Unused
			}
		}
	}
	return NodeFails
}

// accuse reports the nodes that failed where another one then succeeded.
func (c *Crawler) accuse(site string, suspects []suspicion) {
	for _, s := range suspects {
		if reason := reasonFor(s.kind); reason != wire.OK {
			c.fleet.Suspect(s.node, site, reason, s.detail)
		}
	}
}

func reasonFor(kind fetch.Kind) wire.Reason {
	switch kind {
	case fetch.KindTLSHostname, fetch.KindTLSUnknownAuthority:
		return wire.TLSForged
	case fetch.KindTLSOther:
		return wire.BytesCorrupted
	case fetch.KindTruncated, fetch.KindReset:
		return wire.BytesTruncated
	case fetch.KindTimeout:
		return wire.Stalled
	default:
		return wire.OK
	}
}
