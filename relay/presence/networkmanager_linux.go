package presence

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// What NetworkManager says of the connection that leads to the web
// (NMMetered, NetworkManager 1.0.6 and later).
const (
	nmYes      = 1
	nmNo       = 2
	nmGuessYes = 3
	nmGuessNo  = 4
)

const (
	nmName = "org.freedesktop.NetworkManager"
	nmPath = "/org/freedesktop/NetworkManager"
	nmTime = time.Second // for one question
)

// networkManager asks NetworkManager over the system's D-Bus whether the line is
// paid by volume: it is where users tick that, and it hears it from telephones. It is
// not for concurrent use.
type networkManager struct {
	connect func() (*dbus.Conn, error) // nil in the zero value: nobody is asked
	conn    *dbus.Conn
}

// metered is the answer, or false if there is none: no D-Bus, no NetworkManager, or
// one that does not know.
func (n *networkManager) metered() (Finding, bool) {
	switch n.ask() {
	case nmYes:
		return yes("NetworkManager has it marked so"), true
	case nmGuessYes:
		return yes("NetworkManager takes it for one"), true
	case nmNo:
		return no("NetworkManager has it marked as not metered"), true
	case nmGuessNo:
		return no("NetworkManager takes it for one that is not"), true
	default:
		return Finding{}, false
	}
}

func (n *networkManager) ask() uint32 {
	if n.connect == nil {
		return 0
	}
	if n.conn == nil || !n.conn.Connected() {
		conn, err := n.connect()
		if err != nil {
			return 0
		}
		n.conn = conn
	}
	ctx, cancel := context.WithTimeout(context.Background(), nmTime)
	defer cancel()
	var value dbus.Variant
	err := n.conn.Object(nmName, nmPath).
		CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", dbus.FlagNoAutoStart, nmName, "Metered").Store(&value)
	if err != nil {
		return 0
	}
	answer, _ := value.Value().(uint32)
	return answer
}

func systemBus() (*dbus.Conn, error) { return dbus.ConnectSystemBus() }
