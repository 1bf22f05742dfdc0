package bench_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/meter"
	"github.com/fallow-network/fallow/router/tunnel"
)

const (
	bulkBytes  = 16 << 20
	smallBytes = 1 << 10
	inTunnel   = 16 // requests at once
)

// BenchmarkTunnel is the router's own tunnels to a site through a node with all
// its checks, against the same HTTPS client on plain TCP. Figures are for the CPU
// time of all: client, node if there is one, and site, each in a process of its
// own. A fresh connection is a lease, a dial and a resumed TLS handshake with one
// small request.
func BenchmarkTunnel(b *testing.B) {
	for _, load := range []struct {
		name, unit string
		bytes      int
		per        float64 // units a request
		fresh      bool
	}{
		{"bulk", "MB/cpu-s", bulkBytes, float64(bulkBytes) / 1e6, false},
		{"keepalive", "requests/cpu-s", smallBytes, 1, false},
		{"fresh", "connections/cpu-s", smallBytes, 1, true},
	} {
		b.Run(load.name, func(b *testing.B) {
			for _, name := range []string{"floor-tcp", "fallow"} {
				b.Run(name, func(b *testing.B) {
					l := newLine(b, name == "fallow")
					if load.fresh {
						l.after, l.atOnce = l.client.CloseIdleConnections, 1
					}
					url := fmt.Sprintf("%sbytes/%d", l.site.URL, load.bytes)
					if err := l.get(b.Context(), url); err != nil {
						b.Fatal(err)
					}
					spent := watch(l.processes...)
					b.ResetTimer()
					l.run(b, url)
					b.StopTimer()
					b.ReportMetric(load.per*float64(b.N)/spent.seconds(), load.unit)
				})
			}
		})
	}
}

// line is a way to the site.
type line struct {
	site      siteReady
	client    client
	processes []*process
	atOnce    int    // requests
	after     func() // each of them
}

// client is an http.Transport, or the pool's around one.
type client interface {
	http.RoundTripper
	CloseIdleConnections()
}

func newLine(b *testing.B, throughNode bool) *line {
	b.Helper()
	dir := b.TempDir()
	l := &line{atOnce: inTunnel, after: func() {}}
	ca := filepath.Join(dir, "ca.pem")
	site := start(b, "site", siteConfig{CA: ca, Pages: 1}, &l.site)
	l.processes = []*process{self(b), site}
	pem, err := os.ReadFile(ca)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	if !throughNode {
		l.client = &http.Transport{ // set as the pool sets its own
			DialTLSContext: dialTLS(l.site.Addr, roots), ForceAttemptHTTP2: true, DisableCompression: true,
			MaxIdleConnsPerHost: inTunnel, ReadBufferSize: 16 << 10, WriteBufferSize: 4 << 10,
		}
		b.Cleanup(l.client.CloseIdleConnections)
		return l
	}
	end := newRouterEnd(b, roots)
	var key wire.Key
	node := start(b, "node", nodeConfig{Dir: filepath.Join(dir, "node"), Routers: end.addresses(), DNS: l.site.DNS}, &key)
	l.processes = append(l.processes, node)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, sharing := end.fleet.Count(); sharing > 0 {
			break
		}
		if time.Now().After(deadline) {
			b.Fatal("the node does not come")
		}
	}
	l.client = end.client(b, key)
	b.Cleanup(l.client.CloseIdleConnections)
	return l
}

// dialTLS is what the router does on a tunnel, on plain TCP.
func dialTLS(address string, roots *x509.CertPool) func(context.Context, string, string) (net.Conn, error) {
	dial := dialTo(address)
	cfg := &tls.Config{
		RootCAs: roots, ServerName: siteHost, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, cfg)
		if err := conn.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		return conn, nil
	}
}

// run makes b.N requests.
func (l *line) run(b *testing.B, url string) {
	b.Helper()
	turns := make(chan struct{})
	var workers sync.WaitGroup
	for range l.atOnce {
		workers.Go(func() {
			for range turns {
				if err := l.get(b.Context(), url); err != nil {
					b.Error(err)
				}
				l.after()
			}
		})
	}
	for range b.N {
		turns <- struct{}{}
	}
	close(turns)
	workers.Wait()
}

// get reads one answer to its end. A tunnel whose lease is spent is replaced, as
// the crawl does.
func (l *line) get(ctx context.Context, url string) error {
	for {
		err := l.try(ctx, url)
		var lease interface{ LeaseSpent() bool }
		if !errors.As(err, &lease) {
			return err
		}
	}
}

func (l *line) try(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := l.client.RoundTrip(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// routerEnd is the part of a router that tunnels need, in the benchmark's own
// process: fleet, meter and tunnels on a libp2p host, nothing that crawls.
type routerEnd struct {
	host  host.Host
	fleet *fleet.Fleet
	pool  *tunnel.Pool
}

func newRouterEnd(b *testing.B, roots *x509.CertPool) *routerEnd {
	b.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	private, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	e := &routerEnd{}
	e.host, err = libp2p.New(
		libp2p.Identity(private), libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(), libp2p.DisableMetrics(),
	)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.host.Close() })

	registry := prometheus.NewRegistry()
	counts := meter.New(quiet, time.Now, noDB{}, key, 1)
	cfg := fleet.DefaultConfig()
	cfg.Lab = true
	e.fleet = fleet.New(quiet, time.Now, noDB{}, counts, key, fleet.NewMetrics(registry), cfg)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.fleet.Serve(ctx, e.host) }()
	b.Cleanup(func() { stop(); <-done })

	limits := tunnel.DefaultConfig()
	limits.IdlePerSite = inTunnel
	limits.MaxUp, limits.MaxDown = wire.MaxLeaseUp, wire.MaxLeaseDown
	dialer := tunnel.NewDialer(e.host, key, time.Now, tunnel.NewMetrics(registry), limits)
	accounts := func(ctx context.Context, node wire.Key, job, host string) (tunnel.Account, error) {
		return counts.Lane(ctx, node, job, host)
	}
	e.pool = tunnel.NewPool(dialer, accounts, roots)
	return e
}

// client is the pool's own for a node.
func (e *routerEnd) client(b *testing.B, node wire.Key) client {
	b.Helper()
	route := tunnel.Route{Node: node, Job: "bench"}
	c, ok := e.pool.Transport(route, tunnel.Work{Purpose: "a benchmark", Dataset: "bench"}).(client)
	if !ok {
		b.Fatal("the pool's transport cannot close its connections")
	}
	return c
}

// addresses are those nodes dial.
func (e *routerEnd) addresses() (list []string) {
	for _, a := range e.host.Addrs() {
		list = append(list, a.String()+"/p2p/"+e.host.ID().String())
	}
	return list
}

// noDB remembers nothing: what is measured here stores nothing on its way.
type noDB struct{}

func (noDB) SaveNode(context.Context, fleet.Member) error                   { return nil }
func (noDB) AppendHalt(context.Context, *wire.Halt) error                   { return nil }
func (noDB) Halt(context.Context) (*wire.Halt, error)                       { return nil, nil }
func (noDB) SaveStanding(context.Context, fleet.Event) error                { return nil }
func (noDB) Standing(context.Context, wire.Key, int) ([]fleet.Event, error) { return nil, nil }
func (noDB) SaveCounts(context.Context, meter.Batch) error                  { return nil }
func (noDB) Stored(context.Context, wire.Key, uint64) (meter.Batch, error)  { return meter.Batch{}, nil }
func (noDB) SaveDispute(context.Context, meter.Dispute) error               { return nil }
