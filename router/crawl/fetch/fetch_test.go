package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

var quiet = log.New(io.Discard, "", 0)

func TestResult(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%v", h2), func(t *testing.T) {
			var got http.Header
			url, tr := server(t, h2, func(w http.ResponseWriter, r *http.Request) {
				got = r.Header
				w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
				w.Header().Set("Set-Cookie", "id=1")
				fmt.Fprint(w, "caf\xe9")
			})
			at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
			f := fetch.New(fetch.Config{UserAgent: fetch.UserAgent("0.1", "mailto:a@b.test"), Now: func() time.Time { return at }})
			for range 2 {
				r := mustFetch(t, f, tr, url+"/a?b=c")
				if r.Status != 200 || string(r.Body) != "caf\xe9" || r.URL != url+"/a?b=c" ||
					r.ContentType != "text/html; charset=iso-8859-1" || r.ContentLength != 4 || r.WireBytes != 4 || !r.FetchedAt.Equal(at) {
					t.Errorf("got %+v", r)
				}
				if want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[h2]; r.Proto != want || r.TLSVersion != "TLS 1.3" {
					t.Errorf("proto %s over %s", r.Proto, r.TLSVersion)
				}
				if r.TLSCert != leaf(t, url, tr) {
					t.Errorf("certificate %x", r.TLSCert)
				}
			}
			want := map[string]string{
				"User-Agent": "FallowBot/0.1 (+mailto:a@b.test)", "Accept-Encoding": "gzip, deflate, br, zstd", "Cookie": "", "Referer": "",
			}
			for name, value := range want {
				if got.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, got.Get(name), value)
				}
			}
			if !strings.HasPrefix(got.Get("Accept"), "text/html,") {
				t.Errorf("Accept: %q", got.Get("Accept"))
			}
		})
	}
}

// leaf is the SHA-256 of the certificate that the site shows.
func leaf(t *testing.T, url string, tr *http.Transport) [32]byte {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), tr.TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
}

func compress(t testing.TB, coding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed)
	case "deflate":
		w, _ = zlib.NewWriterLevel(&b, zlib.BestSpeed)
	case "bare deflate":
		w, _ = flate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriterLevel(&b, 4)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	default:
		return body
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCodings(t *testing.T) {
	body := []byte(page + repeat("some text that is neither random nor all the same 0123456789. ", 200_000))
	tests := map[string][]string{ // as applied, first to last
		"identity": {"identity"}, "gzip": {"gzip"}, "x-gzip": {"x-gzip"}, "deflate": {"deflate"}, "bare deflate": {"bare deflate"},
		"br": {"br"}, "zstd": {"zstd"}, "gzip on br": {"br", "gzip"}, "zstd on zstd": {"zstd", "zstd"},
	}
	f := newFetcher(quick())
	for name, list := range tests {
		t.Run(name, func(t *testing.T) {
			sent := body
			for _, coding := range list {
				sent = compress(t, coding, sent)
			}
			url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Encoding", strings.ToUpper(strings.ReplaceAll(strings.Join(list, ", "), "bare ", "")))
				_, _ = w.Write(sent)
			})
			for range 3 { // decoders are reused
				r := mustFetch(t, f, tr, url)
				if !bytes.Equal(r.Body, body) || r.WireBytes != int64(len(sent)) {
					t.Fatalf("body of %d bytes, want %d; wire %d, want %d", len(r.Body), len(body), r.WireBytes, len(sent))
				}
			}
		})
	}
}

func TestEmptyBodies(t *testing.T) {
	url, tr := server(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/coded":
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
		}
	})
	for _, path := range []string{"/none", "/coded", "/untyped"} {
		if r := mustFetch(t, newFetcher(quick()), tr, url+path); len(r.Body) != 0 {
			t.Errorf("%s: %q", path, r.Body)
		}
	}
}

