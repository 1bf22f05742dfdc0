package relay_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/net/dns/dnsmessage"
)

// site is a web site on loopback, under the one name its certificate has.
type site struct {
	host  string
	port  uint16
	tls   bool
	roots *x509.CertPool
	hits  *atomic.Int64 // connections that reached it
}

const siteHost = "example.com" // in httptest's certificate

func startSite(t *testing.T, handler http.Handler) site {
	t.Helper()
	hits := new(atomic.Int64)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // tests break tunnels
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			hits.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	return site{host: siteHost, port: port, tls: true, roots: roots, hits: hits}
}

// get reads the front page through an open tunnel, over TLS, and closes it in good order:
// the site first, then the router.
func (s site) get(t *testing.T, tunnel network.Stream) string {
	t.Helper()
	body, err := s.tryGet(tunnel, "/")
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	_, _ = io.Copy(io.Discard, tunnel)
	_ = tunnel.Close()
	return body
}

func (s site) tryGet(tunnel network.Stream, path string) (string, error) {
	conn := tls.Client(tunnelConn{tunnel}, &tls.Config{ServerName: s.host, RootCAs: s.roots})
	_ = conn.SetDeadline(time.Now().Add(wait))
	request, err := http.NewRequest(http.MethodGet, "https://"+s.host+path, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// startDNS answers every A question with 127.0.0.1.
func startDNS(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
					Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}
