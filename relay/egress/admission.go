package egress

import (
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
)

// siteMemory is how long a site that is not in use counts as known.
const siteMemory = 10 * time.Minute

// admission keeps the bounds on tunnels, new sites and failures, of the node
// and of each site. It is safe for concurrent use.
type admission struct {
	bounds Bounds
	now    func() time.Time

	mu       sync.Mutex
	open     int
	newSites *rate.Limiter
	failures *rate.Limiter
	sites    map[string]*siteUse // by registrable domain, at most bounds.MaxSites
}

type siteUse struct {
	open     int
	used     time.Time
	failures *rate.Limiter
}

func newAdmission(now func() time.Time, b Bounds) *admission {
	return &admission{
		bounds:   b,
		now:      now,
		newSites: perMinute(b.NewSitesPerMinute),
		failures: perMinute(b.FailuresPerMinute),
		sites:    make(map[string]*siteUse),
	}
}

func perMinute(n int) *rate.Limiter { return rate.NewLimiter(rate.Limit(n)/60, n) }

// siteOf is the registrable domain of host, or host itself where there is none.
func siteOf(host string) string {
	site, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host
	}
	return site
}

// admit takes a place for one tunnel to host; every nil error is followed by
// one call of leave.
func (a *admission) admit(host string) error {
	site, now := siteOf(host), a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open >= a.bounds.MaxTunnels {
		return refuse(wire.Busy, "%d tunnels are open, the most this node carries", a.open)
	}
	if a.failures.TokensAt(now) < 1 {
		return refuse(wire.RateLimited, "too many failed connects a minute on this node")
	}
	use, known := a.sites[site]
	if known {
		if use.open >= a.bounds.MaxTunnelsPerSite {
			return refuse(wire.Busy, "%d tunnels to %s are open, the most for one site", use.open, site)
		}
		if use.failures.TokensAt(now) < 1 {
			return refuse(wire.RateLimited, "too many failed connects a minute to %s", site)
		}
	}
	if !known || (use.open == 0 && now.Sub(use.used) > siteMemory) {
		if !known && !a.makeRoom() {
			return refuse(wire.Busy, "tunnels to %d sites are open", len(a.sites))
		}
		if !a.newSites.AllowN(now, 1) {
			return refuse(wire.RateLimited, "too many new sites a minute")
		}
	}
	if !known {
		use = &siteUse{failures: perMinute(a.bounds.SiteFailuresPerMinute)}
		a.sites[site] = use
	}
	use.open++
	use.used = now
	a.open++
	return nil
}

// makeRoom forgets the site unused for longest when the table is full. It is
// called with mu held and reports whether one more site fits.
func (a *admission) makeRoom() bool {
	if len(a.sites) < a.bounds.MaxSites {
		return true
	}
	oldest := ""
	for site, use := range a.sites {
		if use.open == 0 && (oldest == "" || use.used.Before(a.sites[oldest].used)) {
			oldest = site
		}
	}
	if oldest == "" {
		return false
	}
	delete(a.sites, oldest)
	return true
}

// failed counts a look-up or connect that did not reach the site.
func (a *admission) failed(host string) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures.AllowN(now, 1)
	if use := a.sites[siteOf(host)]; use != nil {
		use.failures.AllowN(now, 1)
	}
}

// leave gives the place of admit back.
func (a *admission) leave(host string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if use := a.sites[siteOf(host)]; use != nil {
		use.open--
		use.used = a.now()
	}
}

func (a *admission) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}
