package egress_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/wire"
)

// end is one end of an in-memory stream whose directions close separately, in
// the manner of a libp2p stream.
type end struct {
	io.Reader
	r     *io.PipeReader
	w     *io.PipeWriter
	reset atomic.Bool
}

var errReset = errors.New("stream reset")

func stream() (a, b *end) {
	ar, bw := io.Pipe()
	br, aw := io.Pipe()
	return &end{Reader: ar, r: ar, w: aw}, &end{Reader: br, r: br, w: bw}
}

func (e *end) Write(b []byte) (int, error) { return e.w.Write(b) }
func (e *end) CloseWrite() error           { return e.w.Close() }
func (e *end) Close() error                { _ = e.w.Close(); return e.r.CloseWithError(io.ErrClosedPipe) }
func (e *end) Reset() error {
	e.reset.Store(true)
	_ = e.w.CloseWithError(errReset)
	return e.r.CloseWithError(errReset)
}

// site makes an end a net.Conn with CloseWrite, as a TCP connection is.
type site struct {
	*end
	net.Conn
}

func (s site) Read(b []byte) (int, error)  { return s.end.Read(b) }
func (s site) Write(b []byte) (int, error) { return s.end.Write(b) }
func (s site) Close() error                { return s.end.Close() }

type open struct{}

func (open) Admit(b []byte) ([]byte, error) { return b, nil }
func (open) Answered()                      {}

type counts struct{ up, down atomic.Int64 }

func (c *counts) Up(n int)   { c.up.Add(int64(n)) }
func (c *counts) Down(n int) { c.down.Add(int64(n)) }

// rig is a pipe with a router and a site at its ends.
type rig struct {
	router, web *end
	node        *end // the node's side of the tunnel
	meter       counts
	done        chan egress.Outcome
}

var wide = egress.PipeLimits{MaxUp: 1 << 30, MaxDown: 1 << 30, Idle: time.Minute, Total: time.Hour, Linger: 10 * time.Second}

func start(ctx context.Context, gate egress.Gate, l egress.PipeLimits) *rig {
	r := &rig{done: make(chan egress.Outcome, 1)}
	r.router, r.node = stream()
	var conn *end
	r.web, conn = stream()
	go func() { r.done <- egress.Pipe(ctx, r.node, site{end: conn}, gate, &r.meter, l) }()
	return r
}

func (r *rig) finish(t *testing.T, want wire.Reason) egress.Outcome {
	t.Helper()
	o := <-r.done
	if o.Reason != want || (o.Err == nil) != (want == wire.OK) {
		t.Errorf("ended with %s, %v; want %s", o.Reason, o.Err, want)
	}
	if r.node.reset.Load() != (want != wire.OK) {
		t.Errorf("router saw a reset: %t, after %s", r.node.reset.Load(), o.Reason)
	}
	if o.Up != uint64(r.meter.up.Load()) || o.Down != uint64(r.meter.down.Load()) {
		t.Errorf("outcome says %d up, %d down; the meter %d, %d", o.Up, o.Down, r.meter.up.Load(), r.meter.down.Load())
	}
	return o
}

func TestPipeCarriesBothWaysAndHalfCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		up, down := bytes.Repeat([]byte("u"), 100_000), bytes.Repeat([]byte("d"), 300_000)
		go func() { _, _ = r.router.Write(up); _ = r.router.CloseWrite() }()
		got, err := io.ReadAll(r.web)
		if err != nil || !bytes.Equal(got, up) {
			t.Fatalf("site got %d bytes, %v", len(got), err)
		}
		// The router is done sending; the site answers only now.
		go func() { _, _ = r.web.Write(down); _ = r.web.CloseWrite() }()
		got, err = io.ReadAll(r.router)
		if err != nil || !bytes.Equal(got, down) {
			t.Fatalf("router got %d bytes, %v", len(got), err)
		}
		o := r.finish(t, wire.OK)
		if o.Up != 100_000 || o.Down != 300_000 {
			t.Errorf("counted %d up, %d down", o.Up, o.Down)
		}
	})
}

