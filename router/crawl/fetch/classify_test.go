package fetch_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

// authority signs certificates for tests.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{key, cert}
}

func (a authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSFaults(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	tests := []struct {
		name   string
		kind   fetch.Kind
		server *tls.Config
	}{
		{"expired", fetch.KindTLSExpired, &tls.Config{Certificates: []tls.Certificate{
			ours.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		}}},
		{"another name", fetch.KindTLSHostname, &tls.Config{Certificates: []tls.Certificate{
			ours.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"other.test"} }),
		}}},
		{"unknown authority", fetch.KindTLSUnknownAuthority, &tls.Config{Certificates: []tls.Certificate{theirs.issue(t, nil)}}},
		{"not for servers", fetch.KindTLSOther, &tls.Config{Certificates: []tls.Certificate{
			ours.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }),
		}}},
		{"old version", fetch.KindTLSOther, &tls.Config{MaxVersion: tls.VersionTLS10, Certificates: []tls.Certificate{ours.issue(t, nil)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := &http.Server{TLSConfig: tt.server, ErrorLog: quiet, ReadHeaderTimeout: time.Second}
			defer s.Close()
			go func() { _ = s.ServeTLS(l, "", "") }()
			tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
			defer tr.CloseIdleConnections()
			url := fmt.Sprintf("https://localhost:%d/", l.Addr().(*net.TCPAddr).Port)
			if f := failureOf(t, newFetcher(quick()), tr, url, tt.kind); !f.Elsewhere() {
				t.Error("another node might well help")
			}
		})
	}
}

// A transport that does not verify makes no results.
func TestUnverifiedIsRefused(t *testing.T) {
	url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) })
	tr.TLSClientConfig.InsecureSkipVerify = true
	mustFail(t, newFetcher(quick()), tr, url, fetch.KindTLSUnknownAuthority)
}

// plainSite serves raw bytes on a TCP port without TLS.
func plainSite(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveConns(t, l, serve)
	return l.Addr().String()
}

func TestNetworkFaults(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	reset := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 10))
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	tests := []struct {
		name, url string
		kind      fetch.Kind
	}{
		{"refused", "http://" + closed.Addr().String(), fetch.KindRefused},
		{"no such name", "http://no-such-name.invalid/", fetch.KindDNS},
		{"reset", "http://" + plainSite(t, reset), fetch.KindReset},
		{"reset in the handshake", "https://" + plainSite(t, reset), fetch.KindReset},
		{"closed in the handshake", "https://" + plainSite(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 10)) }), fetch.KindReset},
		{"plain HTTP where TLS belongs", "https://" + plainSite(t, says("HTTP/1.1 400 Bad Request\r\n\r\n")), fetch.KindTLSOther},
		{"noise where TLS belongs", "https://" + plainSite(t, says("hello hello hello")), fetch.KindTLSOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := &http.Transport{DisableKeepAlives: true}
			if f := failureOf(t, newFetcher(quick()), tr, tt.url, tt.kind); !f.Elsewhere() {
				t.Error("another node might well help")
			}
		})
	}
}

type tunnelError string

func (e tunnelError) Error() string        { return "tunnel: " + string(e) }
func (e tunnelError) TunnelReason() string { return string(e) }

func TestTunnelReasons(t *testing.T) {
	for reason, kind := range map[string]fetch.Kind{
		"dns": fetch.KindDNS, "refused": fetch.KindRefused, "timeout": fetch.KindTimeout, "unreachable": fetch.KindUnreachable,
		"paused": fetch.KindTunnel, "": fetch.KindTunnel, "bomb": fetch.KindTunnel,
	} {
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, fmt.Errorf("dial: %w", tunnelError(reason))
		}}
		mustFail(t, newFetcher(quick()), tr, "https://site.test/", kind)
	}
}