func TestRedirectsAreResults(t *testing.T) {
	locations := map[string]string{
		"/next?x": "/next?x", "https://other.test/": "https://other.test/", "//other.test/a": "https://other.test/a",
		"": "", "ftp://x/": "", "http://u:p@x/": "", "%zz://": "", "javascript:1": "",
	}
	for location, want := range locations {
		t.Run(location, func(t *testing.T) {
			asked := 0
			url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header()["Location"] = []string{location}
				w.WriteHeader(http.StatusFound)
				fmt.Fprint(w, page)
			})
			r := mustFetch(t, newFetcher(quick()), tr, url)
			if strings.HasPrefix(want, "/") {
				want = url + want
			}
			if r.Status != 302 || r.Location != want || r.Body != nil || asked != 1 || r.Header.Get("Location") != location {
				t.Errorf("got %+v after %d requests, want %q", r, asked, want)
			}
		})
	}
}

// An error page of any type is an answer, and its connection is kept.
func TestErrorStatuses(t *testing.T) {
	for _, status := range []int{400, 404, 410, 429, 500, 503} {
		hosts := map[string]bool{}
		url, tr := server(t, false, func(w http.ResponseWriter, r *http.Request) {
			hosts[r.RemoteAddr] = true
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(status)
			fmt.Fprint(w, page)
		})
		for range 3 {
			if r := mustFetch(t, newFetcher(quick()), tr, url); r.Status != status || r.Body != nil {
				t.Errorf("got %+v", r)
			}
		}
		if len(hosts) != 1 {
			t.Errorf("status %d used %d connections", status, len(hosts))
		}
	}
}

func TestContentTypes(t *testing.T) {
	tests := []struct {
		sent, body string
		kind       fetch.Kind
		want       string
	}{
		{"TEXT/HTML ; charset=x", page, "", "TEXT/HTML ; charset=x"},
		{"application/json", "{}", "", "application/json"},
		{"application/rss+xml", "<rss/>", "", "application/rss+xml"},
		{"image/png", page, fetch.KindContentType, ""},
		{"application/octet-stream", page, fetch.KindContentType, ""},
		{"nonsense", page, fetch.KindContentType, ""},
		{"", page, "", "text/html"},
		{"", repeat("plain words ", 2000), "", "text/plain"},
		{"", "\x89PNG\x0d\x0a\x1a\x0a" + repeat("\x00\x01", 5000), fetch.KindContentType, ""},
	}
	for _, tt := range tests {
		t.Run(tt.sent+"/"+tt.want, func(t *testing.T) {
			url, tr := server(t, false, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{tt.sent}
				if tt.sent == "" {
					w.Header()["Content-Type"] = nil
				}
				fmt.Fprint(w, tt.body)
			})
			if tt.kind != "" {
				mustFail(t, newFetcher(quick()), tr, url, tt.kind)
				return
			}
			r := mustFetch(t, newFetcher(quick()), tr, url)
			if r.ContentType != tt.want || string(r.Body) != tt.body || r.Sniffed != (tt.sent == "") {
				t.Errorf("type %q sniffed=%v", r.ContentType, r.Sniffed)
			}
		})
	}
}

func TestCut(t *testing.T) {
	url, tr := server(t, true, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if r.URL.Path == "/long" {
			for range 40 {
				fmt.Fprint(w, repeat("Disallow: /x\n", 64<<10))
			}
			return
		}
		fmt.Fprint(w, "User-agent: *\n")
	})
	f := newFetcher(fetch.Limits{BodyBytes: 512 << 10, AnyContentType: true, Cut: true})
	if r := mustFetch(t, f, tr, url+"/long"); len(r.Body) != 512<<10 || !r.Cut {
		t.Errorf("%d bytes, cut=%v", len(r.Body), r.Cut)
	}
	if r := mustFetch(t, f, tr, url+"/short"); string(r.Body) != "User-agent: *\n" || r.Cut {
		t.Errorf("%q, cut=%v", r.Body, r.Cut)
	}
}

