package presence

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// iPhoneGateway is what every iPhone calls itself in the network it lends.
const iPhoneGateway = "172.20.10.1"

// network knows the gateway of the default route in the main table, which a VPN
// leaves in place, and looks its hardware address up among the neighbours.
func (l *linux) network() Network {
	gateway, on, ok := l.gateway()
	if !ok {
		return unidentified("there is no IPv4 gateway, and IPv6 neighbours are not in any file")
	}
	for line := range strings.Lines(l.text("proc/net/arp")) {
		// address, type, flags, hardware address, mask, device
		f := strings.Fields(line)
		if len(f) < 6 || f[0] != gateway.String() || f[5] != on {
			continue
		}
		mac, err := net.ParseMAC(f[3])
		flags, errFlags := strconv.ParseUint(f[2], 0, 32)
		const complete = 2
		if err == nil && errFlags == nil && flags&complete != 0 {
			return identify(mac, gateway, on)
		}
	}
	n := unidentified("the machine has not spoken with its gateway " + gateway.String() + " yet")
	n.Pending = true
	return n
}

// gateway is that of the default route with the lowest metric.
func (l *linux) gateway() (gateway netip.Addr, on string, ok bool) {
	best := uint64(1 << 33)
	for line := range strings.Lines(l.text("proc/net/route")) {
		// interface, destination, gateway, flags, references, use, metric, mask
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		metric, err := strconv.ParseUint(f[6], 10, 32)
		raw, errHex := hex.DecodeString(f[2])
		if err != nil || errHex != nil || len(raw) != 4 || metric >= best {
			continue
		}
		var b [4]byte // a number in the machine's byte order
		binary.NativeEndian.PutUint32(b[:], binary.BigEndian.Uint32(raw))
		if a := netip.AddrFrom4(b); !a.IsUnspecified() {
			gateway, on, best, ok = a, f[0], metric, true
		}
	}
	return gateway, on, ok
}

// androidLease reports whether a lease of systemd-networkd carries what Android
// says of itself in DHCP option 43.
func androidLease(text string) bool {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "VENDOR_SPECIFIC="); ok {
			raw, err := hex.DecodeString(strings.ReplaceAll(value, " ", ""))
			return err == nil && strings.Contains(string(raw), "ANDROID_METERED")
		}
	}
	return false
}