// cutConn fails reads after some bytes, as a tunnel does.
type cutConn struct {
	net.Conn
	left int
	err  error
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, c.err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func TestTunnelEndsInBody(t *testing.T) {
	body := repeat("x", 100_000)
	for _, h2 := range []bool{false, true} {
		url, tr := server(t, h2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, body)
		})
		for kind, err := range map[fetch.Kind]error{
			fetch.KindTunnel: tunnelError("cap_reached"), fetch.KindTruncated: io.EOF, fetch.KindReset: syscall.ECONNRESET,
		} {
			t.Run(fmt.Sprintf("h2=%v %s", h2, kind), func(t *testing.T) {
				tr := tr.Clone()
				tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					c, dialErr := new(net.Dialer).DialContext(ctx, network, address)
					return &cutConn{Conn: c, left: 50_000, err: err}, dialErr
				}
				mustFail(t, newFetcher(quick()), tr, url, kind)
			})
		}
	}
}

// flipConn spoils one byte, as a dishonest node might.
type flipConn struct {
	net.Conn
	at int
}

func (c *flipConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.at >= 0 && c.at < n {
		p[c.at] ^= 1
	}
	c.at -= n
	return n, err
}

func TestFlippedByte(t *testing.T) {
	body := repeat("x", 100_000)
	for _, at := range []int{100, 2_000, 60_000} {
		url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return &flipConn{Conn: c, at: at}, err
		}
		_, err := newFetcher(quick()).Fetch(t.Context(), tr, url)
		failure, ok := errors.AsType[*fetch.Failure](err)
		if !ok || !failure.Elsewhere() || !strings.HasPrefix(string(failure.Kind), "tls_") {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// headerOf is a site with a header of so many kilobytes.
func headerOf(lines int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := range lines {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
		}
	}
}

// HTTP/2 misbehaves in its own ways.
func TestHTTP2Faults(t *testing.T) {
	tests := []struct {
		name    string
		kind    fetch.Kind
		handler http.HandlerFunc
	}{
		{"stream reset", fetch.KindReset, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, page)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"goes quiet", fetch.KindTimeout, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, page)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
		{"large header", fetch.KindHeaderTooLarge, headerOf(70)},
		{"huge header", fetch.KindProtocol, headerOf(400)},
		{"many 1xx", fetch.KindProtocol, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, tr := server(t, true, tt.handler)
			mustFail(t, newFetcher(limitsFor(tt.kind)), tr, url, tt.kind)
		})
	}
}

// fixed is a RoundTripper without the http.Transport's own checks.
type fixed func(*http.Request) *http.Response

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// Fetch does not rely on the transport for its bounds.
func TestCarelessTransport(t *testing.T) {
	respond := func(length int64, header http.Header, body string) fixed {
		header.Set("Content-Type", "text/html")
		return func(r *http.Request) *http.Response {
			return &http.Response{
				StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: length,
				Body: io.NopCloser(strings.NewReader(body)), Request: r,
			}
		}
	}
	f := newFetcher(quick())
	mustFail(t, f, respond(10, http.Header{}, "hello"), "http://site.test/", fetch.KindTruncated)
	mustFail(t, f, respond(3, http.Header{}, "hello"), "http://site.test/", fetch.KindTruncated)
	mustFail(t, f, respond(-1, http.Header{}, "hello"), "http://site.test/", fetch.KindTruncated)
	mustFail(t, f, respond(5, http.Header{"X": {repeat("x", 65<<10)}}, "hello"), "http://site.test/", fetch.KindHeaderTooLarge)
	mustFail(t, f, respond(5, http.Header{}, "hello"), "https://site.test/", fetch.KindTLSOther)
	if r := mustFetch(t, f, respond(5, http.Header{}, "hello"), "http://site.test/"); string(r.Body) != "hello" || r.TLSVersion != "" {
		t.Errorf("%+v", r)
	}
}

func TestElsewhereKinds(t *testing.T) {
	ours := map[fetch.Kind]bool{
		fetch.KindInvalidURL: true, fetch.KindTooLarge: true, fetch.KindBomb: true, fetch.KindHeaderTooLarge: true,
		fetch.KindContentType: true, fetch.KindEncoding: true, fetch.KindCancelled: true,
	}
	for _, kind := range fetch.Kinds() {
		if f := (&fetch.Failure{Kind: kind, Err: io.EOF}); f.Elsewhere() == ours[kind] {
			t.Errorf("%s: elsewhere=%v", kind, f.Elsewhere())
		}
	}
}
