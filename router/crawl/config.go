package crawl

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/crawl/trap"
	"github.com/fallow-network/fallow/router/crawl/visits"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/page"
)

// Config holds every bound of a crawl. Start from DefaultConfig.
type Config struct {
	Version string // of the crawler, in its user agent
	Contact string // where site owners can reach the operator: a URL or mailto: address
	Lab     bool   // politeness floors fall away, any port may be asked for

	Workers   int           // fetches at once, over all jobs
	MaxNodes  int           // nodes tried for one fetch
	MaxTries  int           // fetches of one address in all, over time
	FetchTime time.Duration // for one address, all nodes tried included
	NodeWait  time.Duration // how long a fetch waits for a node before another address has its turn
	Drain     time.Duration // how long fetches under way may take at shutdown

	MaxDepth int // links followed from a seed
	MaxHops  int // redirects followed from an address

	ShardRows  int           // records that close a shard
	ShardBytes int64         // bytes of text that close a shard; memory is a small multiple of it
	ShardAge   time.Duration // age that closes a shard: how much a crash can cost
	OpenBytes  int64         // bytes of text over all open shards

	Traps    trap.Limits
	Jobs     job.Limits
	Frontier frontier.Config
	Dedupe   dedupe.Config
	Visits   visits.Limits
	// Collector is the collector of a name, nil if there is none. Default nil: none.
	Collector func(name string) Collector
	Gate      gate.Config
	Fetch     fetch.Limits
	Page      page.Options
}

// DefaultConfig is for the real web.
func DefaultConfig() Config {
	return Config{
		Version: "dev", Workers: 128, MaxNodes: 3, MaxTries: 4,
		FetchTime: 150 * time.Second, NodeWait: 5 * time.Second, Drain: 10 * time.Second,
		MaxDepth: 64, MaxHops: 5,
		ShardRows: 200_000, ShardBytes: 64 << 20, ShardAge: 10 * time.Minute, OpenBytes: 192 << 20,
		Traps: trap.DefaultLimits(), Jobs: job.DefaultLimits(), Frontier: frontier.DefaultConfig(), Dedupe: dedupe.DefaultConfig(), Visits: visits.DefaultLimits(),
		Gate: gate.DefaultConfig(), Fetch: fetch.DefaultLimits(),
	}
}

// LabConfig is DefaultConfig without the politeness floors, for sites on this
// machine.
func LabConfig() Config {
	cfg := DefaultConfig()
	cfg.Lab = true
	cfg.Frontier.MinDelay, cfg.Frontier.PerSite, cfg.Frontier.AddressGap = 0, 8, 0
	cfg.Gate.RetryMin, cfg.Gate.RetryMax = time.Second, 4*time.Second
	cfg.Gate.RobotsOnly = false
	return cfg
}

// Polite puts the politeness floors of the real web back into a lab, at a scale:
// minDelay takes the place of the second between two starts on a site, and the
// clock of addresses, crawl-delays apart, shrinks in proportion.
func (c *Config) Polite(minDelay time.Duration) {
	floor := frontier.DefaultConfig()
	c.Frontier.MinDelay, c.Frontier.PerSite, c.Frontier.PerAddress = minDelay, floor.PerSite, floor.PerAddress
	c.Frontier.AddressGap = time.Duration(float64(floor.AddressGap) * minDelay.Seconds() / floor.MinDelay.Seconds())
}

// reachable reports whether contact is a URL with a host or a mail address.
func reachable(contact string) bool {
	u, err := url.Parse(contact)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Hostname() != ""
	case "mailto":
		_, err := mail.ParseAddress(u.Opaque)
		return err == nil
	default:
		return false
	}
}

// minDelay is the least pause between two starts on a site outside lab mode.
const minDelay = time.Second

// The same for an address that several sites share; see frontier/address.go.
const (
	minAddressGap = 100 * time.Millisecond
	maxPerAddress = 8
)

func (c Config) check() error {
	switch {
	case c.Contact == "" && !c.Lab:
		return errors.New("crawler contact is not set: site owners must be able to reach you; set crawl.contact to a URL or mailto: address")
	case !c.Lab && !reachable(c.Contact):
		return fmt.Errorf("crawler contact is %q: site owners must be able to reach you by it; give an http(s):// URL or mailto: address", c.Contact)
	case !c.Lab && (c.Frontier.MinDelay < minDelay || c.Frontier.PerSite != 1):
		return fmt.Errorf("politeness below its floor (one fetch at a time and %s between starts) is for lab mode only", minDelay)
	case !c.Lab && (c.Frontier.AddressGap < minAddressGap || c.Frontier.PerAddress > maxPerAddress):
		return fmt.Errorf("politeness below its floor (%d fetches at a time and %s between starts on one address) is for lab mode only", maxPerAddress, minAddressGap)
	case c.Workers < 1 || c.MaxNodes < 1 || c.MaxTries < 1 || c.ShardRows < 1:
		return errors.New("crawl workers, nodes, tries and shard rows must be at least 1")
	case c.ShardBytes < 1 || c.OpenBytes < 1:
		return errors.New("crawl shard bytes and open bytes must be at least 1")
	}
	return nil
}
