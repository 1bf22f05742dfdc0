// Package relay is a node: it keeps a connection to a router, serves the tunnels
// the router leases within what the home user allows, and countersigns what it
// carried. A program embeds it with New, Run and Close; the agent fallow-node is
// little more than that.
//
// The work is done by the packages below this folder, each one capability; here
// they are put together and kept in step. Nothing here knows of crawling,
// datasets or settlement.
package relay

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/fallow-network/fallow/relay/egress"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/session"
	"github.com/fallow-network/fallow/relay/wire"
)

// Config is what a node needs to know. Start from DefaultConfig; Dir and
// Routers have no default.
type Config struct {
	// Dir holds the identity, the rules, the journal and the receipts. One
	// process at a time.
	Dir string
	// Routers are multiaddrs ending in /p2p/KEY, where KEY is pinned. The first
	// router is home, the others are failover. With none the node waits for
	// SetRouters.
	Routers []string
	// Pinned says that Routers were given for this run, so SetRouters refuses to
	// replace them. Default false.
	Pinned bool
	// Lab inverts the address rule: only loopback and private addresses may be
	// dialled. The router must be in lab mode too. Default false.
	Lab bool
	// LabDNS is a lab's DNS server, "address:port". Only with Lab. Default "",
	// the system's own.
	LabDNS string
	// Version is told to the router. Default "dev".
	Version string
	// MaxTunnels at once; the user's own cap may be lower. Default 64.
	MaxTunnels int
	// MaxUp and MaxDown are the most one lease may carry, in bytes. Defaults
	// 4 MiB and 1 GiB, which are the most any lease may ask for.
	MaxUp   uint64
	MaxDown uint64

	// Presence tells what the machine is doing, for the automatic pauses. Default
	// nil: this machine is looked at, but not in lab mode, where nothing leaves it
	// and nobody's line is shared.
	Presence Presence
	// LookEvery is how often. Default 15 s.
	LookEvery time.Duration

	// StatementsEvery is how often, at most, the router is asked whether there is a
	// new statement; half of it at least. Default 30 min.
	StatementsEvery time.Duration

	Backoff  Backoff
	Session  session.Limits // default: see there
	Receipts meter.Config   // default: see there
	// Finish is how long open tunnels may run on when the node stops. Default 5 s.
	Finish time.Duration
}

// Presence takes a snapshot; carried is what the node has carried so far, in
// bytes. presence.Observer is one. It is called by one goroutine at a time.
type Presence interface {
	Look(now time.Time, carried uint64) presence.Snapshot
}

// Backoff says when a router is tried again.
type Backoff struct {
	Min    time.Duration // ceiling of the first wait; default 1 s
	Max    time.Duration // ceiling of every wait; default 5 min
	Stable time.Duration // a connection this old makes the next wait a first one; default 1 min
	// Hopeless is the wait when trying again soon cannot help: the agent is too
	// old, or one side is in lab mode and the other is not. Default 30 min.
	Hopeless time.Duration
	// Home is the most that passes between two tries of the home router while
	// another one serves, and twice the least, so that nodes do not come home all
	// at once; default 10 min.
	Home time.Duration
}

// DefaultConfig lacks Dir and Routers.
func DefaultConfig() Config {
	return Config{
		Version:    "dev",
		MaxTunnels: 64,
		MaxUp:      wire.MaxLeaseUp,
		MaxDown:    wire.MaxLeaseDown,
		LookEvery:  15 * time.Second,

		StatementsEvery: defaultStatements,
		Backoff: Backoff{
			Min:      time.Second,
			Max:      5 * time.Minute,
			Stable:   time.Minute,
			Hopeless: 30 * time.Minute,
			Home:     10 * time.Minute,
		},
		Finish: 5 * time.Second,
	}
}

// maxTunnels is the most MaxTunnels may be; it bounds memory.
const maxTunnels = 1024

func (c Config) check() error {
	switch {
	case c.Dir == "":
		return fmt.Errorf("no data directory given")
	case c.MaxTunnels < 1 || c.MaxTunnels > maxTunnels:
		return fmt.Errorf("max tunnels is %d, want 1 to %d", c.MaxTunnels, maxTunnels)
	case c.Backoff.Min <= 0 || c.Backoff.Max < c.Backoff.Min || c.Backoff.Stable <= 0 || c.Backoff.Hopeless <= 0 || c.Backoff.Home <= 0:
		return fmt.Errorf("back-off %+v: all above 0, max at least min", c.Backoff)
	case c.LookEvery <= 0:
		return fmt.Errorf("look every %s", c.LookEvery)
	case c.StatementsEvery <= 0:
		return fmt.Errorf("statements every %s", c.StatementsEvery)
	case c.Finish < 0:
		return fmt.Errorf("finish is %s", c.Finish)
	}
	return nil
}

// egress is the configuration of the way out. In a lab the bounds that are there
// to be polite to strangers' sites fall away with the strangers.
func (c Config) egress() (egress.Config, error) {
	e := egress.DefaultConfig()
	e.Lab = c.Lab
	e.Bounds.MaxTunnels = c.MaxTunnels
	if c.LabDNS != "" {
		server, err := netip.ParseAddrPort(c.LabDNS)
		if err != nil {
			return e, fmt.Errorf("lab DNS server: %w", err)
		}
		e.LabDNS = server
	}
	if c.Lab {
		e.Bounds.MaxTunnelsPerSite = c.MaxTunnels
		e.Bounds.NewSitesPerMinute *= 100
		e.Bounds.FailuresPerMinute *= 100
		e.Bounds.SiteFailuresPerMinute *= 100
	}
	return e, nil
}
