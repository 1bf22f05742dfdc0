package presence

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// startBus runs a D-Bus of the test's own and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("NOT TESTED: what NetworkManager is asked; there is no dbus-daemon here")
	}
	cmd := exec.CommandContext(t.Context(), daemon, "--session", "--nofork", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

func TestNetworkManagerIsAsked(t *testing.T) {
	address := startBus(t)
	connect := func() (*dbus.Conn, error) { return dbus.Connect(address) }
	l := &linux{root: t.TempDir(), nm: networkManager{connect: connect}}
	if got := l.metered(nil); got.Answer != Unknown {
		t.Errorf("without NetworkManager: %+v", got)
	}
	conn, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	props, err := prop.Export(conn, nmPath, prop.Map{nmName: {"Metered": {Value: uint32(0), Writable: false, Emit: prop.EmitFalse}}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(nmName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	for value, want := range map[uint32]Answer{0: Unknown, nmYes: Yes, nmNo: No, nmGuessYes: Yes, nmGuessNo: No, 9: Unknown} {
		props.SetMust(nmName, "Metered", value)
		if got := l.metered(nil); got.Answer != want || got.Why == "" {
			t.Errorf("Metered %d: %+v", value, got)
		}
	}
	_ = l.nm.conn.Close() // as when the bus is started again
	props.SetMust(nmName, "Metered", uint32(nmYes))
	if got := l.metered(nil); got.Answer != Yes {
		t.Errorf("after the connection was lost: %+v", got)
	}
}

func TestNoBusIsNoAnswer(t *testing.T) {
	l := &linux{root: t.TempDir(), nm: networkManager{connect: func() (*dbus.Conn, error) { return dbus.Connect("unix:path=/nowhere/bus") }}}
	if got := l.metered(nil); got.Answer != Unknown {
		t.Errorf("%+v", got)
	}
}
