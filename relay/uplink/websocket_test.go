package uplink_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

func TestWebSocketAddresses(t *testing.T) {
	for _, text := range []string{
		"/dns4/router.example/tcp/443/wss", "/dns/router.example/tcp/443/tls/ws", "/ip4/192.0.2.1/tcp/443/ws",
		"/ip4/192.0.2.1/tcp/443/tls/sni/router.example/ws",
	} {
		if _, err := uplink.ParseRouters([]string{text + "/p2p/" + id}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"/ip4/192.0.2.1/udp/443/ws", "/ip4/192.0.2.1/tcp/443/tls", "/ip4/192.0.2.1/tcp/443/ws/ws"} {
		if _, err := uplink.ParseRouters([]string{text + "/p2p/" + id}); !errors.Is(err, uplink.ErrAddress) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// certificate is a self-signed one for localhost.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: private}, roots
}

func webRouter(t *testing.T, listen string, cert *tls.Config) host.Host {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.Transport(websocket.New, websocket.WithTLSConfig(cert)),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	h.SetStreamHandler(wire.SessionProtocol, func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func port(t *testing.T, h host.Host) string {
	t.Helper()
	p, err := h.Network().ListenAddresses()[0].ValueForProtocol(6)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func dialAt(t *testing.T, address string, roots *x509.CertPool) (*uplink.Link, error) {
	t.Helper()
	routers, err := uplink.ParseRouters([]string{address})
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(nil)
	up, err := uplink.New(slog.New(slog.DiscardHandler), uplink.Config{
		Identity: private, Routers: routers, QUICDelay: 50 * time.Millisecond, DialTimeout: 2 * time.Second, WebRoots: roots,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = up.Close() })
	return up.Dial(t.Context(), routers[0])
}

func TestWebSocket(t *testing.T) {
	r := webRouter(t, "/ip4/127.0.0.1/tcp/0/ws", nil)
	link, err := dialAt(t, fmt.Sprintf("/ip4/127.0.0.1/tcp/%s/ws/p2p/%s", port(t, r), r.ID()), nil)
	if err != nil || link.Carrier != "ws" {
		t.Fatalf("%+v, %v", link, err)
	}
	// The key is pinned here as everywhere.
	if _, err := dialAt(t, fmt.Sprintf("/ip4/127.0.0.1/tcp/%s/ws/p2p/%s", port(t, r), id), nil); !errors.Is(err, uplink.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
}

// The name of the address is what the certificate has to be for, also when the name
// has been resolved.
func TestWebSocketOverTLS(t *testing.T) {
	cert, roots := certificate(t)
	r := webRouter(t, "/ip4/127.0.0.1/tcp/0/tls/ws", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	for address, good := range map[string]bool{
		"/dns4/localhost/tcp/%s/wss": true, "/dns4/localhost/tcp/%s/tls/ws": true,
		"/ip4/127.0.0.1/tcp/%s/tls/sni/localhost/ws":         true,
		"/ip4/127.0.0.1/tcp/%s/tls/sni/elsewhere.example/ws": false, "/ip4/127.0.0.1/tcp/%s/wss": false,
	} {
		link, err := dialAt(t, fmt.Sprintf(address+"/p2p/%s", port(t, r), r.ID()), roots)
		if (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil && link.Carrier != "ws" {
			t.Errorf("%s: carrier %q at %s", address, link.Carrier, link.Address)
		}
	}
	if _, err := dialAt(t, fmt.Sprintf("/dns4/localhost/tcp/%s/wss/p2p/%s", port(t, r), r.ID()), nil); err == nil {
		t.Error("a certificate nobody vouches for was taken")
	}
}

// TCP is taken when it is there; WebSocket when nothing else answers.
func TestWebSocketIsTheLastResort(t *testing.T) {
	r := webRouter(t, "/ip4/127.0.0.1/tcp/0/ws", nil)
	if err := r.Network().Listen(r.Network().ListenAddresses()[0][:1].Encapsulate(ma.StringCast("/tcp/0"))); err != nil {
		t.Fatal(err)
	}
	var web, plain string
	for _, a := range r.Network().ListenAddresses() {
		if len(a) == 3 {
			web = a.String()
		} else {
			plain = a.String()
		}
	}
	routers := func(addresses ...string) uplink.Router {
		for i := range addresses {
			addresses[i] += "/p2p/" + r.ID().String()
		}
		parsed, err := uplink.ParseRouters(addresses)
		if err != nil {
			t.Fatal(err)
		}
		return parsed[0]
	}
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", closed.Addr().(*net.TCPAddr).Port)
	_ = closed.Close()
	for want, router := range map[string]uplink.Router{"tcp": routers(web, plain), "ws": routers(web, dead)} {
		up := newUplink(t, []string{router.Addrs[0].String() + "/p2p/" + r.ID().String(), router.Addrs[1].String() + "/p2p/" + r.ID().String()})
		link, err := up.node.Dial(t.Context(), router)
		if err != nil || link.Carrier != want {
			t.Errorf("want %s: %+v, %v", want, link, err)
		}
	}
}
