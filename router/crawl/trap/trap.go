// Package trap keeps a crawl out of the parts of a site that have no end:
// calendars, session ids in addresses, facets, pages that answer everything,
// subdomains without number. It judges addresses by their form, and families of
// addresses by what fetching some of them has brought.
//
// It fetches nothing and knows no jobs; router/crawl has one Guard a job, asks it
// before an address is queued and again before it is fetched, and tells it what
// came. What it cuts has a Reason that the job lists.
package trap

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Reason is why an address is not fetched. The empty Reason lets it pass.
type Reason string

// The reasons this package gives.
const (
	PathDepth    Reason = "path_depth"   // more folders than Limits.PathSegments
	Repetition   Reason = "repetition"   // a part of the path repeats itself
	Query        Reason = "query"        // too many parameters, or one too often
	Calendar     Reason = "calendar"     // a date that nobody wrote pages about
	Variants     Reason = "variants"     // suspicious addresses of a family beyond what the family has earned
	Unproductive Reason = "unproductive" // a family whose pages say nothing new
	Deep         Reason = "deep"         // far from any seed, in a family that goes on and on
	Subdomains   Reason = "subdomains"   // more hosts of a site than its pages justify
)

// Limits are the bounds of a Guard. Start from DefaultLimits.
type Limits struct {
	PathSegments int // folders and name of a path; default 24
	Repeats      int // times in a row that a part of a path may come; default 2
	Params       int // parameters of a query; default 12
	SameParam    int // times one parameter may come; default 4
	FirstYear    int // the oldest year a date in an address may name; default 1990
	YearsAhead   int // and how many years from now; default 1

	// Fetches that a family gets before it has brought anything, and for each
	// page that did: suspicious addresses 5 and 4, others 48 and 8.
	SuspectStart, SuspectEach int
	FamilyStart, FamilyEach   int
	// Plain counts a fetch for so many when it is plain that it was for nothing: it
	// said word for word what another of its family did, was not found whatever
	// its status, or redirected once more. Default 4.
	Plain int
	// DeepFrom is the number of links from a seed beyond which a family gets
	// SuspectStart fetches and one for every four pages that brought something.
	// Default 16.
	DeepFrom int
	// Hosts of a site beside trusted ones that are let in before any of them has
	// brought anything, and for each that did; and in all. Default 4, 2, 1,000.
	HostStart, HostEach, HostMost int
	// Fetches that such a host gets before it has brought anything, and for each
	// page that did. Default 3 and 8.
	HostPages, HostPagesEach int

	Families int // remembered, the one used longest ago goes first; default 16,384
	Sites    int // whose hosts are remembered; default 1,024
}

// DefaultLimits are those named in Limits.
func DefaultLimits() Limits {
	return Limits{
		PathSegments: 24, Repeats: 2, Params: 12, SameParam: 4, FirstYear: 1990, YearsAhead: 1,
		SuspectStart: 5, SuspectEach: 4, FamilyStart: 48, FamilyEach: 8, Plain: 4, DeepFrom: 16,
		HostStart: 4, HostEach: 2, HostMost: 1000, HostPages: 3, HostPagesEach: 8, Families: 16_384, Sites: 1_024,
	}
}

// Address is an address in canonical form and where it was found.
type Address struct {
	URL, Host, Site string
	Depth           int // links from a seed
}

// Guard judges the addresses of one job. It is safe for concurrent use. What it
// has learned is in memory only; after a restart families earn their fetches anew.
type Guard struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	families *lru.Cache[string, *family]
	sites    *lru.Cache[string, *hosts]
	trusted  map[string]struct{} // hosts
}

// family is a set of addresses of one form on one site.
type family struct {
	started int // fetches begun, less those that said nothing
	useful  int // pages that said something new
	queued  int
	heard   map[uint64]struct{} // texts and skeletons of its pages, at most maxHeard
}

// maxHeard bounds family.heard; beyond, the family has long shown what it is and
// every page counts as new.
const maxHeard = 256

// queuedPerFetch bounds how many suspicious addresses wait for each fetch a family
// may make: its budget may grow while they wait.
const queuedPerFetch = 10

// hosts are the hosts of one site.
type hosts struct{ known map[string]*hostPages }

type hostPages struct{ started, useful int }

// New makes a Guard; now tells it which dates are far off.
func New(now func() time.Time, l Limits) *Guard {
	families, err := lru.New[string, *family](l.Families)
	if err != nil {
		panic("trap: " + err.Error()) // only for a size below one
	}
	sites, err := lru.New[string, *hosts](l.Sites)
	if err != nil {
		panic("trap: " + err.Error())
	}
	return &Guard{limits: l, now: now, families: families, sites: sites, trusted: make(map[string]struct{})}
}

