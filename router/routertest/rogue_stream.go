package routertest

import (
	"io"
	"log"
	"net"
	"net/http"

	"github.com/libp2p/go-libp2p/core/network"
)

// streamConn makes a tunnel what crypto/tls and net/http take for a connection.
type streamConn struct {
	network.Stream
	rogue *Rogue
}

func (c streamConn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	c.rogue.carried.Add(uint64(n))
	return n, err
}

func (c streamConn) Write(p []byte) (int, error) {
	n, err := c.Stream.Write(p)
	c.rogue.carried.Add(uint64(n))
	return n, err
}

func (streamConn) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (streamConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// serveOne serves one connection to its end.
func serveOne(server *http.Server, conn net.Conn) {
	ended := make(chan struct{})
	server.ErrorLog = log.New(io.Discard, "", 0) // what the router thinks of it is no news
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			close(ended)
		}
	}
	one := &oneConn{conn: make(chan net.Conn, 1), ended: ended}
	one.conn <- conn
	_ = server.Serve(one)
}

// oneConn is a listener that accepts one connection and ends with it.
type oneConn struct {
	conn  chan net.Conn
	ended chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error { return nil }
func (*oneConn) Addr() net.Addr { return &net.TCPAddr{} }
