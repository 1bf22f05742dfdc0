package presence

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// windowsSystem asks the API of Windows directly.
type windowsSystem struct{}

func newSystem() system { return windowsSystem{} }

var (
	powerStatus = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetSystemPowerStatus")
	tickCount   = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetTickCount")
	lastInput   = windows.NewLazySystemDLL("user32.dll").NewProc("GetLastInputInfo")
	ipNetTable  = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetIpNetTable")
)

// input is for the session the agent runs in, which is that of its user.
func (windowsSystem) input(now time.Time) (time.Time, Finding) {
	info := struct{ size, ticks uint32 }{size: 8}
	if ok, _, _ := lastInput.Call(uintptr(unsafe.Pointer(&info))); ok == 0 {
		return time.Time{}, cannot("this session has neither keyboard nor mouse")
	}
	ticks, _, _ := tickCount.Call()
	idle := uint32(ticks) - info.ticks // milliseconds; both wrap after 49 days
	return now.Add(-time.Duration(idle) * time.Millisecond), no("Windows tells when a key or the mouse was last used")
}

// battery reads SYSTEM_POWER_STATUS, whose first byte is the AC line's status.
func (windowsSystem) battery() Finding {
	var status [12]byte
	if ok, _, _ := powerStatus.Call(uintptr(unsafe.Pointer(&status[0]))); ok == 0 {
		return cannot("Windows gives no power status")
	}
	switch status[0] {
	case 0:
		return yes("Windows says that it draws from the battery")
	case 1:
		return no("Windows says that it is plugged in")
	default:
		return cannot("Windows does not know what it draws from")
	}
}

func (windowsSystem) metered([]way) Finding {
	return cannot("Windows tells it through COM only, which is not asked")
}

func (windowsSystem) managed() Finding {
	var name *uint16
	var status uint32
	if err := windows.NetGetJoinInformation(nil, &name, &status); err != nil {
		return cannot("Windows does not say whether it has joined a domain")
	}
	defer func() { _ = windows.NetApiBufferFree((*byte)(unsafe.Pointer(name))) }()
	if status == windows.NetSetupDomainName {
		return yes("it has joined the domain " + windows.UTF16PtrToString(name))
	}
	return cannot("it has joined no domain, which proves nothing")
}

// Kinds of interfaces (IANA ifType) that VPNs make.
const (
	kindPPP     = 23
	kindVirtual = 53
	kindTunnel  = 131
)

func (windowsSystem) vpn(ways []way) Finding {
	if len(ways) == 0 {
		return cannot("there is no way to the web at the moment")
	}
	for _, w := range ways {
		row := windows.MibIfRow2{InterfaceIndex: uint32(w.index)}
		if err := windows.GetIfEntry2Ex(windows.MibIfEntryNormal, &row); err != nil {
			return cannot("nothing is known of " + w.name)
		}
		switch row.Type {
		case kindPPP, kindVirtual, kindTunnel:
			return yes("traffic leaves by " + w.name + ", which is a VPN's")
		}
	}
	return no("traffic leaves by " + ways[0].name + ", an ordinary interface")
}

func (windowsSystem) line(name string) (uint64, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}
	row := windows.MibIfRow2{InterfaceIndex: uint32(i.Index)}
	if err := windows.GetIfEntry2Ex(windows.MibIfEntryNormal, &row); err != nil {
		return 0, false
	}
	return row.InOctets + row.OutOctets, true
}

// network knows the gateway of the interface that traffic to the web leaves by.
func (windowsSystem) network() Network {
	for _, w := range outward() {
		if gateway, ok := gatewayOf(w); ok {
			if mac, ok := neighbour(gateway, w); ok {
				return identify(mac, gateway, w.name)
			}
			n := unidentified("the machine has not spoken with its gateway " + gateway.String() + " yet")
			n.Pending = true
			return n
		}
	}
	return unidentified("there is no IPv4 gateway")
}

const tableSize = 256 << 10 // bytes, for tables of the system

func gatewayOf(w way) (netip.Addr, bool) {
	buffer := make([]byte, tableSize)
	size := uint32(len(buffer))
	first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buffer[0]))
	const includeGateways = 0x80
	if windows.GetAdaptersAddresses(windows.AF_INET, includeGateways, 0, first, &size) != nil {
		return netip.Addr{}, false
	}
	for a := first; a != nil; a = a.Next {
		if a.IfIndex == uint32(w.index) && a.FirstGatewayAddress != nil {
			addr, ok := netip.AddrFromSlice(a.FirstGatewayAddress.Address.IP().To4())
			return addr, ok
		}
	}
	return netip.Addr{}, false
}

// neighbour looks in MIB_IPNETTABLE: a count, then rows of 24 bytes: interface,
// length of the hardware address, itself in 8 bytes, IPv4 address, type.
func neighbour(addr netip.Addr, w way) (net.HardwareAddr, bool) {
	table := make([]byte, tableSize)
	size := uint32(len(table))
	if code, _, _ := ipNetTable.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0); code != 0 {
		return nil, false
	}
	const row = 24
	count := binary.LittleEndian.Uint32(table)
	for r := table[4:]; count > 0 && len(r) >= row; count, r = count-1, r[row:] {
		n := binary.LittleEndian.Uint32(r[4:])
		if binary.LittleEndian.Uint32(r) == uint32(w.index) && n == 6 && netip.AddrFrom4([4]byte(r[16:20])) == addr {
			return net.HardwareAddr(r[8:14]), true
		}
	}
	return nil, false
}
