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
	inFlight int
	fetches  int       // since it was last chosen for the site
	cooling  time.Time // not asked for the site before
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
		known.nodes = slices.Delete(known.nodes, 0, 1)
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

func (m *siteMemory) start(site string, key wire.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entry(site, key).fetches = 0
}

func (m *siteMemory) enter(site string, key wire.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.entry(site, key)
	n.inFlight++
	n.fetches++
}

func (m *siteMemory) leave(site string, key wire.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := m.find(site, key); n != nil && n.inFlight > 0 {
		n.inFlight--
	}
}

func (m *siteMemory) cool(site string, key wire.Key, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.entry(site, key)
	n.cooling, n.fetches = until, 0
}

func (m *siteMemory) cooling(site string, key wire.Key, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(site, key)
	return n != nil && now.Before(n.cooling)
}
