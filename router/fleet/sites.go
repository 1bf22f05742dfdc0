package fleet

import (
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/fallow-network/fallow/relay/wire"
)

// nodesPerSite is how many nodes are remembered for one site.
const nodesPerSite = 16

// siteMemory remembers which nodes served a site lately, so that connections
// and TLS tickets are reused, and which failed on it. It forgets the sites that
// were used longest ago. Safe for concurrent use.
type siteMemory struct {
	mu    sync.Mutex
	sites *lru.Cache[string, *siteNodes]
}

type siteNodes struct{ nodes []siteNode }

type siteNode struct {
	key      wire.Key
	clump    string // the /24 or /48 it is in, empty if none counts
	inFlight int
	fetches  int       // since it was last chosen for the site
	fails    int       // since it last served the site
	cooling  time.Time // not asked for the site before
	suspect  time.Time // when it last failed there and another node did not
}

func newSiteMemory(size int) *siteMemory {
	sites, err := lru.New[string, *siteNodes](max(1, size))
	if err != nil {
		panic("fleet: " + err.Error()) // only for a size below one
	}
	return &siteMemory{sites: sites}
}

func (m *siteMemory) find(site string, key wire.Key) *siteNode {
	known, ok := m.sites.Get(site)
	if !ok {
		return nil
	}
	for i := range known.nodes {
		if known.nodes[i].key == key {
			return &known.nodes[i]
		}
	}
	return nil
}

// entry finds or makes the entry; the oldest idle one gives way.
func (m *siteMemory) entry(site string, key wire.Key) *siteNode {
	if n := m.find(site, key); n != nil {
		return n
	}
	known, ok := m.sites.Get(site)
	if !ok {
		known = new(siteNodes)
		m.sites.Add(site, known)
	}
	if len(known.nodes) >= nodesPerSite {
		idle := max(0, slices.IndexFunc(known.nodes, func(n siteNode) bool { return n.inFlight == 0 }))
		known.nodes = slices.Delete(known.nodes, idle, idle+1)
	}
	known.nodes = append(known.nodes, siteNode{key: key})
	return &known.nodes[len(known.nodes)-1]
}

// free is a node that served the site fewer than limit times in a row and has
// nothing in flight there now.
func (m *siteMemory) free(site string, limit int, avoid []wire.Key) (wire.Key, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.sites.Get(site)
	if !ok {
		return wire.Key{}, false
	}
	for i := range known.nodes {
		n := &known.nodes[i]
		if n.fetches > 0 && n.fetches < limit && n.inFlight == 0 && !slices.Contains(avoid, n.key) {
			return n.key, true
		}
	}
	return wire.Key{}, false
}

// enter counts a fetch that starts; fresh says that the node was chosen anew.
func (m *siteMemory) enter(site string, key wire.Key, clump string, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.entry(site, key)
	n.clump = clump
	if fresh {
		n.fetches = 0
	}
	n.inFlight++
	n.fetches++
}

// crowded are the networks from which the site was fetched lately.
func (m *siteMemory) crowded(site string) map[string]wire.Key {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.sites.Get(site)
	if !ok {
		return nil
	}
	var crowded map[string]wire.Key
	for _, n := range known.nodes {
		if n.clump == "" || n.fetches == 0 {
			continue
		}
		if crowded == nil {
			crowded = make(map[string]wire.Key)
		}
		crowded[n.clump] = n.key
	}
	return crowded
}

func (m *siteMemory) leave(site string, key wire.Key, served bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(site, key)
	if n == nil {
		return
	}
	n.inFlight = max(0, n.inFlight-1)
	if served {
		n.fails = 0
	}
}

// cool keeps a node away from a site for a while, longer each time.
func (m *siteMemory) cool(site string, key wire.Key, now time.Time, cfg Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.entry(site, key)
	n.cooling, n.fetches = now.Add(doubled(cfg.SiteCooldown, n.fails, max(cfg.SiteCooldown, cfg.SiteCoolMax))), 0
	n.fails++
}

// suspect notes that a node failed on a site where another one then did not,
// and reports whether that has happened to another node since a time: then it
// is the site that is odd.
func (m *siteMemory) suspect(site string, key wire.Key, since, now time.Time) (odd bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entry(site, key).suspect = now
	known, _ := m.sites.Peek(site)
	return slices.ContainsFunc(known.nodes, func(n siteNode) bool { return n.key != key && n.suspect.After(since) })
}

func (m *siteMemory) cooling(site string, key wire.Key, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(site, key)
	return n != nil && now.Before(n.cooling)
}
