package fetch_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

// Each misbehaving site ends as one kind of failure, within its time.
func TestHostileSites(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
	wait := func(d time.Duration) { time.Sleep(d) }
	tests := []struct {
		name  string
		kind  fetch.Kind
		serve func(net.Conn)
	}{
		{"hangs up at once", fetch.KindReset, says("")},
		{"hangs up between header lines", fetch.KindReset, says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")},
		{"hangs up in a header line", fetch.KindProtocol, says("HTTP/1.1 200 OK\r\nContent-Ty")},
		{"not HTTP", fetch.KindProtocol, says("SSH-2.0-OpenSSH_9.2\r\n\r\n")},
		{"bad status", fetch.KindProtocol, says("HTTP/1.1 twohundred OK\r\n\r\n")},
		{"bad header line", fetch.KindProtocol, says("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")},
		{"status 99", fetch.KindProtocol, says("HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n")},
		{"status 999", fetch.KindProtocol, says("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n")},
		{"says nothing", fetch.KindTimeout, func(net.Conn) { wait(3 * time.Second) }},
		{"endless header line", fetch.KindHeaderTooLarge, func(c net.Conn) {
			endless(c, "HTTP/1.1 200 OK\r\nX: ", func() string { return strings.Repeat("x", 4096) })
		}},
		{"endless headers", fetch.KindHeaderTooLarge, func(c net.Conn) {
			endless(c, "HTTP/1.1 200 OK\r\n", func() string { return strings.Repeat("X-A: b\r\n", 500) })
		}},
		{"slow header", fetch.KindTimeout, func(c net.Conn) {
			endless(c, "HTTP/1.1 200 OK\r\n", func() string { wait(50 * time.Millisecond); return "X-A: b\r\n" })
		}},
		{"101", fetch.KindProtocol, says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")},
		{"101 and then silence", fetch.KindProtocol, func(c net.Conn) {
			says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")(c)
			wait(3 * time.Second)
		}},
		{"endless 1xx", fetch.KindProtocol, func(c net.Conn) {
			endless(c, "", func() string { return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" })
		}},
		{"no framing", fetch.KindTruncated, says(answer("Connection: close\r\n", page))},
		{"HTTP/1.0 without length", fetch.KindTruncated, says("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + page)},
		{"cut body", fetch.KindTruncated, says(answer("Content-Length: 1000\r\n", page))},
		{"body missing", fetch.KindTruncated, says(answer("Content-Length: 1000\r\n", ""))},
		{"cut chunk", fetch.KindTruncated, says(chunked + "40\r\n" + page)},
		{"last chunk missing", fetch.KindTruncated, says(chunked + "5\r\nhello\r\n")},
		{"end of the last chunk missing", fetch.KindTruncated, says(chunked + "5\r\nhello\r\n0\r\n")},
		{"bad chunk size", fetch.KindProtocol, says(chunked + "zz\r\nhello\r\n0\r\n\r\n")},
		{"chunk longer than stated", fetch.KindProtocol, says(chunked + "5\r\nhello world\r\n0\r\n\r\n")},
		{"endless chunk extension", fetch.KindProtocol, func(c net.Conn) {
			endless(c, chunked+"5;", func() string { return strings.Repeat("x", 4096) })
		}},
		{"tiny chunks in huge coats", fetch.KindProtocol, func(c net.Conn) {
			endless(c, chunked, func() string { return "1;" + strings.Repeat("x", 2000) + "\r\na\r\n" })
		}},
		{"two lengths", fetch.KindProtocol, says(answer("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"))},
		{"negative length", fetch.KindProtocol, says(answer("Content-Length: -5\r\n", "hello"))},
		{"gzip and chunked as transfer codings", fetch.KindProtocol, says(answer("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"))},
		{"endless body", fetch.KindTooLarge, func(c net.Conn) {
			endless(c, chunked, func() string { return "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n" })
		}},
		{"endless length", fetch.KindTooLarge, func(c net.Conn) {
			endless(c, answer("Content-Length: 9000000000000000000\r\n", ""), func() string { return page })
		}},
		{"drips", fetch.KindTimeout, func(c net.Conn) {
			endless(c, answer("Content-Length: 100000\r\n", page), func() string { wait(50 * time.Millisecond); return "x" })
		}},
		{"drips gzip", fetch.KindTimeout, func(c net.Conn) {
			endless(c, answer("Content-Length: 100000\r\nContent-Encoding: gzip\r\n", "\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\x00"),
				func() string { wait(50 * time.Millisecond); return "x" })
		}},
		{"drips 1xx", fetch.KindTimeout, func(c net.Conn) {
			endless(c, "", func() string { wait(300 * time.Millisecond); return "HTTP/1.1 103 Early Hints\r\n\r\n" })
		}},
		{"unknown coding", fetch.KindEncoding, says(answer("Content-Length: 5\r\nContent-Encoding: lzma\r\n", "hello"))},
		{"three codings", fetch.KindEncoding, func(c net.Conn) {
			z := compress(t, "br", compress(t, "gzip", compress(t, "gzip", []byte(page))))
			says(answer(fmt.Sprintf("Content-Length: %d\r\nContent-Encoding: gzip, gzip\r\nContent-Encoding: br\r\n", len(z)), string(z)))(c)
		}},
		{"bad gzip", fetch.KindEncoding, says(answer("Content-Length: 5\r\nContent-Encoding: gzip\r\n", "hello"))},
		{"bad deflate", fetch.KindEncoding, says(answer("Content-Length: 5\r\nContent-Encoding: deflate\r\n", "hello"))},
		{"bad br", fetch.KindEncoding, says(answer("Content-Length: 5\r\nContent-Encoding: br\r\n", "hello"))},
		{"bad zstd", fetch.KindEncoding, says(answer("Content-Length: 5\r\nContent-Encoding: zstd\r\n", "hello"))},
		{"cut coding in a whole body", fetch.KindEncoding, func(c net.Conn) {
			z := compress(t, "gzip", []byte(page))
			says(answer(fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n", len(z)-6), string(z[:len(z)-6])))(c)
		}},
		{"whole coding in a cut body", fetch.KindTruncated, func(c net.Conn) {
			z := compress(t, "deflate", []byte(page))
			says(answer(fmt.Sprintf("Content-Encoding: deflate\r\nContent-Length: %d\r\n", len(z)+6), string(z)))(c)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, tr := rawSite(t, tt.serve)
			mustFail(t, newFetcher(limitsFor(tt.kind)), tr, url, tt.kind)
		})
	}
}

// Silence ends a fetch long before its total time.
func TestQuietSite(t *testing.T) {
	limits := map[string]fetch.Limits{
		"before the header": {FirstByte: 200 * time.Millisecond},
		"in the body":       {Idle: 200 * time.Millisecond},
	}
	for name, l := range limits {
		t.Run(name, func(t *testing.T) {
			url, tr := rawSite(t, func(c net.Conn) {
				if l.Idle > 0 {
					says(answer("Content-Length: 1000\r\n", page))(c)
				}
				time.Sleep(8 * time.Second)
			})
			mustFail(t, newFetcher(l), tr, url, fetch.KindTimeout)
		})
	}
}

// What comes after the announced length is not part of the page.
func TestLongerThanAnnounced(t *testing.T) {
	url, tr := rawSite(t, says(answer("Content-Length: 5\r\n", "hello and more")))
	if r := mustFetch(t, newFetcher(quick()), tr, url); string(r.Body) != "hello" {
		t.Errorf("%q", r.Body)
	}
}

// A drip into an error page does not hold the fetch.
func TestSlowErrorPage(t *testing.T) {
	url, tr := rawSite(t, func(c net.Conn) {
		endless(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 60000\r\n\r\n", func() string { time.Sleep(50 * time.Millisecond); return "x" })
	})
	start := time.Now()
	r := mustFetch(t, newFetcher(fetch.Limits{}), tr, url)
	if took := time.Since(start); r.Status != 404 || took > 10*time.Second {
		t.Errorf("status %d after %v", r.Status, took)
	}
}

// gibberish is text that does not compress below three quarters.
func gibberish(n int) []byte {
	raw := make([]byte, n*3/4)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(raw)
	return []byte(base64.StdEncoding.EncodeToString(raw))[:n]
}

func TestBodyBounds(t *testing.T) {
	big := gibberish(11 << 20)
	whole := gibberish(9 << 20)
	zeros := make([]byte, 64<<20)
	emptyMembers := bytes.Repeat(compress(t, "gzip", nil), 1<<20) // 20 MB that decode to nothing
	tests := []struct {
		name, coding string
		kind         fetch.Kind
		body         []byte
		allocMiB     uint64 // the most that may be allocated in all, freed or not; twice what is usual, for the race detector
	}{
		{"just fits", "", "", whole, 100},
		{"just fits, gzip", "gzip", "", compress(t, "gzip", whole), 100},
		{"over the bound", "", fetch.KindTooLarge, big, 100},
		{"over the bound, gzip", "gzip", fetch.KindTooLarge, compress(t, "gzip", big), 100},
		{"over the bound, br", "br", fetch.KindTooLarge, compress(t, "br", big), 100},
		{"over the bound, zstd", "zstd", fetch.KindTooLarge, compress(t, "zstd", big), 100},
		{"gzip bomb", "gzip", fetch.KindBomb, compress(t, "gzip", zeros), 32},
		{"deflate bomb", "deflate", fetch.KindBomb, compress(t, "deflate", zeros), 32},
		{"br bomb", "br", fetch.KindBomb, compress(t, "br", zeros), 32},
		{"zstd bomb", "zstd", fetch.KindBomb, compress(t, "zstd", zeros), 48},
		{"bomb in a bomb", "gzip, gzip", fetch.KindBomb, compress(t, "gzip", compress(t, "gzip", zeros)), 20},
		{"br bomb in gzip", "br, gzip", fetch.KindBomb, compress(t, "gzip", compress(t, "br", zeros)), 32},
		{"endless empty members", "gzip", fetch.KindTooLarge, emptyMembers, 20},
		{"endless empty members in gzip", "gzip, gzip", fetch.KindBomb, compress(t, "gzip", emptyMembers), 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				if tt.coding != "" {
					w.Header().Set("Content-Encoding", tt.coding)
				}
				for part := tt.body; len(part) > 0; {
					n, err := w.Write(part[:min(len(part), 16<<10)])
					if err != nil {
						return
					}
					part = part[n:]
				}
			})
			f := newFetcher(quick())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if tt.kind == "" {
				mustFetch(t, f, tr, url)
			} else {
				mustFail(t, f, tr, url, tt.kind)
			}
			runtime.ReadMemStats(&after)
			got := after.TotalAlloc - before.TotalAlloc
			t.Logf("allocated %.1f MiB in all", float64(got)/(1<<20))
			if got > tt.allocMiB<<20 {
				t.Errorf("allocated %d MiB, want at most %d", got>>20, tt.allocMiB)
			}
		})
	}
}

// A response that announces too much is refused before it is read.
func TestAnnouncedTooLarge(t *testing.T) {
	url, tr := rawSite(t, says(answer("Content-Length: 10485761\r\n", page)))
	if f := failureOf(t, newFetcher(quick()), tr, url, fetch.KindTooLarge); !strings.Contains(f.Error(), "10485761") {
		t.Errorf("%v", f)
	}
}

// A small page may compress beyond the ratio.
func TestRatioFloor(t *testing.T) {
	body := bytes.Repeat([]byte("a"), 900<<10)
	url, tr := server(t, true, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "br")
		_, _ = w.Write(compress(t, "br", body))
	})
	if r := mustFetch(t, newFetcher(quick()), tr, url); len(r.Body) != len(body) {
		t.Errorf("%d bytes", len(r.Body))
	}
}