func TestPipeCutsExactly(t *testing.T) {
	for _, sent := range []int{999, 1000, 1001, 70_000} {
		synctest.Test(t, func(t *testing.T) {
			l := wide
			l.MaxDown = 1000
			r := start(t.Context(), open{}, l)
			go func() { _, _ = r.web.Write(make([]byte, sent)); _ = r.web.CloseWrite() }()
			got, _ := io.ReadAll(r.router)
			_ = r.router.CloseWrite()
			want := wire.OK
			if sent > 1000 {
				want = wire.MaxDown
			}
			if o := r.finish(t, want); len(got) != min(sent, 1000) || o.Down != uint64(len(got)) {
				t.Errorf("%d sent: router got %d, counted %d", sent, len(got), o.Down)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			l := wide
			l.MaxUp = 1000
			r := start(t.Context(), open{}, l)
			go func() { _, _ = r.router.Write(make([]byte, sent)); _ = r.router.CloseWrite() }()
			got, _ := io.ReadAll(r.web)
			_ = r.web.CloseWrite()
			want := wire.OK
			if sent > 1000 {
				want = wire.MaxUp
			}
			if o := r.finish(t, want); len(got) != min(sent, 1000) || o.Up != uint64(len(got)) {
				t.Errorf("%d sent: site got %d, counted %d", sent, len(got), o.Up)
			}
		})
	}
}

func TestPipeBreaksOffWithoutActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		began := time.Now()
		for range 5 { // slow, but not idle
			time.Sleep(50 * time.Second)
			_, _ = r.router.Write([]byte("x"))
			_, _ = io.ReadFull(r.web, make([]byte, 1))
		}
		r.finish(t, wire.Idle)
		if took := time.Since(began); took != 5*50*time.Second+time.Minute {
			t.Errorf("ended after %s", took)
		}
	})
}

func TestPipeBreaksOffAPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		go func() { _, _ = r.web.Write(make([]byte, 1<<20)) }()
		r.finish(t, wire.Idle)
	})
}

func TestPipeEndsInTotalTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		began := time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if _, err := r.web.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, r.router) }()
		r.finish(t, wire.TotalTime)
		if took := time.Since(began); took != time.Hour {
			t.Errorf("ended after %s", took)
		}
		<-ended
	})
}

func TestPipeDoesNotWaitForTheRouterForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		_ = r.web.CloseWrite()
		began := time.Now()
		r.finish(t, wire.OK)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

func TestPipeNamesTheSideThatBrokeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), open{}, wide)
		_ = r.web.Reset()
		r.finish(t, wire.SiteReset)
		r = start(t.Context(), open{}, wide)
		_ = r.router.Reset()
		r.finish(t, wire.RouterReset)
		r = start(t.Context(), open{}, wide)
		_ = r.web.CloseWrite()
		_, _ = io.ReadAll(r.router)
		_ = r.router.Reset() // it has everything
		if o := <-r.done; o.Reason != wire.OK {
			t.Errorf("router left after the end: %s, %v", o.Reason, o.Err)
		}
	})
}

// The site has sent everything and closed, and the router's close_notify finds
// nobody any more. Real connections, because the reset is the system's.
func TestPipeEndsWellWhenTheSiteIsGoneFirst(t *testing.T) {
	for name, late := range map[string]bool{"before its end is handed on": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			web, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			router, node := stream()
			r := &rig{node: node, done: make(chan egress.Outcome, 1)}
			go func() { r.done <- egress.Pipe(t.Context(), node, conn, open{}, &r.meter, wide) }()
			if _, err := web.Write([]byte("the whole page")); err != nil {
				t.Fatal(err)
			}
			_ = web.Close()
			hang := func() {
				for range 20 { // the first is answered with a reset, a later one fails
					if _, err := router.Write([]byte("bye")); err != nil {
						break
					}
					time.Sleep(time.Millisecond)
				}
				_ = router.CloseWrite()
			}
			if !late {
				hung := make(chan struct{})
				go func() { defer close(hung); hang() }()
				time.Sleep(50 * time.Millisecond) // the page waits in the tunnel meanwhile
				defer func() { <-hung }()
			}
			got, err := io.ReadAll(router)
			if err != nil || string(got) != "the whole page" {
				t.Errorf("router got %q, %v", got, err)
			}
			if late {
				hang()
			}
			_ = router.Close()
			r.finish(t, wire.OK)
		})
	}
}

func TestPipeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		paused := start(ctx, open{}, wide)
		cancel(&egress.Refusal{Reason: wire.Paused, Err: errors.New("the user paused")})
		paused.finish(t, wire.Paused)
		ctx2, cancel2 := context.WithCancel(t.Context())
		stopped := start(ctx2, open{}, wide)
		cancel2()
		stopped.finish(t, wire.Stopping)
	})
}

func TestPipeSendsNothingPastAGateThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t.Context(), egress.NewTLSGate("site.example"), wide)
		go func() { _, _ = r.router.Write([]byte("GET / HTTP/1.1\r\n\r\n")) }()
		got, _ := io.ReadAll(r.web)
		if r.finish(t, wire.TLSNotTLS); len(got) > 0 {
			t.Errorf("site got %q", got)
		}
	})
}

func TestPipeTellsTheGateOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		head := []byte("GET / HTTP/1.1\r\nHost: site.example\r\n\r\n")
		r := start(t.Context(), egress.NewHTTPGate("site.example", 80), wide)
		for range 3 {
			go func() { _, _ = r.router.Write(head) }()
			_, _ = io.ReadFull(r.web, make([]byte, len(head)))
			go func() { _, _ = r.web.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n")) }()
			_, _ = io.ReadFull(r.router, make([]byte, 27))
		}
		go func() { _, _ = r.router.Write(head) }()
		_, _ = io.ReadFull(r.web, make([]byte, len(head)))
		go func() { _, _ = r.router.Write(head) }() // before the answer
		r.finish(t, wire.HTTPMalformed)
	})
}

func TestPipeKeepsToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := wide
		l.Down = rate.NewLimiter(100_000, 32<<10)
		r := start(t.Context(), open{}, l)
		began := time.Now()
		go func() { _, _ = r.web.Write(make([]byte, 1_000_000)); _ = r.web.CloseWrite() }()
		_, _ = io.Copy(io.Discard, r.router)
		_ = r.router.CloseWrite()
		r.finish(t, wire.OK)
		if took := time.Since(began); took < 9500*time.Millisecond || took > 10500*time.Millisecond {
			t.Errorf("1 MB at 100 kB/s took %s", took)
		}
	})
}

func TestLegCarriesOverRealConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	e := lab(t, newDNS(t, always("127.0.0.1")))
	before := runtime.NumGoroutine()
	for range 20 {
		head := []byte("GET / HTTP/1.1\r\nHost: site.example:" + portOf(l) + "\r\n\r\n")
		leg, err := e.Dial(t.Context(), egress.Target{
			Host: "site.example", Port: l.Addr().(*net.TCPAddr).AddrPort().Port(), MaxUp: 1000, MaxDown: 1000,
		})
		if err != nil {
			t.Fatal(err)
		}
		router, node := stream()
		done := make(chan egress.Outcome, 1)
		var meter counts
		go func() { done <- leg.Carry(t.Context(), node, &meter) }()
		_, _ = router.Write(head)
		_ = router.CloseWrite()
		got, _ := io.ReadAll(router)
		if o := <-done; o.Reason != wire.OK || !bytes.Equal(got, head) || o.Up != uint64(len(head)) {
			t.Fatalf("%+v, echoed %q", o, got)
		}
	}
	if e.Tunnels() != 0 {
		t.Errorf("%d tunnels are still open", e.Tunnels())
	}
	if err := waitFor(func() bool { return runtime.NumGoroutine() <= before }); err != nil {
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
