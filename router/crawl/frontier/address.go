package frontier

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Sites that share an address share a machine, so an address has a clock of its
// own: AddressGap between two starts and PerAddress fetches at once, over all
// its sites. That is faster than a site's own clock, since each site on it already
// keeps to that. An address that serves PlatformSites sites or more is a platform's,
// built to carry them: it takes four times as much, so that a crawl of many
// sites behind one CDN does not crawl along.
//
// Which address a site has is known once it was fetched from, by what the node
// says it dialled, and is kept with the site's clock on disk. A node that lies
// about it slows down its own router's crawl of a site or keeps the site's own
// clock; it cannot make a site be asked faster than that.
const (
	// PlatformSites is how many sites make an address a platform's.
	PlatformSites = 64
	platformSpeed = 4
	// maxAddresses bounds the clocks in memory; the one used longest ago goes
	// first, and starts afresh when it is met again.
	maxAddresses = 65_536
)

// addressClock is the clock of one address; Frontier.mu guards it.
type addressClock struct {
	due      time.Time // the next start that is not promised to a site yet
	inFlight int
	sites    map[uint64]struct{} // met there, at most PlatformSites
}

type addresses struct {
	clocks *lru.Cache[netip.Addr, *addressClock]
	cfg    *Config
}

func newAddresses(cfg *Config) *addresses {
	clocks, err := lru.New[netip.Addr, *addressClock](maxAddresses)
	if err != nil {
		panic("frontier: " + err.Error()) // only for a size below one
	}
	return &addresses{clocks: clocks, cfg: cfg}
}

// of is the clock of an address, nil for the zero address and where addresses
// have no clock.
func (a *addresses) of(addr netip.Addr) *addressClock {
	if !addr.IsValid() || a.cfg.AddressGap == 0 {
		return nil
	}
	c, ok := a.clocks.Get(addr)
	if !ok {
		c = &addressClock{sites: map[uint64]struct{}{}}
		a.clocks.Add(addr, c)
	}
	return c
}

func (a *addresses) speed(c *addressClock) int {
	if len(c.sites) >= PlatformSites {
		return platformSpeed
	}
	return 1
}

func (a *addresses) gap(c *addressClock) time.Duration {
	return a.cfg.AddressGap / time.Duration(a.speed(c))
}

// ask reports whether a site on c may start at the time now. If not it says when
// to ask again, each site at another time, so that many are not all put off over
// and over.
func (a *addresses) ask(c *addressClock, promised, now time.Time) (again time.Time, ok bool) {
	full := c.inFlight >= a.cfg.PerAddress*a.speed(c)
	if !full && (!c.due.After(now) || !promised.IsZero() && !promised.After(now)) {
		return time.Time{}, true
	}
	again = later(c.due, now.Add(a.gap(c)))
	c.due = again.Add(a.gap(c))
	return again, false
}

// start counts a start on c; promised says that its time was set aside by ask.
func (a *addresses) start(c *addressClock, promised bool, now time.Time) {
	c.inFlight++
	if !promised {
		c.due = later(c.due, now.Add(a.gap(c)))
	}
}

// Located tells the address that a site was fetched from. It holds until another
// is told.
func (f *Frontier) Located(site string, addr netip.Addr) {
	addr = addr.Unmap().WithZone("")
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.active[siteID(site)]
	if s == nil || f.broken != nil {
		return
	}
	s.addr = addr
	if c := f.addresses.of(addr); c != nil && len(c.sites) < PlatformSites {
		c.sites[s.id] = struct{}{}
	}
}
