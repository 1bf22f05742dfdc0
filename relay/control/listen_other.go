//go:build !unix

package control

import (
	"context"
	"errors"
	"net"
)

// errNoSocket stands until there is a named pipe with per-user permissions. A
// port on loopback would not do: every user of the machine can open it.
var errNoSocket = errors.New("a local control socket is not available on this system yet")

func listen(string) (net.Listener, error) { return nil, errNoSocket }

func dial(context.Context, string) (net.Conn, error) { return nil, errNoSocket }
