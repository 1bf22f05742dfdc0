package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/router/api"
)

func TestListensOnLoopbackOnly(t *testing.T) {
	for addr, fine := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "127.9.9.9:0": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.168.1.1:0": false, "example.org:0": false, "[::ffff:10.0.0.1]:0": false, "127.0.0.1.nip.io:0": false,
	} {
		if err := api.CheckListen(addr); (err == nil) != fine || err != nil && !errors.Is(err, api.ErrNotLoopback) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"", "4180", "127.0.0.1", "127.0.0.1:"} {
		if err := api.CheckListen(addr); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%q: %v", addr, err)
		}
	}
	cfg := api.DefaultConfig()
	cfg.Listen = "0.0.0.0:0"
	if _, err := api.New(slog.New(slog.DiscardHandler), cfg, newFake(t).backend(), prometheus.NewRegistry()); !errors.Is(err, api.ErrNotLoopback) {
		t.Errorf("new: %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := api.DefaultConfig()
	cfg.Listen = taken.Addr().String()
	_, err = api.New(slog.New(slog.DiscardHandler), cfg, newFake(t).backend(), prometheus.NewRegistry())
	if err == nil || !strings.Contains(err.Error(), "--api") {
		t.Errorf("%v", err)
	}
}

// A page of a stranger in the operator's browser must get nowhere: neither by
// a name rebound to this machine nor by sending from its own origin.
func TestStrangers(t *testing.T) {
	s := serve(t, newFake(t), nil)
	own := s.url
	host := strings.TrimPrefix(own, "http://")
	for _, c := range []struct {
		name   string
		method string
		header []string
		status int
	}{
		{"command line", "POST", nil, 201},
		{"own page", "POST", []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, 201},
		{"localhost", "POST", []string{"Host", "localhost:1"}, 201},
		{"loopback v6", "GET", []string{"Host", "[::1]:80"}, 200},
		{"rebound name", "GET", []string{"Host", "evil.example"}, 421},
		{"rebound name with port", "POST", []string{"Host", "evil.example:4180"}, 421},
		{"nearly localhost", "GET", []string{"Host", "localhost.evil.example"}, 421},
		{"other address", "GET", []string{"Host", "192.168.1.7"}, 421},
		{"cross-site post", "POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"same-site post", "POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"foreign origin", "POST", []string{"Origin", "https://evil.example"}, 403},
		{"foreign origin reads", "GET", []string{"Origin", "https://evil.example"}, 403},
		{"sandboxed origin", "GET", []string{"Origin", "null"}, 403},
		{"other port", "POST", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"rebound with own origin", "POST", []string{"Host", "evil.example", "Origin", "http://evil.example"}, 421},
		{"preflight", "OPTIONS", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, 403},
	} {
		response, body := s.ask(t, c.method, "/api/v1/jobs", map[string]string{"POST": goodJob}[c.method], c.header...)
		if response.StatusCode != c.status {
			t.Errorf("%s: %s %s, want %d (host %s)", c.name, response.Status, body, c.status, host)
		}
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Methods"} {
			if response.Header.Get(name) != "" {
				t.Errorf("%s: %s is set", c.name, name)
			}
		}
	}
}

func TestBodyBounds(t *testing.T) {
	s := serve(t, newFake(t), func(c *api.Config) { c.MaxJobBytes = 1 << 20 })
	seeds := strings.Repeat(`"https://a.example/",`, 40_000)
	if response, body := s.ask(t, "POST", "/api/v1/jobs", `{"dataset":"d","purpose":"p","seeds":[`+strings.TrimSuffix(seeds, ",")+`]}`); response.StatusCode != 201 {
		t.Errorf("%d bytes of seeds: %s %.200s", len(seeds), response.Status, body)
	}
	response, body := s.ask(t, "POST", "/api/v1/jobs", `{"dataset":"d","purpose":"`+strings.Repeat("x", 1<<20)+`"}`)
	if response.StatusCode != 413 || len(body) > 400 {
		t.Errorf("above the bound: %s, %d bytes of answer", response.Status, len(body))
	}
	// What was wrong is named, not sent back: the answer stays small.
	response, body = s.ask(t, "POST", "/api/v1/jobs", `{"dataset":"d","purpose":"p","seeds":[`+strings.Repeat("1,", 20_000)+`1]}`)
	if response.StatusCode != 422 || len(body) > 4_000 {
		t.Errorf("many defects: %s, %d bytes of answer", response.Status, len(body))
	}
	response, body = s.ask(t, "POST", "/api/v1/jobs", strings.Repeat("<", 500_000))
	if response.StatusCode != 400 || len(body) > 1_000 {
		t.Errorf("not JSON: %s, %d bytes of answer", response.Status, len(body))
	}
}

// An endless post is cut off after the bound and not read to its end.
func TestEndlessPost(t *testing.T) {
	s := serve(t, newFake(t), func(c *api.Config) { c.MaxJobBytes = 1 << 20 })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000000000\r\n\r\n")
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	sent, block := 0, []byte(strings.Repeat("x", 64<<10))
	for {
		n, err := conn.Write(block)
		sent += n
		if err != nil {
			break
		}
	}
	if sent > 64<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}

func TestSlowPost(t *testing.T) {
	s := serve(t, newFake(t), func(c *api.Config) { c.ReadBody = 200 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("%v %v", response, err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection stays: %v", err)
	}
}

func TestConcurrencyBound(t *testing.T) {
	f := newFake(t)
	f.hold = make(chan struct{})
	s := serve(t, f, func(c *api.Config) { c.MaxRequests = 2 })
	letGo := sync.OnceFunc(func() { close(f.hold) })
	t.Cleanup(letGo) // before the server's own, which waits for requests under way
	done := make(chan int, 2)
	for range 2 {
		go func() {
			for { // the asking below may have taken its place for a moment
				response, _ := s.ask(t, "GET", "/api/v1/nodes", "")
				if response.StatusCode != 429 {
					done <- response.StatusCode
					return
				}
			}
		}()
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		response, body := s.ask(t, "GET", "/api/v1/jobs", "")
		if response.StatusCode == 429 {
			if !strings.Contains(body, `"limited"`) || response.Header.Get("Retry-After") == "" {
				t.Error(body)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a third request is answered while two are held")
		}
	}
	if response, _ := s.ask(t, "GET", "/healthz", ""); response.StatusCode != 200 {
		t.Errorf("health under load: %s", response.Status)
	}
	letGo()
	for range 2 {
		if status := <-done; status != 200 {
			t.Errorf("held request: %d", status)
		}
	}
	if response, _ := s.ask(t, "GET", "/api/v1/jobs", ""); response.StatusCode != 200 {
		t.Errorf("afterwards: %s", response.Status)
	}
}
