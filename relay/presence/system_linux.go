package presence

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxSystemFile bounds what is read of a file of the system, in bytes.
const maxSystemFile = 256 << 10

// linux reads small files that every user may read. root is "/" but in tests.
type linux struct {
	root  string
	count uint64 // of events of keyboards and mice
	since bool   // whether count was read before
	last  time.Time
	nm    networkManager
}

func newSystem() system { return &linux{root: "/", nm: networkManager{connect: systemBus}} }

// text is a file without the space around it, "" if it cannot be read.
func (l *linux) text(parts ...string) string {
	f, err := os.Open(filepath.Join(append([]string{l.root}, parts...)...))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSystemFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (l *linux) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(l.root, dir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// battery asks the power supplies. Those with scope "Device" feed a mouse, not
// the machine.
func (l *linux) battery() Finding {
	const dir = "sys/class/power_supply"
	supplies, err := l.names(dir)
	if err != nil {
		return cannot("there is no /" + dir)
	}
	battery, discharging := "", false
	for _, s := range supplies {
		switch kind := l.text(dir, s, "type"); {
		case l.text(dir, s, "scope") == "Device":
		case kind == "Battery":
			battery = s
			discharging = discharging || l.text(dir, s, "status") == "Discharging"
		case l.text(dir, s, "online") == "1":
			return no(s + " is plugged in")
		}
	}
	switch {
	case battery == "":
		return no("it has no battery")
	case discharging:
		return yes(battery + " is discharging")
	default:
		return no(battery + " is not discharging")
	}
}

// Kinds of interfaces, in /sys/class/net/NAME/type (linux/if_arp.h).
const (
	kindPPP  = "512"
	kindIPIP = "768"
	kindSIT  = "776"
	kindGRE  = "778"
)

func (l *linux) vpn(ways []way) Finding {
	if len(ways) == 0 {
		return cannot("there is no way to the web at the moment")
	}
	for _, w := range ways {
		dir := filepath.Join("sys/class/net", w.name)
		kind, device := l.text(dir, "type"), l.deviceType(w.name)
		switch {
		case device == "wireguard":
			return yes("traffic leaves by " + w.name + ", which is WireGuard")
		case l.text(dir, "tun_flags") != "":
			return yes("traffic leaves by " + w.name + ", which a VPN program made")
		case kind == kindIPIP || kind == kindSIT || kind == kindGRE:
			return yes("traffic leaves by " + w.name + ", which is a tunnel")
		case kind == kindPPP:
			return cannot("traffic leaves by " + w.name + ", which may be a VPN or the line itself")
		case kind == "":
			return cannot("nothing is known of " + w.name)
		}
	}
	return no("traffic leaves by " + ways[0].name + ", an ordinary interface")
}

// deviceType is DEVTYPE of an interface: wlan, wwan, wireguard ...
func (l *linux) deviceType(name string) string {
	for line := range strings.Lines(l.text("sys/class/net", name, "uevent")) {
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			return kind
		}
	}
	return ""
}

// tethers are the drivers of telephones that lend their connection by cable.
var tethers = map[string]string{"ipheth": "an iPhone", "rndis_host": "a telephone"}

// metered knows the ways that are always paid by volume, and what an Android
// telephone tells systemd-networkd by DHCP. Of anything else only NetworkManager
// knows, where the user ticks it.
func (l *linux) metered(ways []way) Finding {
	for _, w := range ways {
		driver, err := os.Readlink(filepath.Join(l.root, "sys/class/net", w.name, "device/driver"))
		if phone := tethers[filepath.Base(driver)]; err == nil && phone != "" {
			return yes(w.name + " is the connection of " + phone)
		}
		if l.deviceType(w.name) == "wwan" || strings.HasPrefix(w.name, "wwan") {
			return yes(w.name + " is a mobile modem")
		}
		if androidLease(l.text("run/systemd/netif/leases", strconv.Itoa(w.index))) {
			return yes(w.name + " is the hotspot of a telephone")
		}
	}
	if gateway, _, ok := l.gateway(); ok && gateway.String() == iPhoneGateway {
		return yes("the gateway is an iPhone's")
	}
	if found, ok := l.nm.metered(); ok {
		return found
	}
	return cannot("there is no NetworkManager that would know whether the line is paid by volume")
}

// managed knows the one sign that every way of joining a directory leaves.
func (l *linux) managed() Finding {
	const keytab = "etc/krb5.keytab"
	if _, err := os.Stat(filepath.Join(l.root, keytab)); err == nil {
		return yes("it has joined a directory: there is a /" + keytab)
	}
	return cannot("there is no sign of it, which proves nothing")
}

func (l *linux) line(name string) (uint64, bool) {
	var sum uint64
	for _, counter := range [2]string{"rx_bytes", "tx_bytes"} {
		n, err := strconv.ParseUint(l.text("sys/class/net", name, "statistics", counter), 10, 64)
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return sum, true
}

// input counts the events of keyboards and mice between looks. Reading the
// events themselves would take privileges, and would be no business of ours.
func (l *linux) input(now time.Time) (time.Time, Finding) {
	count, devices := l.events()
	if devices == 0 {
		l.since = false
		return l.last, cannot("no keyboard or mouse on PS/2 or USB")
	}
	if l.since && count != l.count {
		l.last = now
	}
	l.count, l.since = count, true
	return l.last, no(fmt.Sprintf("keyboards and mice on PS/2 and USB are watched (%d here), those on Bluetooth are not seen", devices))
}
