package routertest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Hostile is a site that does one kind of harm.
type Hostile struct {
	Name string // a host label
	// Serve answers a request for anything but robots.txt; the connection is
	// closed after it.
	Serve func(c net.Conn, r *http.Request)
	// Ends are the ways in which a fetch may end, as a job counts them:
	// "failed:KIND", "skipped:CAUSE" or "record".
	Ends []string
}

// hostileSites are all of them, made once: packing the bombs takes a while.
var hostileSites = sync.OnceValue(makeHostileSites)

// makeHostileSites makes bombs of every coding, sites that are slow, endless, cut short
// or not HTTP, pages that are hard to read, and redirects without end.
func makeHostileSites() []Hostile {
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
	list := []Hostile{
		{"says-nothing", func(c net.Conn, _ *http.Request) { untilGone(c, "", time.Second) }, []string{"failed:timeout"}},
		{"slow-header", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			untilGone(c, "X-A: b\r\n", 100*time.Millisecond)
		}, []string{"failed:timeout"}},
		{"drips", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, httpAnswer("Content-Length: 1000000\r\n", prose))
			untilGone(c, "x", 100*time.Millisecond)
		}, []string{"failed:timeout"}},
		{"drips-chunks", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, chunked)
			untilGone(c, "1\r\nx\r\n", 100*time.Millisecond)
		}, []string{"failed:timeout"}},
		{"endless-header", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			untilGone(c, strings.Repeat("X-A: b\r\n", 1000), 0)
		}, []string{"failed:header_too_large"}},
		{"endless-body", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, chunked)
			untilGone(c, "8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 0)
		}, []string{"failed:too_large", "failed:timeout"}},
		{"endless-length", func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, httpAnswer("Content-Length: 9000000000000000000\r\n", ""))
			untilGone(c, prose, time.Millisecond)
		}, []string{"failed:too_large"}},
		{"endless-hints", func(c net.Conn, _ *http.Request) {
			untilGone(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0)
		}, []string{"failed:protocol"}},
		says("cut-body", httpAnswer("Content-Length: 100000\r\n", prose), "failed:truncated"),
		says("cut-chunk", chunked+"ffff\r\n"+prose, "failed:truncated"),
		says("no-last-chunk", chunked+fmt.Sprintf("%x\r\n%s\r\n", len(prose), prose), "failed:truncated"),
		says("no-length", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"+prose, "failed:truncated"),
		says("bad-chunk", chunked+"zz\r\n"+prose+"\r\n0\r\n\r\n", "failed:protocol"),
		says("two-lengths", httpAnswer("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), "failed:protocol"),
		says("not-http", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "failed:protocol"),
		says("hangs-up", "", "failed:reset"),
		says("a-picture", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\n\x89PNG", "failed:content_type"),
		says("bad-gzip", httpAnswer("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), "failed:encoding"),
		says("smuggled", httpAnswer("Content-Length: 0\r\n", httpAnswer(fmt.Sprintf("Content-Length: %d\r\n", len(prose)), prose)), "skipped:empty"),
		{"maze", func(c net.Conn, r *http.Request) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: %sx\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", r.URL.Path)
		}, []string{"skipped:redirect_limit"}},
		{"circle", func(c net.Conn, r *http.Request) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", r.URL.Path)
		}, []string{"skipped:redirect"}},
		page("deep", strings.Repeat("<div><b>", 50_000)+prose, "record"),
		page("one-tag", "<p "+strings.Repeat("a='b' ", 300_000)+">"+prose, "record"),
		page("tables", strings.Repeat("<table><tr><td>", 20_000)+prose, "record"),
		page("entities", strings.Repeat("&#x41;&notanentity", 20_000)+prose, "record"),
		page("marks", "<p>a"+strings.Repeat("\u0301", 50_000)+"</p>"+prose, "record"),
		page("broken-utf8", "<meta charset=utf-8>"+strings.Repeat("<p>\xff\xc3\x28 \xed\xa0\x80 \xf8\x88", 1000)+prose, "record"),
		page("not-utf16", "\xff\xfe"+prose, "record"),
		page("wrong-charset", "<meta charset=iso-2022-jp>\x1b$B"+strings.Repeat("\x1b$B!!\x80", 5000)+"\x1b(B"+prose, "record"),
		page("controls", "<p>"+strings.Repeat("\x00\x01\x0b\x7f", 10_000)+prose, "record"),
		page("a-good-one", prose, "record"),
	}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		list = append(list, bomb(coding))
	}
	return list
}

// prose is long enough for a record, and says what must never be cut from it.
var prose = "<article>" + strings.Repeat("<p>Fallow land rests for a season, and what grows on it then nobody has sown.</p>", 12) + "<p>The end.</p></article>"

// ProseEnd is what every whole page of a hostile site ends with.
const ProseEnd = "The end."

func httpAnswer(header, body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + header + "\r\n" + body
}

func says(name, text string, ends ...string) Hostile {
	return Hostile{name, func(c net.Conn, _ *http.Request) { _, _ = io.WriteString(c, text) }, ends}
}

func page(name, body string, ends ...string) Hostile {
	return says(name, httpAnswer(fmt.Sprintf("Content-Length: %d\r\nConnection: close\r\n", len(body)), body), ends...)
}

// untilGone writes text again and again until the other side hangs up.
func untilGone(c net.Conn, text string, pause time.Duration) {
	for {
		if pause > 0 {
			time.Sleep(pause)
		}
		// A side that says nothing must notice too that the other has gone.
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !isTimeout(err) {
			return
		}
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // as the connection returns it
	return ok && timeout.Timeout()
}

// bomb is 32 MiB of zeroes in a coding.
func bomb(coding string) Hostile {
	var b bytes.Buffer
	w := map[string]func() io.WriteCloser{
		"gzip":    func() io.WriteCloser { return gzip.NewWriter(&b) },
		"deflate": func() io.WriteCloser { w, _ := zlib.NewWriterLevel(&b, flate.BestSpeed); return w },
		"br":      func() io.WriteCloser { return brotli.NewWriterLevel(&b, 1) },
		"zstd":    func() io.WriteCloser { w, _ := zstd.NewWriter(&b); return w },
	}[coding]()
	part := make([]byte, 1<<20)
	for range 32 {
		if _, err := w.Write(part); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	header := fmt.Sprintf("Content-Encoding: %s\r\nContent-Length: %d\r\n", coding, b.Len())
	return says("bomb-"+coding, httpAnswer(header, b.String()), "failed:bomb")
}

// HostileNames are the sites' host names, for Config.Names.
func HostileNames() (names []string) {
	for _, h := range hostileSites() {
		names = append(names, h.Name+".test")
	}
	return names
}

// serveHostile answers the requests of one connection.
func serveHostile(c net.Conn, sites map[string]Hostile) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.URL.Path == "/robots.txt" {
			if _, err := io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
			continue
		}
		name, _, _ := strings.Cut(r.Host, ".")
		if site, ok := sites[name]; ok {
			site.Serve(c, r)
		}
		return
	}
}
