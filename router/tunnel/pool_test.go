package tunnel_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/tunnel"
)

// protocols runs a test over HTTP/1.1 and over HTTP/2.
func protocols(t *testing.T, test func(t *testing.T, http2 bool)) {
	t.Helper()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) { test(t, http2) })
	}
}

func echo(size int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.URL.Path+" "+strings.Repeat("x", size))
	})
}

func TestTunnelsAreReused(t *testing.T) {
	protocols(t, func(t *testing.T, http2 bool) {
		k := newKit(t, nil)
		k.serveSite(echo(10), http2)
		for range 20 {
			if body := k.get("/page"); strings.HasPrefix(body, "HTTP/2.0") != http2 {
				t.Fatalf("body %q", body)
			}
		}
		if n := k.books.reached.Load(); n != 1 {
			t.Errorf("%d tunnels for 20 requests", n)
		}
	})
}

// A lease that runs out is nobody's failure: the next request goes through a
// fresh tunnel, in either direction and protocol.
func TestSpentLeases(t *testing.T) {
	for name, change := range map[string]func(*tunnel.Config){
		"up":   func(c *tunnel.Config) { c.MaxUp = 6000 },
		"down": func(c *tunnel.Config) { c.MaxDown = 100 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			protocols(t, func(t *testing.T, http2 bool) {
				k := newKit(t, change)
				k.serveSite(echo(8<<10), http2)
				for i := range 60 {
					path := fmt.Sprintf("/page/%d/%s", i, strings.Repeat("p", 50))
					if body := k.get(path); !strings.Contains(body, path) || len(body) < 8<<10 {
						t.Fatalf("request %d: %d bytes", i, len(body))
					}
				}
				if n := k.books.reached.Load(); n < 3 || n > 55 {
					t.Errorf("%d tunnels for 60 requests", n)
				}
				k.mu.Lock()
				defer k.mu.Unlock()
				if name == "up" && k.most > 6000 {
					t.Errorf("%d bytes up under a lease of 6000", k.most)
				}
			})
		})
	}
}

func TestSpentLeasesUnderLoad(t *testing.T) {
	protocols(t, func(t *testing.T, http2 bool) {
		k := newKit(t, func(c *tunnel.Config) { c.MaxUp = 12_000 })
		k.serveSite(echo(1<<10), http2)
		var failed, done int
		var mu sync.Mutex
		var getting sync.WaitGroup
		for range 8 {
			getting.Go(func() {
				for range 40 {
					resp, err := k.try("/" + strings.Repeat("p", 50))
					if err == nil {
						_, err = io.ReadAll(resp.Body)
						_ = resp.Body.Close()
					}
					mu.Lock()
					done++
					if err != nil {
						failed++
						t.Logf("%v", err)
					}
					mu.Unlock()
				}
			})
		}
		getting.Wait()
		if failed > 0 {
			t.Errorf("%d of %d requests failed", failed, done)
		}
	})
}

// A page larger than a lease cannot be had under it; that is said as such, and
// is not the node's doing.
func TestPageOverTheLease(t *testing.T) {
	protocols(t, func(t *testing.T, http2 bool) {
		k := newKit(t, func(c *tunnel.Config) { c.MaxDown = 64 << 10 })
		k.serveSite(echo(1<<20), http2)
		resp, err := k.try("/")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if _, broken := errors.AsType[*tunnel.Error](err); broken || !errors.Is(err, tunnel.ErrSpent) {
			t.Errorf("error %v", err)
		}
	})
}

func TestIdleTunnelsEndInOrder(t *testing.T) {
	for name, end := range map[string]func(*kit){
		"pool closed":      func(k *kit) { k.pool.Close() },
		"node forgotten":   func(k *kit) { k.pool.Forget(k.key) },
		"job ended":        func(k *kit) { k.pool.ForgetJob("job") },
		"too long unused":  func(*kit) {},
		"no room for more": func(k *kit) { k.pool.Transport(tunnel.Route{Job: "other"}, tunnel.Work{}) },
	} {
		t.Run(name, func(t *testing.T) {
			protocols(t, func(t *testing.T, http2 bool) {
				k := newKit(t, func(c *tunnel.Config) { c.IdleTimeout, c.MaxTransports = 300*time.Millisecond, 1 })
				k.serveSite(echo(10), http2)
				k.get("/")
				time.Sleep(20 * time.Millisecond) // net/http waits for the next answer
				end(k)
				if err := k.awaitEnd(); err != nil {
					t.Errorf("the node saw %v, want the end in order", err)
				}
			})
		})
	}
}

// A body that is no longer wanted is cut at the node, whether or not something
// of it is waited for at that moment.
func TestUnwantedBodyIsCut(t *testing.T) {
	protocols(t, func(t *testing.T, http2 bool) {
		k := newKit(t, nil)
		k.serveSite(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			block := make([]byte, 64<<10)
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}), http2)
		resp, err := k.try("/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadFull(resp.Body, make([]byte, 1000))
		_ = resp.Body.Close()
		if http2 {
			time.Sleep(50 * time.Millisecond)
			k.pool.Close()
			_ = k.awaitEnd() // HTTP/2 stopped the body alone; the tunnel was idle
			return
		}
		if k.awaitEnd() == nil {
			t.Error("the node saw the end in order")
		}
	})
}

// A tunnel that waits for bytes looks idle when it is closed; if the site goes
// on sending, the node is told to stop all the same.
func TestClosedTunnelThatGoesOnIsReset(t *testing.T) {
	k := newKit(t, nil)
	closed, stopped := make(chan struct{}), make(chan error, 1)
	k.onTunnel(func(_ *pb.TunnelOpen, s network.Stream) {
		status(s, 1)
		<-closed
		block := make([]byte, 16<<10)
		for {
			if _, err := s.Write(block); err != nil {
				stopped <- err
				return
			}
		}
	})
	conn, err := k.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 10))
		read <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	select {
	case <-read:
	case <-time.After(wait):
		t.Fatal("the reader was not woken")
	}
	close(closed)
	select {
	case <-stopped:
	case <-time.After(wait):
		t.Fatal("the node goes on sending")
	}
	if _, err := conn.Write([]byte("x")); err == nil {
		t.Error("a closed tunnel takes bytes")
	}
}
