package egress

import (
	"fmt"
	"net/netip"
	"time"
)

// Config says in which world a node dials and within which bounds. The zero
// value is not usable; start from DefaultConfig.
type Config struct {
	// Lab inverts the address rule: only loopback and private addresses may be
	// dialled, on any port. Default false.
	Lab bool
	// LabDNS is the DNS server a lab brings along, as address and port; the
	// zero value means the system's own. Refused outside lab mode.
	LabDNS netip.AddrPort
	// BytesPerSecond is the node's speed over all tunnels, each direction on
	// its own. Default 0: no limit of ours.
	BytesPerSecond int64

	Bounds Bounds
}

// Bounds limit what this node does to itself, its network and one site.
type Bounds struct {
	MaxTunnels            int // tunnels at once, default 64
	MaxTunnelsPerSite     int // tunnels at once to one registrable domain, default 8
	MaxSites              int // sites remembered for the bounds below, default 4096
	NewSitesPerMinute     int // sites not seen for ten minutes, default 120
	FailuresPerMinute     int // failed look-ups and connects of the node, default 60
	SiteFailuresPerMinute int // and of one site, default 10

	MaxAddresses int           // addresses tried for one tunnel, default 4
	Stagger      time.Duration // head start of one address over the next, default 250 ms
	ResolveTime  time.Duration // for DNS in all, default 10 s
	DialTime     time.Duration // for connecting in all, default 15 s

	Idle   time.Duration // without a byte either way, default 60 s
	Total  time.Duration // life of one tunnel, default 15 min
	Linger time.Duration // for the router to close after the site did, default 10 s

	OwnNetworks time.Duration // how long the list of own networks is trusted, default 30 s
}

// DefaultConfig is for the real web.
func DefaultConfig() Config {
	return Config{Bounds: Bounds{
		MaxTunnels:            64,
		MaxTunnelsPerSite:     8,
		MaxSites:              4096,
		NewSitesPerMinute:     120,
		FailuresPerMinute:     60,
		SiteFailuresPerMinute: 10,
		MaxAddresses:          4,
		Stagger:               250 * time.Millisecond,
		ResolveTime:           10 * time.Second,
		DialTime:              15 * time.Second,
		Idle:                  time.Minute,
		Total:                 15 * time.Minute,
		Linger:                10 * time.Second,
		OwnNetworks:           30 * time.Second,
	}}
}

func (c Config) check() error {
	if c.LabDNS.IsValid() && !c.Lab {
		return fmt.Errorf("a DNS server of one's own (%s) is for lab mode only", c.LabDNS)
	}
	if c.BytesPerSecond < 0 {
		return fmt.Errorf("bytes per second is %d", c.BytesPerSecond)
	}
	b := c.Bounds
	for name, v := range map[string]int64{
		"max tunnels": int64(b.MaxTunnels), "max tunnels per site": int64(b.MaxTunnelsPerSite),
		"max sites": int64(b.MaxSites), "new sites per minute": int64(b.NewSitesPerMinute),
		"failures per minute": int64(b.FailuresPerMinute), "site failures per minute": int64(b.SiteFailuresPerMinute),
		"max addresses": int64(b.MaxAddresses), "stagger": int64(b.Stagger), "resolve time": int64(b.ResolveTime),
		"dial time": int64(b.DialTime), "idle": int64(b.Idle), "total": int64(b.Total),
		"linger": int64(b.Linger), "own networks": int64(b.OwnNetworks),
	} {
		if v <= 0 {
			return fmt.Errorf("egress bound %q is %d, want more than 0", name, v)
		}
	}
	return nil
}
