package netlab_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// capture sees every packet of every interface of the namespace it was opened in
// and keeps what the judges ask for. It is safe for concurrent use.
type capture struct {
	fd    int
	takes func(kind uint8) bool // PACKET_OUTGOING and so on

	mu    sync.Mutex
	seen  map[string]int          // what begins a conversation, as sight writes it
	flows map[netip.Addr]*carried // by each end of TCP segments with bytes
	marks map[uint64]chan struct{}
	mark  uint64
}

type carried struct {
	Bytes int
	Last  time.Time
}

// marker is where a capture sends a packet to learn that it has seen all before.
const marker = "127.0.0.1:9"

func openCapture() (int, error) {
	all := int(binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return 0, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
		return 0, fmt.Errorf("packet socket's buffer: %w", err)
	}
	return fd, nil
}

func startCapture(takes func(kind uint8) bool) (*capture, error) {
	fd, err := openCapture()
	if err != nil {
		return nil, err
	}
	c := &capture{
		fd: fd, takes: takes, seen: make(map[string]int),
		flows: make(map[netip.Addr]*carried), marks: make(map[uint64]chan struct{}),
	}
	go c.run() // as long as the process
	return c, nil
}

func (c *capture) run() {
	buf := make([]byte, 256)
	for {
		n, from, err := unix.Recvfrom(c.fd, buf, unix.MSG_TRUNC)
		if err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			panic("capture: " + err.Error())
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok {
			proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, ll.Protocol))
			c.packet(proto, ll.Pkttype, buf[:min(n, len(buf))], n)
		}
	}
}

func (c *capture) packet(proto uint16, kind uint8, p []byte, size int) {
	var src, dst netip.Addr
	var transport byte
	var rest []byte
	switch {
	case proto == unix.ETH_P_ARP && len(p) >= 28:
		if target := netip.AddrFrom4([4]byte(p[24:28])); c.takes(kind) && p[7] == 1 {
			c.note("arp", netip.AddrPortFrom(target, 0))
		}
		return
	case proto == unix.ETH_P_IP && len(p) >= 20:
		head := int(p[0]&15) * 4
		if len(p) < head || binary.BigEndian.Uint16(p[6:8])&0x1fff != 0 {
			return // a later fragment begins nothing
		}
		src, dst, transport, rest = netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20])), p[9], p[head:]
		size -= head
	case proto == unix.ETH_P_IPV6 && len(p) >= 40:
		src, dst, transport, rest = netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40])), p[6], p[40:]
		size -= 40
	default:
		return
	}
	switch {
	case transport == unix.IPPROTO_TCP && len(rest) >= 20:
		if flags := rest[13]; c.takes(kind) && flags&0x12 == 0x02 { // SYN without ACK
			c.note("syn", netip.AddrPortFrom(dst, binary.BigEndian.Uint16(rest[2:4])))
		}
		if payload := size - int(rest[12]>>4)*4; payload > 0 {
			c.carry(src, payload)
			c.carry(dst, payload)
		}
	case transport == unix.IPPROTO_UDP && len(rest) >= 8:
		to := netip.AddrPortFrom(dst, binary.BigEndian.Uint16(rest[2:4]))
		if to.String() == marker {
			c.marked(rest[8:])
		} else if c.takes(kind) {
			c.note("udp", to)
		}
	case transport == unix.IPPROTO_ICMPV6 && len(rest) >= 24 && rest[0] == 135 && !src.IsUnspecified():
		if c.takes(kind) {
			c.note("neighbour", netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest[8:24])), 0))
		}
	}
}

func (c *capture) note(what string, to netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[sight(what, to)]++
}

// sight is how a beginning is written down.
func sight(what string, to netip.AddrPort) string { return what + " " + to.String() }

func (c *capture) carry(end netip.Addr, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flows[end]
	if f == nil {
		f = new(carried)
		c.flows[end] = f
	}
	f.Bytes += n
	f.Last = time.Now()
}

// flow is what TCP has carried from and to an address.
func (c *capture) flow(end netip.Addr) carried {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flows[end]; f != nil {
		return *f
	}
	return carried{}
}

func (c *capture) marked(payload []byte) {
	if len(payload) < 8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen, ok := c.marks[binary.BigEndian.Uint64(payload)]; ok {
		close(seen)
		delete(c.marks, binary.BigEndian.Uint64(payload))
	}
}

// beginnings are all conversations begun so far. It waits until everything sent
// before the call has been looked at, and fails if the kernel dropped anything.
func (c *capture) beginnings() (map[string]int, error) {
	conn, err := net.Dial("udp", marker)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	c.mu.Lock()
	c.mark++
	mark, seen := c.mark, make(chan struct{})
	c.marks[mark] = seen
	c.mu.Unlock()
	if _, err := conn.Write(binary.BigEndian.AppendUint64(nil, mark)); err != nil {
		return nil, fmt.Errorf("send a mark: %w", err)
	}
	select {
	case <-seen:
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("the capture is more than 10 s behind")
	}
	stats, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return nil, fmt.Errorf("ask what the capture has missed: %w", err)
	}
	if stats.Drops > 0 {
		return nil, fmt.Errorf("the capture has missed %d packets and is no judge", stats.Drops)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen), nil
}