// Trust lets a host in as it is: a seed is on it. Call it before anything else.
func (g *Guard) Trust(host string) { g.trusted[host] = struct{}{} }

// Queue judges an address that is new to the job, found on a page.
func (g *Guard) Queue(a Address) Reason {
	f := formOf(a.URL)
	if r := f.fault(g.limits, g.now().Year()+g.limits.YearsAhead); r != "" {
		return r
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.mayEnter(a) {
		return Subdomains
	}
	fam := g.family(a.Site, f, a.Depth)
	budget, reason := g.budget(fam, f, a.Depth)
	if fam.started >= budget {
		return reason
	}
	if f.suspicious() || a.Depth > g.limits.DeepFrom {
		if fam.queued >= queuedPerFetch*budget {
			return reason
		}
		fam.queued++
	}
	return ""
}

// Fetch judges an address that is about to be fetched and counts the fetch. Learn
// or Undo must follow where it passes.
func (g *Guard) Fetch(a Address) Reason {
	f := formOf(a.URL)
	g.mu.Lock()
	defer g.mu.Unlock()
	fam := g.family(a.Site, f, a.Depth)
	if budget, reason := g.budget(fam, f, a.Depth); fam.started >= budget {
		return reason
	}
	if h := g.host(a); h != nil {
		if h.started >= g.limits.HostPages+g.limits.HostPagesEach*h.useful {
			return Subdomains
		}
		h.started++
	}
	fam.started++
	return ""
}

// Learn takes in what a page said: its title and text.
func (g *Guard) Learn(a Address, title, text string) {
	f := formOf(a.URL)
	s, whole := skeleton(a.URL, title, text, f.suspicious()), xxhash.Sum64String(title+"\x00"+text)
	g.mu.Lock()
	defer g.mu.Unlock()
	fam := g.family(a.Site, f, a.Depth)
	if _, known := fam.heard[s]; known {
		if _, same := fam.heard[whole]; same {
			fam.started += g.limits.Plain - 1
		}
		return
	}
	if len(fam.heard) < maxHeard {
		if fam.heard == nil {
			fam.heard = make(map[uint64]struct{})
		}
		fam.heard[s], fam.heard[whole] = struct{}{}, struct{}{}
	}
	fam.useful++
	if h := g.host(a); h != nil {
		h.useful++
	}
}

// Wasted takes in a fetch that was plainly for nothing: a page that says it is not
// found, or a redirect that followed a redirect.
func (g *Guard) Wasted(a Address) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.family(a.Site, formOf(a.URL), a.Depth).started += g.limits.Plain - 1
}

// Undo takes back a Fetch that says nothing about the family: it failed, or the
// site has no such page.
func (g *Guard) Undo(a Address) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fam := g.family(a.Site, formOf(a.URL), a.Depth)
	fam.started = max(0, fam.started-1)
	if h := g.host(a); h != nil {
		h.started = max(0, h.started-1)
	}
}

func (g *Guard) family(site string, f form, depth int) *family {
	key := site + "\x00" + f.family
	if f.suspicious() {
		key += "\x00s"
	}
	if depth > g.limits.DeepFrom {
		key += "\x00d"
	}
	fam, ok := g.families.Get(key)
	if !ok {
		fam = new(family)
		g.families.Add(key, fam)
	}
	return fam
}

// budget is how many fetches a family has earned, and why one beyond is cut.
func (g *Guard) budget(fam *family, f form, depth int) (int, Reason) {
	l := g.limits
	switch {
	case depth > l.DeepFrom:
		return l.SuspectStart + fam.useful/4, Deep
	case f.dated:
		return l.SuspectStart + l.SuspectEach*fam.useful, Calendar
	case f.suspicious():
		return l.SuspectStart + l.SuspectEach*fam.useful, Variants
	default:
		return l.FamilyStart + l.FamilyEach*fam.useful, Unproductive
	}
}

// mayEnter reports whether a host of a site is trusted, known, or may become so.
func (g *Guard) mayEnter(a Address) bool {
	if _, ok := g.trusted[a.Host]; ok || g.host(a) != nil {
		return true
	}
	h, ok := g.sites.Get(a.Site)
	if !ok {
		h = &hosts{known: make(map[string]*hostPages)}
		g.sites.Add(a.Site, h)
	}
	useful := 0
	for _, pages := range h.known {
		if pages.useful > 0 {
			useful++
		}
	}
	if n := len(h.known); n >= g.limits.HostMost || n >= g.limits.HostStart+g.limits.HostEach*useful {
		return false
	}
	h.known[a.Host] = new(hostPages)
	return true
}

// host is what a host that is not trusted has brought, nil for others.
func (g *Guard) host(a Address) *hostPages {
	if h, ok := g.sites.Get(a.Site); ok {
		return h.known[a.Host]
	}
	return nil
}
