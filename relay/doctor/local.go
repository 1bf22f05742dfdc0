package doctor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
)

// built is a time that no right clock is before: that of this version.
var built = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// errUnsynced and errClockUnknown are what a system says of its own clock.
var (
	errUnsynced     = errors.New("the system does not keep its clock by any other")
	errClockUnknown = errors.New("this system does not say whether its clock is kept by another")
)

// ownClock says what can be said of the clock without a router: whether it lies
// before this program was made, and whether the system keeps it.
func ownClock(now time.Time) Finding {
	if now.Before(built) {
		return Finding{stepClock, Bad, fmt.Sprintf("It says %s, which is before this program was made.", now.Format(time.DateOnly)), "Set the clock, or have the system keep it."}
	}
	switch off, err := clockKept(); {
	case errors.Is(err, errUnsynced):
		return Finding{stepClock, Notable, "The system does not keep it by any other clock, and no router is connected to compare with.", "Have the system keep it, for example with: timedatectl set-ntp true"}
	case err != nil:
		return Finding{stepClock, Skipped, "No router is connected to compare with, and " + err.Error() + ".", ""}
	default:
		return Finding{stepClock, Good, fmt.Sprintf("The system keeps it, within %s by its own estimate; no router is connected to compare with.", off.Round(time.Millisecond)), ""}
	}
}

// ownAddresses says what kind of addresses this machine has itself. Whether a home
// router in between is reached from the web, it cannot see.
func ownAddresses(list func() ([]net.Addr, error)) Finding {
	addrs, err := list()
	if err != nil {
		return Finding{stepClass, Skipped, "No router is connected that would know, and the system does not name its addresses.", ""}
	}
	private, shared, public4, public6 := 0, 0, 0, 0
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch ip := prefix.Addr().Unmap(); {
		case ip.IsLoopback() || ip.IsLinkLocalUnicast():
		case carrierNAT.Contains(ip):
			shared++
		case egress.Public(ip) != nil:
			private++
		case ip.Is4():
			public4++
		default:
			public6++
		}
	}
	found := ""
	switch {
	case public4 > 0:
		found = "This machine has a public IPv4 address of its own."
	case shared > 0:
		found = "This machine has an address that its provider shares among customers (100.64.0.0/10)."
	case private > 0 || public6 > 0:
		found = "This machine is behind a router that shares its IPv4 address, as in most homes."
	default:
		return Finding{stepClass, Bad, "This machine has no address but its own loopback.", "Connect it to a network."}
	}
	if public6 > 0 {
		found += " It has public IPv6."
	}
	return Finding{stepClass, Good, found + " What a router sees is said once one is connected.", ""}
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")