func TestInvalidURLs(t *testing.T) {
	f := newFetcher(quick())
	for _, url := range []string{"", "/a", "ftp://x.test/", "https://", "https://u:p@x.test/", "https://x y/", "javascript:alert(1)"} {
		mustFail(t, f, http.DefaultTransport, url, fetch.KindInvalidURL)
	}
}

// COLLY_ environment variables must not change how we crawl.
func TestEnvironmentIsIgnored(t *testing.T) {
	t.Setenv("COLLY_DISALLOWED_DOMAINS", "127.0.0.1")
	t.Setenv("COLLY_USER_AGENT", "other")
	url, tr := server(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, r.UserAgent())
	})
	if r := mustFetch(t, newFetcher(quick()), tr, url); !strings.HasPrefix(string(r.Body), "FallowBot/") {
		t.Errorf("%q", r.Body)
	}
}

func TestCancelled(t *testing.T) {
	url, tr := server(t, false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := newFetcher(quick()).Fetch(ctx, tr, url)
	if failure, ok := errors.AsType[*fetch.Failure](err); !ok || failure.Kind != fetch.KindCancelled || failure.Elsewhere() {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"", 0, false},
		{"0", 0, true},
		{" 120 ", 2 * time.Minute, true},
		{"-5", 0, false},
		{"soon", 0, false},
		{"1.5", 0, false},
		{"99999999999999999999", fetch.MaxRetryAfter, true},
		{"604801", fetch.MaxRetryAfter, true},
		{"Mon, 23 Nov 2026 12:01:00 GMT", time.Minute, true},
		{"Monday, 23-Nov-26 12:01:00 GMT", time.Minute, true},
		{"Sun, 22 Nov 2026 12:01:00 GMT", 0, true},
		{"Mon, 23 Nov 2099 12:01:00 GMT", fetch.MaxRetryAfter, true},
	}
	for _, tt := range tests {
		got, ok := fetch.RetryAfter(http.Header{"Retry-After": {tt.value}}, now)
		if got != tt.want || ok != tt.ok {
			t.Errorf("RetryAfter(%q) = %v %v, want %v %v", tt.value, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzResponse feeds any bytes as the parts of a response that we parse.
func FuzzResponse(f *testing.F) {
	f.Add("gzip", "text/html", "/next", 200, compress(f, "gzip", []byte(page)))
	f.Add("br, gzip", "", "//x", 301, compress(f, "br", []byte(page)))
	f.Add("zstd", "text/plain;", "", 204, compress(f, "zstd", []byte(page)))
	f.Add("deflate", "TEXT/HTML", "::", 200, compress(f, "bare deflate", []byte(page)))
	fetcher := newFetcher(fetch.Limits{BodyBytes: 64 << 10, RatioFloor: 4 << 10})
	f.Fuzz(func(t *testing.T, encoding, contentType, location string, status int, body []byte) {
		site := fixed(func(r *http.Request) *http.Response {
			return &http.Response{
				StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
				Header: http.Header{"Content-Type": {contentType}, "Content-Encoding": {encoding}, "Location": {location}},
				Body:   io.NopCloser(bytes.NewReader(body)),
			}
		})
		r, err := fetcher.Fetch(t.Context(), site, "http://site.test/")
		if err != nil {
			if failure, ok := errors.AsType[*fetch.Failure](err); !ok || failure.Kind == "" || failure.Kind == fetch.KindTimeout {
				t.Fatalf("got %v", err)
			}
			return
		}
		if len(r.Body) > 64<<10 || r.WireBytes > int64(len(body)) || r.Status != status {
			t.Fatalf("got %+v", r)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Mon, 23 Nov 2026 12:01:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if d, ok := fetch.RetryAfter(http.Header{"Retry-After": {value}}, time.Now()); d < 0 || d > fetch.MaxRetryAfter || !ok && d != 0 {
			t.Fatalf("%v %v", d, ok)
		}
	})
}
