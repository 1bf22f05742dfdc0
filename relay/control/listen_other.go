//go:build !unix && !windows

package control

import (
	"context"
	"errors"
	"net"
)

// errNoSocket: a port on loopback would not do, since every user of the machine can
// open it.
var errNoSocket = errors.New("this system has neither unix sockets nor named pipes")

func listen(string) (net.Listener, error) { return nil, errNoSocket }

func dial(context.Context, string) (net.Conn, error) { return nil, errNoSocket }
