package tunnel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/fallow-network/fallow/relay/wire"
)

// Route is one way through the network: the node, and the job the bytes are
// counted under. Tunnels are kept and reused within a route, never across.
type Route struct {
	Node wire.Key
	Job  string
}

// Work is what the user of a node is told a job is for.
type Work struct {
	Purpose string
	Dataset string
}

// Accounts finds the account of a tunnel through a node to a host.
type Accounts func(ctx context.Context, node wire.Key, job, host string) (Account, error)

// Pool keeps one http.Transport a route, and in it the tunnels that are open.
type Pool struct {
	dialer   *Dialer
	accounts Accounts
	roots    *x509.CertPool // nil: the system's
	kept     *lru.Cache[Route, *route]
}

// NewPool speaks TLS to sites, trusting roots (nil: the system's roots).
func NewPool(d *Dialer, accounts Accounts, roots *x509.CertPool) *Pool {
	p := &Pool{dialer: d, accounts: accounts, roots: roots}
	kept, err := lru.NewWithEvict(max(1, d.cfg.MaxTransports), func(_ Route, t *route) { t.CloseIdleConnections() })
	if err != nil {
		panic("tunnel: " + err.Error()) // only for a size below one
	}
	p.kept = kept
	return p
}

// Transport is the transport of a route. It neither follows redirects nor
// decodes bodies. Two calls may race to make it; the loser's is dropped unused.
func (p *Pool) Transport(r Route, w Work) http.RoundTripper {
	if t, ok := p.kept.Get(r); ok {
		return t
	}
	fresh := p.transport(r, w)
	if t, loaded, _ := p.kept.PeekOrAdd(r, fresh); loaded {
		return t
	}
	return fresh
}

// Forget closes the kept tunnels of a node that has gone or was caught.
func (p *Pool) Forget(node wire.Key) {
	for _, r := range p.kept.Keys() {
		if r.Node == node {
			p.kept.Remove(r)
		}
	}
}

// ForgetJob closes the kept tunnels of a job that has ended.
func (p *Pool) ForgetJob(job string) {
	for _, r := range p.kept.Keys() {
		if r.Job == job {
			p.kept.Remove(r)
		}
	}
}

// Close closes every kept tunnel.
func (p *Pool) Close() { p.kept.Purge() }

func (p *Pool) transport(r Route, w Work) *route {
	cfg := p.dialer.cfg
	tlsConfig := &tls.Config{
		RootCAs: p.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(cfg.IdlePerNode),
	}
	carrier := new(route)
	dial := func(ctx context.Context, address string, secure bool) (net.Conn, error) {
		t, err := target(address, secure, r, w)
		if err != nil {
			return nil, err
		}
		account, err := p.accounts(ctx, r.Node, r.Job, t.Host)
		if err != nil {
			return nil, err
		}
		conn, err := p.dialer.Dial(ctx, r.Node, t, account)
		if isBusy(err) && p.relieve(ctx, r.Node) {
			conn, err = p.dialer.Dial(ctx, r.Node, t, account)
		}
		if err != nil {
			return nil, err
		}
		conn.route = carrier
		return conn, nil
	}
	carrier.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) { return dial(ctx, address, false) },
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			raw, err := dial(ctx, address, true)
			if err != nil {
				return nil, err
			}
			return p.handshake(ctx, raw, address, tlsConfig)
		},
		ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConns: cfg.IdlePerNode, MaxIdleConnsPerHost: cfg.IdlePerSite, IdleConnTimeout: cfg.IdleTimeout,
		ResponseHeaderTimeout: cfg.HeadTimeout, MaxResponseHeaderBytes: cfg.HeadBytes,
		ReadBufferSize: cfg.ReadBuffer, WriteBufferSize: 4 << 10,
	}
	return carrier
}

// relieveWait lets a node hear that tunnels were closed before it is asked again.
const relieveWait = 100 * time.Millisecond

// relieve closes the tunnels through a node that nobody uses at the moment: in a
// crawl of many sites those kept for the last sites would leave no place for the
// next. It reports whether asking the node again makes sense.
func (p *Pool) relieve(ctx context.Context, node wire.Key) bool {
	for _, r := range p.kept.Keys() {
		if r.Node != node {
			continue
		}
		if t, ok := p.kept.Peek(r); ok {
			t.CloseIdleConnections()
		}
	}
	timer := time.NewTimer(relieveWait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isBusy reports whether a node has declined because it carries all that it may.
func isBusy(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Reason == wire.Busy
}

// handshake speaks TLS with the site, end to end through the node.
func (p *Pool) handshake(ctx context.Context, raw net.Conn, address string, shared *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.dialer.cfg.TLSTimeout)
	defer cancel()
	cfg := shared.Clone()
	cfg.ServerName = host
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("tls handshake with %s: %w", host, err)
	}
	return conn, nil
}

func target(address string, secure bool, r Route, w Work) (Target, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return Target{}, fmt.Errorf("tunnel to %q: %w", address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return Target{}, fmt.Errorf("tunnel to %q: %w", address, err)
	}
	if err := wire.CheckHost(host); err != nil {
		return Target{}, err
	}
	return Target{Host: host, Port: uint16(port), TLS: secure, Job: r.Job, Purpose: w.Purpose, Dataset: w.Dataset}, nil
}
