package egress_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

func TestRealRequestsPass(t *testing.T) {
	for _, method := range []string{"GET", "HEAD"} {
		req, err := http.NewRequest(method, "http://site.example.org/a/b?c=%20d&e=[f]", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("If-None-Match", `"x"`)
		in, err := httputil.DumpRequestOut(req, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 5, len(in)} {
			g := egress.NewHTTPGate("site.example.org", 80)
			for range 3 {
				out, err := feed(g, slices.Collect(slices.Chunk(in, size))...)
				if err != nil || !bytes.Equal(out, in) {
					t.Fatalf("pieces of %d: %d of %d bytes out, %v", size, len(out), len(in), err)
				}
				g.Answered()
			}
		}
	}
}

func TestHeads(t *testing.T) {
	const line, host, end = "GET / HTTP/1.1\r\n", "Host: site.example.org\r\n", "\r\n"
	for name, c := range map[string]struct {
		head string
		want wire.Reason
	}{
		"plain":              {line + host + end, wire.OK},
		"upper case host":    {line + "HOST: SITE.example.ORG\r\n" + end, wire.OK},
		"own port":           {line + "Host: site.example.org:80\r\n" + end, wire.OK},
		"length 0":           {line + host + "Content-Length: 0\r\n" + end, wire.OK},
		"keep-alive":         {line + host + "Connection: keep-alive\r\n" + end, wire.OK},
		"post":               {"POST / HTTP/1.1\r\n" + host + end, wire.HTTPMethod},
		"connect":            {"CONNECT a:443 HTTP/1.1\r\n" + host + end, wire.HTTPMethod},
		"lower case get":     {"get / HTTP/1.1\r\n" + host + end, wire.HTTPMethod},
		"h2 preface":         {"PRI * HTTP/2.0\r\n\r\n", wire.HTTPMethod},
		"absolute form":      {"GET http://site.example.org/ HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"http 1.0":           {"GET / HTTP/1.0\r\n" + host + end, wire.HTTPMalformed},
		"http 0.9":           {"GET /\r\n" + host + end, wire.HTTPMalformed},
		"two spaces":         {"GET  / HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"space in target":    {"GET /a b HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"fragment":           {"GET /#a HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"utf-8 target":       {"GET /é HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"tab in line":        {"GET\t/ HTTP/1.1\r\n" + host + end, wire.HTTPMalformed},
		"empty line first":   {"\r\n" + line + host + end, wire.HTTPMalformed},
		"no host":            {line + end, wire.HTTPHost},
		"two hosts":          {line + host + host + end, wire.HTTPHost},
		"two other hosts":    {line + host + "Host: other.example.org\r\n" + end, wire.HTTPHost},
		"other host":         {line + "Host: other.example.org\r\n" + end, wire.HTTPHost},
		"host with dot":      {line + "Host: site.example.org.\r\n" + end, wire.HTTPHost},
		"host, other port":   {line + "Host: site.example.org:8080\r\n" + end, wire.HTTPHost},
		"host with user":     {line + "Host: a@site.example.org\r\n" + end, wire.HTTPHost},
		"empty host":         {line + "Host:\r\n" + end, wire.HTTPHost},
		"space before colon": {line + "Host : site.example.org\r\n" + end, wire.HTTPMalformed},
		"folded":             {line + host + "X: a\r\n b\r\n" + end, wire.HTTPMalformed},
		"folded host":        {line + " Host: other.example.org\r\n" + host + end, wire.HTTPMalformed},
		"bare lf":            {line + "X: a\nHost: other.example.org\r\n" + host + end, wire.HTTPMalformed},
		"bare cr":            {line + "X: a\rHost: other.example.org\r\n" + host + end, wire.HTTPMalformed},
		"nul":                {line + host + "X: \x00\r\n" + end, wire.HTTPMalformed},
		"no colon":           {line + host + "X\r\n" + end, wire.HTTPMalformed},
		"no name":            {line + host + ": x\r\n" + end, wire.HTTPMalformed},
		"length 1":           {line + host + "Content-Length: 1\r\n" + end, wire.HTTPMalformed},
		"length +0":          {line + host + "Content-Length: +0\r\n" + end, wire.HTTPMalformed},
		"length list":        {line + host + "Content-Length: 0, 9\r\n" + end, wire.HTTPMalformed},
		"chunked":            {line + host + "Transfer-Encoding: chunked\r\n" + end, wire.HTTPMalformed},
		"odd chunked":        {line + host + "transfer-encoding:\tidentity\r\n" + end, wire.HTTPMalformed},
		"expect":             {line + host + "Expect: 100-continue\r\n" + end, wire.HTTPMalformed},
		"websocket":          {line + host + "Connection: upgrade\r\nUpgrade: websocket\r\n" + end, wire.HTTPMalformed},
		"h2c":                {line + host + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n" + end, wire.HTTPMalformed},
		"tls":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", wire.HTTPMalformed},
		"too long":           {line + host + "X: " + strings.Repeat("a", 16<<10) + "\r\n" + end, wire.HTTPMalformed},
		"endless":            {line + strings.Repeat("a", 20<<10), wire.HTTPMalformed},
		"pipelined":          {line + host + end + line + host + end, wire.HTTPMalformed},
		"body":               {line + host + end + "x", wire.HTTPMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 100, len(c.head)} {
				g := egress.NewHTTPGate("site.example.org", 80)
				_, err := feed(g, slices.Collect(slices.Chunk([]byte(c.head), size))...)
				if got := egress.ReasonOf(err); got != c.want {
					t.Errorf("pieces of %d: %v, want %s", size, err, c.want)
				}
			}
		})
	}
}

func TestHostNamesItsPortWhereNotDefault(t *testing.T) {
	for host, want := range map[string]wire.Reason{
		"site.test:8080": wire.OK, "site.test": wire.HTTPHost, "site.test:80": wire.HTTPHost,
	} {
		head := "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		if err := egress.CheckHead([]byte(head), "site.test", 8080); egress.ReasonOf(err) != want {
			t.Errorf("Host %s: %v, want %s", host, err, want)
		}
	}
}

func TestNothingOutBeforeTheHeadIsWhole(t *testing.T) {
	head := []byte("GET / HTTP/1.1\r\nHost: site.example.org\r\n\r\n")
	for cut := 1; cut < len(head); cut++ {
		g := egress.NewHTTPGate("site.example.org", 80)
		if out, err := g.Admit(head[:cut]); err != nil || len(out) > 0 {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
		if out, err := g.Admit(head[cut:]); err != nil || !bytes.Equal(out, head) {
			t.Fatalf("cut at %d: %d bytes out, %v", cut, len(out), err)
		}
	}
}

// A head that passes must mean to Go's server exactly what it means here.
func FuzzHTTPHead(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: site.example.org\r\n\r\n",
		"HEAD /a?b HTTP/1.1\r\nHost: site.example.org:80\r\nAccept: */*\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: site.example.org\r\nContent-Length: 0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: other.example.org\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		whole, wholeErr := feed(egress.NewHTTPGate("site.example.org", 80), in)
		pieces := slices.Collect(slices.Chunk(in, int(size)+1))
		_, err := feed(egress.NewHTTPGate("site.example.org", 80), pieces...)
		if (err == nil) != (wholeErr == nil) {
			t.Fatalf("in pieces: %v, at once: %v", err, wholeErr)
		}
		if wholeErr != nil || len(whole) == 0 {
			return
		}
		if !bytes.Equal(whole, in) {
			t.Fatal("what came out is not what went in")
		}
		rest := bufio.NewReader(bytes.NewReader(whole))
		req, err := http.ReadRequest(rest)
		if err != nil {
			return // stricter still
		}
		host, _, _ := strings.Cut(strings.ToLower(req.Host), ":")
		if host != "site.example.org" || (req.Method != "GET" && req.Method != "HEAD") ||
			req.ContentLength != 0 || len(req.TransferEncoding) > 0 || rest.Buffered() > 0 {
			t.Fatalf("Go reads it as %s to %q with a body of %d", req.Method, req.Host, req.ContentLength)
		}
	})
}
