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

// neighbour is what a node is worth for a site that another node of its /24 or
// /48 has lately fetched from: a site should see the fleet from many networks.
const neighbour = 0.4

// Pick chooses a node: one that lately served the site and is free, for up to
// StickyFetches, otherwise the best of a few drawn at random. It does not
// wait: ErrNoNode says why there is none, and Changed when to ask again.
func (f *Fleet) Pick(w Wish) (*Grip, error) {
	now := f.now()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if why := f.halted(); why != "" {
		return nil, fmt.Errorf("%w: all nodes are stopped: %s", ErrNoNode, why)
	}
	if s := f.sticky(w, now); s != nil && s.reserve(w, now) {
		return f.grip(s, w, false), nil
	}
	if best := f.draw(w, now); best != nil && best.reserve(w, now) {
		return f.grip(best, w, true), nil
	}
	if found := f.scan(w, now); found != nil {
		return f.grip(found, w, true), nil
	}
	return nil, f.whyNone(w, now)
}

func (f *Fleet) grip(s *session, w Wish, fresh bool) *Grip {
	f.sites.enter(w.Site, s.member.Key, s.member.Clump, fresh)
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
	crowded := f.sites.crowded(w.Site)
	for range min(candidates, len(f.order)) {
		s := f.order[rand.IntN(len(f.order))]
		if !s.fits(w, now) {
			continue
		}
		score := s.score()
		if key, met := crowded[s.member.Clump]; met && key != s.member.Key {
			score *= neighbour
		}
		if score > bestScore {
			best, bestScore = s, score
		}
	}
	return best
}

// scan looks at every node once, from a random start, and reserves the first
// that fits: the draw found none, or others were quicker.
func (f *Fleet) scan(w Wish, now time.Time) *session {
	if len(f.order) == 0 {
		return nil
	}
	start := rand.IntN(len(f.order))
	for i := range f.order {
		if s := f.order[(start+i)%len(f.order)]; s.reserve(w, now) {
			return s
		}
	}
	return nil
}

// fits reports whether s may carry w at now.
func (s *session) fits(w Wish, now time.Time) bool {
	if !s.suits(w) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open(w, now)
}

// reserve takes a place if s may still carry w: between fits and here another
// fetch may have taken the last one.
func (s *session) reserve(w Wish, now time.Time) bool {
	if !s.suits(w) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open(w, now) {
		return false
	}
	s.inFlight++
	return true
}

// suits compares s with what never changes about it.
func (s *session) suits(w Wish) bool {
	return !slices.Contains(w.Avoid, s.member.Key) && (w.Country == "" || s.member.Country == w.Country)
}

// open reports whether s takes a fetch of the site now. The caller holds the
// lock.
func (s *session) open(w Wish, now time.Time) bool {
	return s.reason == wire.OK && !s.ended && s.inFlight < s.maxTunnels &&
		s.health.wellAt(now) && !s.fleet.sites.cooling(w.Site, s.member.Key, now)
}

// score is higher for a node with more room and better health. Chance has a part
// in it: otherwise a hair's breadth would decide every time, and all but the
// best few would get nothing while the fleet is idle.
func (s *session) score() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := 1 - float64(s.inFlight)/float64(s.maxTunnels)
	return room * (0.1 + s.health.success()) * (0.7 + 0.3*rand.Float64())
}

func (f *Fleet) whyNone(w Wish, now time.Time) error {
	if len(f.order) == 0 {
		return noNode{text: "no node is connected"}
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
		return noNode{text: fmt.Sprintf("none of %d connected is in %s", len(f.order), w.Country)}
	case sharing == 0:
		return noNode{text: fmt.Sprintf("of %d connected, none shares now", country)}
	case well == 0:
		return noNode{text: fmt.Sprintf("of %d sharing, all were tried or are resting", sharing), exhausted: true}
	default:
		return noNode{text: fmt.Sprintf("of %d sharing, all are at their limit", sharing)}
	}
}

// noNode is ErrNoNode with the reason.
type noNode struct {
	text      string
	exhausted bool
}

func (e noNode) Error() string { return ErrNoNode.Error() + ": " + e.text }

func (e noNode) Is(target error) bool { return target == ErrNoNode }

// Exhausted reports that waiting a little will not help: every sharing node was
// tried for this fetch, or rests.
func (e noNode) Exhausted() bool { return e.exhausted }

// Outcome is how a fetch through a node went, as far as the node goes.
type Outcome int

// The outcomes.
const (
	Served    Outcome = iota // the site answered through the node, whatever it said
	SiteFails                // the site could not be reached or broke; no fault of the node's is known
	NodeFails                // the tunnel itself failed
	Unused                   // nothing was tried, or the node declined
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
	case Unused:
		s.health.unused(now, f.cfg)
	case SiteFails:
	}
	rested := wasWell && !s.health.wellAt(now)
	s.mu.Unlock()
	f.sites.leave(g.site, g.Node, o == Served)
	if o == NodeFails || o == SiteFails {
		f.sites.cool(g.site, g.Node, now, f.cfg)
	}
	f.signal()
	if rested {
		f.log.Warn("node rested: it served nothing several times in a row", "node", g.Node)
	}
	if rested && o == NodeFails {
		f.Note(g.Node, wire.TunnelBroken, "its tunnels failed several times in a row; it was rested a while")
	}
}
