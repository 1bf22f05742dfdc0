package tunnel_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/tunnel"
)

const wait = 5 * time.Second // for anything that should happen at once

// books is the account of a route.
type books struct{ down, up, reached, failed atomic.Int64 }

func (b *books) AddDown(n int) { b.down.Add(int64(n)) }
func (b *books) AddUp(n int)   { b.up.Add(int64(n)) }
func (b *books) AddTunnel(reached bool) {
	if reached {
		b.reached.Add(1)
	} else {
		b.failed.Add(1)
	}
}

// kit is a router's dialler and a node's end, on real hosts.
type kit struct {
	t      *testing.T
	router host.Host
	node   host.Host
	key    wire.Key // the node's
	public wire.Key // the router's
	dialer *tunnel.Dialer
	pool   *tunnel.Pool
	books  books
	site   *httptest.Server

	mu    sync.Mutex
	serve func(*pb.TunnelOpen, network.Stream)
	ends  []error // how the router ended its side of each tunnel
	most  int64   // bytes up over one tunnel, at most
}

func newKit(t *testing.T, change func(*tunnel.Config)) *kit {
	t.Helper()
	private, nodePrivate := newKey(t), newKey(t)
	k := &kit{t: t, key: wire.KeyOf(nodePrivate), public: wire.KeyOf(private)}
	k.router = newHost(t, private, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	k.node = newHost(t, nodePrivate, libp2p.NoListenAddrs)
	k.node.SetStreamHandler(wire.TunnelProtocol, k.answer)
	if err := k.node.Connect(t.Context(), peer.AddrInfo{ID: k.router.ID(), Addrs: k.router.Addrs()}); err != nil {
		t.Fatal(err)
	}
	cfg := tunnel.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	k.dialer = tunnel.NewDialer(k.router, private, time.Now, tunnel.NewMetrics(prometheus.NewRegistry()), cfg)
	return k
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newHost(t *testing.T, private ed25519.PrivateKey, listen libp2p.Option) host.Host {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key), listen, libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func (k *kit) answer(stream network.Stream) {
	var open pb.TunnelOpen
	if err := wire.ReadFrame(stream, &open, wire.MaxTunnelOpen); err != nil {
		return // given up while it was opened
	}
	k.mu.Lock()
	serve := k.serve
	k.mu.Unlock()
	serve(&open, stream)
}

// onTunnel says what the node does with tunnels.
func (k *kit) onTunnel(serve func(*pb.TunnelOpen, network.Stream)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.serve = serve
}

func status(stream network.Stream, reason wire.Reason) {
	_ = wire.WriteFrame(stream, &pb.TunnelStatus{Reason: pb.Reason(reason), Address: "192.0.2.1:443"}, wire.MaxTunnelStatus)
}

// serveSite serves handler as https://example.com through the node.
func (k *kit) serveSite(handler http.Handler, http2 bool) {
	k.t.Helper()
	k.site = httptest.NewUnstartedServer(handler)
	k.site.EnableHTTP2, k.site.Config.ErrorLog = http2, log.New(io.Discard, "", 0)
	k.site.StartTLS()
	k.t.Cleanup(k.site.Close)
	roots := x509.NewCertPool()
	roots.AddCert(k.site.Certificate())
	k.pool = tunnel.NewPool(k.dialer, func(context.Context, wire.Key, string, string) (tunnel.Account, error) { return &k.books, nil }, roots)
	k.t.Cleanup(k.pool.Close)
	k.onTunnel(func(_ *pb.TunnelOpen, stream network.Stream) { k.carry(stream) })
}

// carry is what a good node does.
func (k *kit) carry(stream network.Stream) {
	site, err := net.Dial("tcp", k.site.Listener.Addr().String())
	if err != nil {
		k.t.Error(err)
		return
	}
	status(stream, wire.OK)
	var both sync.WaitGroup
	both.Go(func() {
		n, err := io.Copy(site, stream)
		k.mu.Lock()
		k.ends = append(k.ends, err)
		k.most = max(k.most, n)
		k.mu.Unlock()
		if err != nil {
			_ = site.Close()
			return
		}
		_ = site.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		if _, err := io.Copy(stream, site); err != nil {
			_ = stream.Reset()
			return
		}
		_ = stream.CloseWrite()
	})
	both.Wait()
	_ = site.Close()
	_ = stream.Close()
}

func (k *kit) dial(ctx context.Context) (*tunnel.Conn, error) {
	return k.dialer.Dial(ctx, k.key, tunnel.Target{
		Host: "example.com", Port: 443, TLS: true, Job: "job", Purpose: "testing", Dataset: "docs",
	}, &k.books)
}

// get fetches a path through the pool and returns the body.
func (k *kit) get(path string) string {
	k.t.Helper()
	resp, err := k.try(path)
	if err != nil {
		k.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(body)
}

func (k *kit) try(path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodGet, "https://example.com"+path, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	return k.pool.Transport(tunnel.Route{Node: k.key, Job: "job"}, tunnel.Work{Purpose: "testing"}).RoundTrip(req)
}

// awaitEnd is how the router ended the first tunnel, as the node saw it.
func (k *kit) awaitEnd() error {
	k.t.Helper()
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		k.mu.Lock()
		ends := k.ends
		k.mu.Unlock()
		if len(ends) > 0 {
			return ends[0]
		}
	}
	k.t.Fatal("the tunnel is still open at the node")
	return nil
}
