package presence_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/presence"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// machine writes system files under a root of its own. A text beginning with
// "->" is a symbolic link.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		write(t, root, path, text)
	}
	return root
}

func write(t *testing.T, root, path, text string) {
	t.Helper()
	path = filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	err := os.WriteFile(path, []byte(text), 0o644)
	if target, ok := strings.CutPrefix(text, "->"); ok {
		_ = os.Remove(path)
		err = os.Symlink(target, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func look(root string, ways ...string) presence.Snapshot {
	w := presence.Ways(ways...)
	return presence.NewAt(root, func() []presence.Way { return w }).Look(noon, 0)
}

func TestBattery(t *testing.T) {
	const dir = "sys/class/power_supply/"
	for name, c := range map[string]struct {
		files map[string]string
		want  presence.Answer
		why   string
	}{
		"desktop":     {map[string]string{dir + ".keep": ""}, presence.No, "no battery"},
		"no such dir": {nil, presence.Unknown, "cannot tell here: there is no /sys"},
		"discharging": {map[string]string{dir + "BAT0/type": "Battery\n", dir + "BAT0/status": "Discharging\n", dir + "AC/type": "Mains\n", dir + "AC/online": "0\n"}, presence.Yes, "BAT0"},
		"plugged in":  {map[string]string{dir + "BAT0/type": "Battery\n", dir + "BAT0/status": "Discharging\n", dir + "AC/type": "Mains\n", dir + "AC/online": "1\n"}, presence.No, "AC is plugged in"},
		"USB-C":       {map[string]string{dir + "BAT0/type": "Battery\n", dir + "BAT0/status": "Not charging\n", dir + "ucsi/type": "USB\n", dir + "ucsi/online": "0\n"}, presence.No, "not discharging"},
		"a mouse":     {map[string]string{dir + "hid/type": "Battery\n", dir + "hid/scope": "Device\n", dir + "hid/status": "Discharging\n"}, presence.No, "no battery"},
		"two, one on": {map[string]string{dir + "BAT0/type": "Battery\n", dir + "BAT0/status": "Full\n", dir + "BAT1/type": "Battery\n", dir + "BAT1/status": "Discharging\n"}, presence.Yes, "discharging"},
	} {
		if got := look(machine(t, c.files)).Battery; got.Answer != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestVPN(t *testing.T) {
	const dir = "sys/class/net/"
	root := machine(t, map[string]string{
		dir + "eth0/type": "1\n", dir + "wlan0/type": "1\n", dir + "wlan0/uevent": "DEVTYPE=wlan\nINTERFACE=wlan0\n",
		dir + "wg0/type": "65534\n", dir + "wg0/uevent": "DEVTYPE=wireguard\nINTERFACE=wg0\n",
		dir + "tun0/type": "65534\n", dir + "tun0/tun_flags": "0x1001\n",
		dir + "ppp0/type": "512\n", dir + "gre1/type": "778\n",
	})
	for _, c := range []struct {
		ways []string
		want presence.Answer
	}{
		{[]string{"eth0"}, presence.No},
		{[]string{"wlan0"}, presence.No},
		{[]string{"wg0"}, presence.Yes},
		{[]string{"tun0"}, presence.Yes},
		{[]string{"gre1"}, presence.Yes},
		{[]string{"eth0", "wg0"}, presence.Yes}, // one family only
		{[]string{"ppp0"}, presence.Unknown},
		{[]string{"gone0"}, presence.Unknown},
		{nil, presence.Unknown},
	} {
		if got := look(root, c.ways...).VPN; got.Answer != c.want || got.Why == "" {
			t.Errorf("%v: %+v", c.ways, got)
		}
	}
}

const (
	routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	arp    = "IP address       HW type     Flags       HW address            Mask     Device\n"
)

// route is a default route of the main table; the gateway in the byte order of
// the usual machines.
func route(on string, gateway [4]byte, metric int) string {
	return fmt.Sprintf("%s\t00000000\t%02X%02X%02X%02X\t0003\t0\t0\t%d\t00000000\t0\t0\t0\n", on, gateway[3], gateway[2], gateway[1], gateway[0], metric)
}

func TestMetered(t *testing.T) {
	const dir = "sys/class/net/"
	phone := machine(t, map[string]string{"proc/net/route": routes + route("wlan0", [4]byte{172, 20, 10, 1}, 600)})
	root := machine(t, map[string]string{
		dir + "usb0/device/driver": "->../../drivers/rndis_host", dir + "eth1/device/driver": "->../../drivers/ipheth",
		dir + "eth0/device/driver": "->../../drivers/e1000e", dir + "wwp0s20/uevent": "DEVTYPE=wwan\n",
		"run/systemd/netif/leases/1": "ADDRESS=192.168.43.5\nVENDOR_SPECIFIC=41 4e 44 52 4f 49 44 5f 4d 45 54 45 52 45 44\n",
	})
	for _, c := range []struct {
		root string
		ways []string
		want presence.Answer
		why  string
	}{
		{root, []string{"wlan0", "usb0"}, presence.Yes, "hotspot"},
		{root, []string{"eth0", "usb0"}, presence.Yes, "hotspot"}, // the lease of index 1
		{phone, []string{"usb0"}, presence.Yes, "iPhone"},
		{phone, []string{"wlan0"}, presence.Yes, "iPhone"},
		{machine(t, nil), []string{"eth0"}, presence.Unknown, "cannot tell here"},
		{machine(t, map[string]string{dir + "usb0/device/driver": "->x/rndis_host"}), []string{"usb0"}, presence.Yes, "telephone"},
		{machine(t, map[string]string{dir + "eth1/device/driver": "->x/ipheth"}), []string{"eth1"}, presence.Yes, "iPhone"},
		{machine(t, map[string]string{dir + "wwp0/uevent": "DEVTYPE=wwan\n"}), []string{"wwp0"}, presence.Yes, "mobile"},
	} {
		if got := look(c.root, c.ways...).Metered; got.Answer != c.want || !strings.Contains(got.Why, c.why) {
			t.Errorf("%v: %+v, want %s", c.ways, got, c.why)
		}
	}
}

func TestNetwork(t *testing.T) {
	home := map[string]string{
		"proc/net/route": routes + route("tun0", [4]byte{10, 8, 0, 1}, 700) + route("wlan0", [4]byte{192, 168, 1, 1}, 600) +
			"tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", // 0.0.0.0/1 of a VPN
		"proc/net/arp": arp + "192.168.1.1      0x1         0x2         02:fc:00:00:00:05     *        wlan0\n",
	}
	first := look(machine(t, home)).Network
	if first.ID == "" || first.Name != "gateway 192.168.1.1 on wlan0" || strings.Contains(first.ID, "fc") && len(first.ID) != 16 {
		t.Fatalf("%+v", first)
	}
	if again := look(machine(t, home)).Network; again.ID != first.ID {
		t.Errorf("the same network is %s and %s", first.ID, again.ID)
	}
	other := map[string]string{"proc/net/route": home["proc/net/route"], "proc/net/arp": strings.Replace(home["proc/net/arp"], "00:05", "00:06", 1)}
	if got := look(machine(t, other)).Network; got.ID == "" || got.ID == first.ID {
		t.Errorf("another gateway is %+v", got)
	}
	silent := map[string]string{"proc/net/route": home["proc/net/route"], "proc/net/arp": arp + "192.168.1.1 0x1 0x0 00:00:00:00:00:00 * wlan0\n"}
	if got := look(machine(t, silent)).Network; got.ID != "" || !got.Pending {
		t.Errorf("not spoken with yet: %+v", got)
	}
	for _, none := range []map[string]string{nil, {"proc/net/route": routes}, {"proc/net/route": routes + "ppp0 00000000 00000000 1 0 0 0 00000000\n"}} {
		if got := look(machine(t, none)).Network; got.ID != "" || got.Pending || !strings.HasPrefix(got.Why, "cannot tell here") {
			t.Errorf("%v: %+v", none, got)
		}
	}
}

func TestManaged(t *testing.T) {
	if got := look(machine(t, map[string]string{"etc/krb5.keytab": ""})).Managed; got.Answer != presence.Yes {
		t.Errorf("%+v", got)
	}
	if got := look(machine(t, nil)).Managed; got.Answer != presence.Unknown {
		t.Errorf("%+v", got)
	}
}

func TestKeyboardAndMouse(t *testing.T) {
	const usb = "sys/bus/usb/devices/"
	interrupts := func(n int) string {
		return fmt.Sprintf("           CPU0       CPU1\n  1:   %d   3   IO-APIC   1-edge      i8042\n  9:  99  99  IO-APIC 9-fasteoi acpi\n", n)
	}
	root := machine(t, map[string]string{
		"proc/interrupts":  interrupts(5),
		usb + "1-2/urbnum": "100\n", usb + "1-2:1.0/bInterfaceClass": "03\n", usb + "1-2:1.0/bInterfaceProtocol": "02\n",
		usb + "1-3/urbnum": "100\n", usb + "1-3:1.0/bInterfaceClass": "08\n", usb + "1-3:1.0/bInterfaceProtocol": "50\n",
	})
	o := presence.NewAt(root, func() []presence.Way { return nil })
	at := noon
	for _, step := range []struct {
		path, text string
		want       presence.Answer
		last       int // looks ago, -1 for never
	}{
		{"", "", presence.No, -1},
		{usb + "1-3/urbnum", "200\n", presence.No, -1}, // a disk
		{usb + "1-2/urbnum", "101\n", presence.Yes, 0},
		{"", "", presence.No, 1},
		{"proc/interrupts", interrupts(6), presence.Yes, 0},
	} {
		if step.path != "" {
			write(t, root, step.path, step.text)
		}
		at = at.Add(15 * time.Second)
		got := o.Look(at, 0).InUse
		last := at.Add(-time.Duration(step.last) * 15 * time.Second)
		if got.Answer != step.want || got.Last.IsZero() != (step.last < 0) || step.last >= 0 && !got.Last.Equal(last) {
			t.Errorf("after %q: %+v", step.path, got)
		}
	}
	if got := look(machine(t, nil)).InUse; got.Answer != presence.Unknown || !strings.Contains(got.Why, "cannot tell here") {
		t.Errorf("without any: %+v", got)
	}
}

func TestOwnTrafficIsNotTakenForTheUsers(t *testing.T) {
	const dir = "sys/class/net/eth0/statistics/"
	root := machine(t, nil)
	ways := presence.Ways("eth0")
	o := presence.NewAt(root, func() []presence.Way { return ways })
	at, line, carried := noon, uint64(1000), uint64(0)
	for _, step := range []struct {
		name        string
		line, moved uint64
		busy        bool
	}{
		{"first look", 0, 0, false},
		{"nothing", 0, 0, false},
		{"a little", 1_000_000, 0, false},
		{"a film", 10_000_000, 0, true},
		{"tunnels", 220_000_000, 100_000_000, false},
		{"tunnels and a film", 320_000_000, 100_000_000, true},
		{"fewer than carried", 0, 100_000_000, false},
	} {
		line, carried, at = line+step.line, carried+step.moved, at.Add(15*time.Second)
		write(t, root, dir+"rx_bytes", fmt.Sprintln(line/2))
		write(t, root, dir+"tx_bytes", fmt.Sprintln(line-line/2))
		got := o.Look(at, carried).InUse
		if busy := got.Last.Equal(at); busy != step.busy || busy && got.Sign != "its own traffic" {
			t.Errorf("%s: %+v", step.name, got)
		}
	}
	write(t, root, dir+"rx_bytes", "0") // counters that begin again
	if got := o.Look(at.Add(time.Second), carried).InUse; got.Last.Equal(at.Add(time.Second)) {
		t.Errorf("after a reset: %+v", got)
	}
}

func FuzzSystemFiles(f *testing.F) {
	f.Add(routes+route("eth0", [4]byte{10, 0, 0, 1}, 0), arp+"10.0.0.1 0x1 0x2 02:fc:00:00:00:05 * eth0", " 1: 5 3 IO-APIC 1-edge i8042")
	root := f.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc/net"), 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, route, neighbours, interrupts string) {
		for path, text := range map[string]string{"proc/net/route": route, "proc/net/arp": neighbours, "proc/interrupts": interrupts} {
			if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if n := look(root, "eth0").Network; (n.ID == "") != (n.Why != "") {
			t.Errorf("%+v", n)
		}
	})
}
