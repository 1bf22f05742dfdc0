package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// ErrNotLoopback refuses an address that others could reach.
var ErrNotLoopback = errors.New("the API has no keys yet, so it listens on this machine only: give it 127.0.0.1:PORT, [::1]:PORT or localhost:PORT")

// CheckListen says whether a Server may listen on addr. The error wraps
// ErrNotLoopback, or says how an address is written.
func CheckListen(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return fmt.Errorf("listen for the API on %q: give it as HOST:PORT, such as 127.0.0.1:4180", addr)
	}
	if !isLoopback(host) {
		return fmt.Errorf("listen for the API on %q: %w", addr, ErrNotLoopback)
	}
	return nil
}

// listen opens a loopback port.
func listen(addr string) (net.Listener, error) {
	if err := CheckListen(addr); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen for the API on %s: the port is in use; stop the other program or choose another with --api: %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen for the API on %s: not permitted; use a port above 1023: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("listen for the API on %s: %w", addr, err)
	}
	return refuseOthers(listener)
}

// refuseOthers looks at what was really opened: "localhost" is what the
// resolver says it is.
func refuseOthers(l net.Listener) (net.Listener, error) {
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err == nil && isLoopback(host) {
		return l, nil
	}
	return nil, errors.Join(fmt.Errorf("listen for the API on %s: %w", l.Addr(), ErrNotLoopback), err, l.Close())
}

// isLoopback says whether a host, without port, is this machine by a name or
// address that no one else can be given.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && ip.Unmap().IsLoopback()
}
