package egress

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strings"
)

// maxSystemFile bounds what is read of a file of the system, in bytes. A
// machine with more routes than fit has its default route among the first.
const maxSystemFile = 256 << 10

func neighbours() []Block {
	var all []Block
	for _, a := range readLines("/proc/net/route", gateway4) {
		all = append(all, neighbour(a, "the gateway of this machine", "/proc/net/route"))
	}
	for _, a := range readLines("/proc/net/ipv6_route", gateway6) {
		all = append(all, neighbour(a, "the gateway of this machine", "/proc/net/ipv6_route"))
	}
	for _, a := range readLines("/etc/resolv.conf", nameserver) {
		all = append(all, neighbour(a, "the DNS server of this machine", "/etc/resolv.conf"))
	}
	return all
}

// readLines is what parse finds in a file of the system, one address a line. A
// file that is not there says nothing.
func readLines(path string, parse func(fields []string) (netip.Addr, bool)) []netip.Addr {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var found []netip.Addr
	for lines := bufio.NewScanner(io.LimitReader(f, maxSystemFile)); lines.Scan(); {
		if a, ok := parse(strings.Fields(lines.Text())); ok {
			found = append(found, a)
		}
	}
	return found
}

// gateway4 reads "Iface Destination Gateway ...", addresses as one hexadecimal
// number in the machine's byte order.
func gateway4(fields []string) (netip.Addr, bool) {
	if len(fields) < 3 || len(fields[2]) != 8 {
		return netip.Addr{}, false
	}
	raw, err := hex.DecodeString(fields[2])
	if err != nil {
		return netip.Addr{}, false
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], binary.BigEndian.Uint32(raw))
	a := netip.AddrFrom4(b)
	return a, !a.IsUnspecified()
}

// gateway6 reads "destination length source length gateway ...".
func gateway6(fields []string) (netip.Addr, bool) {
	if len(fields) < 5 || len(fields[4]) != 32 {
		return netip.Addr{}, false
	}
	raw, err := hex.DecodeString(fields[4])
	if err != nil {
		return netip.Addr{}, false
	}
	a := netip.AddrFrom16([16]byte(raw))
	return a, !a.IsUnspecified()
}

func nameserver(fields []string) (netip.Addr, bool) {
	if len(fields) < 2 || fields[0] != "nameserver" {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(fields[1])
	return a, err == nil
}
