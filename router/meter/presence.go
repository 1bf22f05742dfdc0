package meter

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Bounds on what is kept of one node beside its receipts.
const (
	// maxClumps is under how many networks one node is counted in an epoch. The
	// time in further ones goes to otherClump, which all such nodes share.
	maxClumps = 32
	// maxSites is how many sites of one node are counted at once; those that
	// sent least are forgotten first.
	maxSites = 4096
	// siteFloor is below how many bytes a site is not worth a row, and siteStep
	// by how many it must grow before the row is written again. What a crash
	// loses of a site's count is less than the larger of the two.
	siteFloor = 16 << 20
	siteStep  = 4 << 20
)

// otherClump stands for all networks beyond maxClumps.
const otherClump = "ffffffffffffffffffffffffffffffff"

// Place is where a node was online in an epoch, all of it so far.
type Place struct {
	Node    wire.Key
	Epoch   uint64
	Country string
	Clumps  map[string]time.Duration // by keyed hash of the network; "" counts as alone
}

// SiteBytes is what a node carried for one site in an epoch so far.
type SiteBytes struct {
	Node  wire.Key
	Epoch uint64
	Site  string // keyed hash
	Bytes uint64
}

// Lane is where one tunnel adds what it carries: to the account of its node and
// job, and to the site's count.
type Lane struct {
	*Account
	site *siteCount
}

// AddDown counts bytes that came from the site.
func (l Lane) AddDown(n int) {
	l.Account.AddDown(n)
	l.site.bytes.Add(uint64(n))
}

// AddUp counts bytes that went to the site.
func (l Lane) AddUp(n int) {
	l.Account.AddUp(n)
	l.site.bytes.Add(uint64(n))
}

// siteCount is what one node carried for one site. Tunnels add to bytes without
// a lock.
type siteCount struct {
	bytes  atomic.Uint64 // since it was made
	before uint64        // stored by an earlier run, in this epoch
	mark   uint64        // bytes when the epoch began
	stored uint64        // in this epoch, as the database has it
}

func (s *siteCount) total() uint64 { return s.before + s.bytes.Load() - s.mark }

// Lane is the lane of a tunnel to a site, a registrable domain.
func (m *Meter) Lane(ctx context.Context, node wire.Key, job, site string) (Lane, error) {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	if err := m.load(ctx, node, accounts); err != nil {
		return Lane{}, err
	}
	account := accounts.account(job)
	account.used = m.now()
	return Lane{account, accounts.siteOf(m.siteTag(site))}, nil
}

// siteTag names a site by a keyed hash, so that an epoch file can speak of it
// without saying what was crawled.
func (m *Meter) siteTag(site string) string {
	mac := hmac.New(sha256.New, m.siteKey)
	mac.Write([]byte(site))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func siteKey(key ed25519.PrivateKey) []byte {
	mac := hmac.New(sha256.New, key.Seed())
	mac.Write([]byte("fallow-site-v1"))
	return mac.Sum(nil)
}

func (a *nodeAccounts) siteOf(tag string) *siteCount {
	if s := a.sites[tag]; s != nil {
		return s
	}
	if len(a.sites) >= maxSites {
		a.forgetSites()
	}
	s := new(siteCount)
	a.sites[tag] = s
	return s
}

// forgetSites makes room: half of the sites go, those that sent least.
func (a *nodeAccounts) forgetSites() {
	tags := slices.SortedFunc(maps.Keys(a.sites), func(x, y string) int {
		if d := int64(a.sites[x].total()) - int64(a.sites[y].total()); d != 0 {
			return int(d>>62 | 1)
		}
		return 0
	})
	for _, tag := range tags[:len(tags)/2] {
		delete(a.sites, tag)
	}
}

// Online adds time during which a node was connected and sharing, through a
// network that clump names. The caller measures it on the monotonic clock and
// never adds the same stretch twice.
func (m *Meter) Online(ctx context.Context, node wire.Key, clump, country string, d time.Duration) error {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	if err := m.load(ctx, node, accounts); err != nil {
		return err
	}
	account := accounts.account("")
	account.used = m.now()
	account.online.Add(int64(d))
	if _, known := accounts.clumps[clump]; !known && len(accounts.clumps) >= maxClumps-1 {
		clump = otherClump
	}
	accounts.clumps[clump] += d
	if country != "" {
		accounts.country = country
	}
	return nil
}

// Resume tells how long earlier runs of the router have run in the open epoch.
func (m *Meter) Resume(ran time.Duration) { m.ranBefore.Store(int64(ran)) }

// Ran is how long the router has run in the open epoch. It is measured on the
// monotonic clock: whatever the system's clock is set to, nobody can have been
// online for longer.
func (m *Meter) Ran() time.Duration {
	m.ranMu.Lock()
	defer m.ranMu.Unlock()
	return m.ran()
}

// ran moves on from the last look at the clock. A clock that was injected may
// go back; then no time has passed. The caller holds ranMu.
func (m *Meter) ran() time.Duration {
	now := m.now()
	if d := now.Sub(m.looked); d > 0 {
		m.ranNow += d
	}
	m.looked = now
	return m.ranNow + time.Duration(m.ranBefore.Load())
}

// turnRan starts the running time of the next epoch.
func (m *Meter) turnRan() {
	m.ranMu.Lock()
	defer m.ranMu.Unlock()
	m.ran()
	m.ranNow = 0
	m.ranBefore.Store(0)
}

// place is what is to be stored of where a node was; nil if there is nothing.
func (a *nodeAccounts) place(node wire.Key, epoch uint64) []Place {
	if len(a.clumps) == 0 {
		return nil
	}
	return []Place{{Node: node, Epoch: epoch, Country: a.country, Clumps: maps.Clone(a.clumps)}}
}

// grownSites are the sites whose count is to be stored.
func (a *nodeAccounts) grownSites(node wire.Key, epoch uint64, all bool) []SiteBytes {
	var list []SiteBytes
	for tag, s := range a.sites {
		total := s.total()
		if total >= siteFloor && (total-s.stored >= siteStep || all && total > s.stored) {
			list = append(list, SiteBytes{node, epoch, tag, total})
		}
	}
	return list
}

// turnPlaces starts the next epoch.
func (a *nodeAccounts) turnPlaces() {
	clear(a.clumps)
	for tag, s := range a.sites {
		live := s.bytes.Load()
		if live == s.mark {
			delete(a.sites, tag) // it sent nothing for a whole epoch
			continue
		}
		s.before, s.mark, s.stored = 0, live, 0
	}
}
