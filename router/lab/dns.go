package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// dnsMaxAddrs bounds the addresses of one name.
	dnsMaxAddrs = 64
	// dnsPortTries is how often a port that is free for UDP and TCP alike is
	// looked for.
	dnsPortTries = 20
	// dnsTCPWait bounds how long a TCP client may take over one message.
	dnsTCPWait = 5 * time.Second
)

// DNSConfig configures a DNS server.
type DNSConfig struct {
	// Names maps a name to its addresses, at most 64. "*.fallow.test" answers
	// for every name below fallow.test that has no entry of its own.
	Names map[string][]netip.Addr
	// TTL of every answer, whole seconds. Default 60 s.
	TTL time.Duration
	// MaxTCP is how many TCP clients are served at a time; others wait to be
	// accepted. Default 64.
	MaxTCP int
}

// DefaultDNSConfig answers for *.fallow.test with 127.0.0.1.
func DefaultDNSConfig() DNSConfig {
	return DNSConfig{
		Names:  map[string][]netip.Addr{"*.fallow.test": {netip.MustParseAddr("127.0.0.1")}},
		TTL:    time.Minute,
		MaxTCP: 64,
	}
}

// DNS is an authoritative server on loopback, UDP and TCP on one port. It
// answers A and AAAA, says NXDOMAIN for names it does not know and never asks
// anybody else. It is safe for concurrent use.
type DNS struct {
	ttl     uint32
	udp     *net.UDPConn
	tcp     *net.TCPListener
	slots   chan struct{}
	queries atomic.Int64
	wg      sync.WaitGroup

	mu    sync.RWMutex
	names map[string][]netip.Addr

	connMu sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// ServeDNS listens on a free port of 127.0.0.1 and serves until Close.
func ServeDNS(cfg DNSConfig) (*DNS, error) {
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultDNSConfig().TTL
	}
	if cfg.MaxTCP <= 0 {
		cfg.MaxTCP = DefaultDNSConfig().MaxTCP
	}
	d := &DNS{
		ttl:   uint32(cfg.TTL / time.Second),
		slots: make(chan struct{}, cfg.MaxTCP),
		names: make(map[string][]netip.Addr),
		conns: make(map[net.Conn]struct{}),
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Names)) {
		if err := d.Set(name, cfg.Names[name]...); err != nil {
			return nil, err
		}
	}
	if err := d.listen(); err != nil {
		return nil, err
	}
	d.wg.Go(d.serveUDP)
	d.wg.Go(d.serveTCP)
	return d, nil
}

// listen finds a port free for both protocols: the kernel picks it for UDP,
// and TCP may already hold it for somebody else.
func (d *DNS) listen() error {
	loopback := net.IPv4(127, 0, 0, 1)
	var last error
	for range dnsPortTries {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback})
		if err != nil {
			return fmt.Errorf("listen for lab dns: %w", err)
		}
		port := udp.LocalAddr().(*net.UDPAddr).Port
		tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback, Port: port})
		if err == nil {
			d.udp, d.tcp = udp, tcp
			return nil
		}
		last = errors.Join(err, udp.Close())
	}
	return fmt.Errorf("find a port for lab dns: %w", last)
}

// Addr is host:port, the same for UDP and TCP.
func (d *DNS) Addr() string { return d.udp.LocalAddr().String() }

// Set replaces the addresses of a name, so that a test can move a site or
// rebind a name. No addresses: the name exists and has none.
func (d *DNS) Set(name string, addrs ...netip.Addr) error {
	if len(addrs) > dnsMaxAddrs {
		return fmt.Errorf("lab dns: %s has %d addresses, at most %d", name, len(addrs), dnsMaxAddrs)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[foldName(name)] = slices.Clone(addrs)
	return nil
}

// Queries is how many questions were answered so far.
func (d *DNS) Queries() int64 { return d.queries.Load() }

// Resolver asks this server and nobody else.
func (d *DNS) Resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, d.Addr())
		},
	}
}

// Close stops answering and waits for the goroutines it started.
func (d *DNS) Close() error {
	d.connMu.Lock()
	d.closed = true
	for conn := range d.conns {
		_ = conn.Close() // the peer learns it from the connection
	}
	d.connMu.Unlock()
	err := errors.Join(d.udp.Close(), d.tcp.Close())
	d.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// lookup finds the addresses of a folded name: its own entry first, then the
// nearest wildcard.
func (d *DNS) lookup(name string) (addrs []netip.Addr, known bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if addrs, known = d.names[name]; known {
		return addrs, true
	}
	for rest := name; ; {
		_, parent, found := strings.Cut(rest, ".")
		if !found {
			return nil, false
		}
		if addrs, known = d.names["*."+parent]; known {
			return addrs, true
		}
		rest = parent
	}
}

// foldName is the form names are compared in: lower case, no final dot.
func foldName(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
