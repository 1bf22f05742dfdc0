package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Wish is what a fetch asks of a node.
type Wish struct {
	Site    string     // registrable domain
	Country string     // ISO 3166 alpha-2; empty: any
	Avoid   []wire.Key // nodes already tried for this fetch
}

// Grip is one fetch's hold on a node. Release it exactly once.
type Grip struct {
	Node    wire.Key
	Country string

	session *session
	site    string
}

// candidates is how many nodes are drawn at random and compared. Two already
// keep the load even; a few more let health and spread have their say.
const candidates = 8

// Pick chooses a node: one that lately served the site and is free, for up to
// StickyFetches, otherwise the best of a few drawn at random. It does not
// wait: ErrNoNode says why there is none, and Changed when to ask again.
func (f *Fleet) Pick(w Wish) (*Grip, error) {
	now := f.now()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if s := f.sticky(w, now); s != nil {
		return f.grip(s, w), nil
	}
	best := f.draw(w, now)
	if best == nil {
		best = f.scan(w, now)
	}
	if best == nil {
		return nil, f.whyNone(w, now)
	}
	f.sites.start(w.Site, best.member.Key)
	return f.grip(best, w), nil
}

func (f *Fleet) grip(s *session, w Wish) *Grip {
	s.mu.Lock()
	s.inFlight++
	s.mu.Unlock()
	f.sites.enter(w.Site, s.member.Key)
	return &Grip{Node: s.member.Key, Country: s.member.Country, session: s, site: w.Site}
}

func (f *Fleet) sticky(w Wish, now time.Time) *session {
	key, ok := f.sites.free(w.Site, f.cfg.StickyFetches, w.Avoid)
	if !ok {
		return nil
	}
	s := f.sessions[key]
	if s == nil || !s.fits(w, now) {
		return nil
	}
	return s
}

func (f *Fleet) draw(w Wish, now time.Time) *session {
	var best *session
	bestScore := -1.0
	for range min(candidates, len(f.order)) {
		s := f.order[rand.IntN(len(f.order))]
		if !s.fits(w, now) {
			continue
		}
		if score := s.score(); score > bestScore {
			best, bestScore = s, score
		}
	}
	return best
}

// scan looks at every node once, from a random start: the draw found none.
func (f *Fleet) scan(w Wish, now time.Time) *session {
	if len(f.order) == 0 {
		return nil
	}
	start := rand.IntN(len(f.order))
	for i := range f.order {
		if s := f.order[(start+i)%len(f.order)]; s.fits(w, now) {
			return s
		}
	}
	return nil
}

// fits reports whether s may carry w at now.
func (s *session) fits(w Wish, now time.Time) bool {
	if slices.Contains(w.Avoid, s.member.Key) || w.Country != "" && s.member.Country != w.Country {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason == wire.OK && !s.ended && s.inFlight < s.maxTunnels &&
		s.health.wellAt(now) && !s.fleet.sites.cooling(w.Site, s.member.Key, now)
}

// score is higher for a node with more room and better health.
func (s *session) score() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := 1 - float64(s.inFlight)/float64(s.maxTunnels)
	return room * (0.1 + s.health.success())
}

func (f *Fleet) whyNone(w Wish, now time.Time) error {
	if len(f.order) == 0 {
		return fmt.Errorf("%w: no node is connected", ErrNoNode)
	}
	var country, sharing, well int
	for _, s := range f.order {
		if w.Country != "" && s.member.Country != w.Country {
			continue
		}
		country++
		if !s.sharing() {
			continue
		}
		sharing++
		s.mu.Lock()
		if s.health.wellAt(now) && !f.sites.cooling(w.Site, s.member.Key, now) && !slices.Contains(w.Avoid, s.member.Key) {
			well++
		}
		s.mu.Unlock()
	}
	switch {
	case country == 0:
		return fmt.Errorf("%w: none of %d connected is in %s", ErrNoNode, len(f.order), w.Country)
	case sharing == 0:
		return fmt.Errorf("%w: %d connected, none shares now", ErrNoNode, country)
	case well == 0:
		return fmt.Errorf("%w: %d share, all were tried or are resting", ErrNoNode, sharing)
	default:
		return fmt.Errorf("%w: %d share, all are at their limit", ErrNoNode, sharing)
	}
}

// Outcome is how a fetch through a node went, as far as the node goes.
type Outcome int

// The outcomes.
const (
	Served    Outcome = iota // the site answered through the node, whatever it said
	SiteFails                // the site could not be reached or broke; no fault of the node's is known
	NodeFails                // the tunnel itself failed
	Unused                   // nothing was tried
)

// Release ends the hold and records how it went.
func (f *Fleet) Release(g *Grip, o Outcome) {
	now := f.now()
	s := g.session
	s.mu.Lock()
	s.inFlight--
	wasWell := s.health.wellAt(now)
	switch o {
	case Served:
		s.health.served()
	case NodeFails:
		s.health.failed(now, f.cfg)
	}
	rested := wasWell && !s.health.wellAt(now)
	s.mu.Unlock()
	f.sites.leave(g.site, g.Node)
	if o == NodeFails || o == SiteFails {
		f.sites.cool(g.site, g.Node, now.Add(f.cfg.SiteCooldown))
	}
	if rested {
		f.log.Warn("node rested after failures in a row", "node", g.Node)
	}
	f.signal()
}
