package fetch_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

const page = "<!doctype html><title>t</title><p>Fallow land rests.</p>"

// quick are limits for tests that must not run into them, even on a busy machine.
func quick() fetch.Limits {
	return fetch.Limits{Total: 30 * time.Second, FirstByte: 20 * time.Second, Idle: 10 * time.Second}
}

// hasty are limits that a slow site overruns at once.
func hasty() fetch.Limits {
	return fetch.Limits{Total: 1500 * time.Millisecond, FirstByte: time.Second, Idle: 300 * time.Millisecond}
}

// limitsFor are the limits under which a site fails in the given way.
func limitsFor(kind fetch.Kind) fetch.Limits {
	if kind == fetch.KindTimeout {
		return hasty()
	}
	return quick()
}

func newFetcher(l fetch.Limits) *fetch.Fetcher {
	return fetch.New(fetch.Config{UserAgent: fetch.UserAgent("0.1", "https://fallow.test/crawler"), Limits: l})
}

// server is a TLS site; h2 also offers HTTP/2.
func server(t testing.TB, h2 bool, handler http.HandlerFunc) (string, *http.Transport) {
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	tr := s.Client().Transport.(*http.Transport).Clone()
	tr.MaxResponseHeaderBytes = fetch.MaxHeaderBytes
	tr.DisableCompression = true
	t.Cleanup(tr.CloseIdleConnections)
	return s.URL, tr
}

// serveConns lets serve have each connection of its own until the test ends.
func serveConns(t testing.TB, l net.Listener, serve func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
}

// rawSite accepts TLS connections, reads one request each and lets serve write
// whatever it likes.
func rawSite(t testing.TB, serve func(c net.Conn)) (string, *http.Transport) {
	t.Helper()
	// The certificate of httptest, without its server.
	donor := httptest.NewUnstartedServer(http.NotFoundHandler())
	donor.StartTLS()
	t.Cleanup(donor.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: donor.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	serveConns(t, l, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			serve(c)
		}
	})
	tr := donor.Client().Transport.(*http.Transport).Clone()
	tr.MaxResponseHeaderBytes = fetch.MaxHeaderBytes
	t.Cleanup(tr.CloseIdleConnections)
	return "https://" + l.Addr().String() + "/", tr
}

// says is a site that answers with the given bytes and hangs up.
func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
}

// endless writes what next returns until the other side hangs up.
func endless(c net.Conn, first string, next func() string) {
	text := first
	for {
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
		text = next()
	}
}

// answer is a well-formed HTTP/1.1 response.
func answer(header, body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + header + "\r\n" + body
}

func mustFetch(t testing.TB, f *fetch.Fetcher, rt http.RoundTripper, url string) *fetch.Result {
	t.Helper()
	r, err := f.Fetch(context.Background(), rt, url)
	if err != nil {
		t.Fatalf("fetch %s: %v", url, err)
	}
	return r
}

// mustFail checks that the fetch fails in the given way and in its time.
func mustFail(t testing.TB, f *fetch.Fetcher, rt http.RoundTripper, url string, kind fetch.Kind) {
	t.Helper()
	_ = failureOf(t, f, rt, url, kind)
}

// failureOf is mustFail for who asks the failure more.
func failureOf(t testing.TB, f *fetch.Fetcher, rt http.RoundTripper, url string, kind fetch.Kind) *fetch.Failure {
	t.Helper()
	start := time.Now()
	r, err := f.Fetch(context.Background(), rt, url)
	if r != nil || err == nil {
		t.Fatalf("no failure, want %s; got %d with %d bytes", kind, r.Status, len(r.Body))
	}
	failure, ok := errors.AsType[*fetch.Failure](err)
	if !ok {
		t.Fatalf("%T is not a Failure: %v", err, err)
	}
	if failure.Kind != kind {
		t.Errorf("kind %s, want %s (%v)", failure.Kind, kind, failure.Err)
	}
	if took := time.Since(start); kind == fetch.KindTimeout && took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	return failure
}

func repeat(s string, bytes int) string { return strings.Repeat(s, bytes/len(s)+1)[:bytes] }
