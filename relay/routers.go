package relay

import (
	"errors"
	"slices"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// ErrPinned is the error of SetRouters when the routers were given for this run.
var ErrPinned = errors.New("the agent was started with --router, so its routers stay as they are until it is started without")

// errUnchosen ends the session with a router that is no longer on the list.
var errUnchosen = errors.New("the router was taken off the list")

// SetRouters replaces the list of routers: stores it, and from then on seeks and
// keeps only these. A session with a router that is gone ends; one with a router
// that stays goes on, under its new addresses from the next connection on. With no
// routers the node waits. Errors wrap ErrPinned or uplink.ErrAddress, or come from
// the disk; nothing has changed then.
func (n *Node) SetRouters(addresses []string) error {
	if n.cfg.Pinned {
		return ErrPinned
	}
	routers, err := uplink.ParseRouters(addresses)
	if err != nil {
		return err
	}
	if err := routerlist.Save(n.cfg.Dir, addresses); err != nil {
		return err
	}
	n.uplink.Choose(routers)
	n.halts.Choose(keysOf(routers))
	n.mu.Lock()
	n.routers = n.merge(routers)
	close(n.chosen)
	n.chosen = make(chan struct{})
	n.mu.Unlock() // whoever attends a session looks whether its router is still chosen
	n.tunnels.Recheck()
	n.tellSharing()
	return nil
}

// Routers is the list in force, as addresses with keys, home first.
func (n *Node) Routers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := []string{}
	for _, r := range n.routers {
		for _, a := range r.Addrs {
			all = append(all, a.String()+"/p2p/"+r.Key.PeerID().String())
		}
	}
	return all
}

// merge keeps the state of routers that stay; those with new addresses are tried
// at once. Called with mu held.
func (n *Node) merge(routers []uplink.Router) []*routerState {
	var merged []*routerState
	for _, r := range routers {
		i := slices.IndexFunc(n.routers, func(old *routerState) bool { return old.Key == r.Key })
		if i < 0 {
			merged = append(merged, &routerState{Router: r})
			continue
		}
		old := n.routers[i]
		if !slices.EqualFunc(old.Addrs, r.Addrs, func(a, b ma.Multiaddr) bool { return a.Equal(b) }) {
			old.Router, old.failures, old.next = r, 0, n.now()
		}
		merged = append(merged, old)
	}
	return merged
}

// rechosen is closed at the next SetRouters.
func (n *Node) rechosen() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.chosen
}

// inOrder is the routers in the order in which to try them: as chosen, but one that
// has stopped everything comes first, since only it can lift that. Called with mu
// held.
func (n *Node) inOrder() []*routerState {
	ordered := slices.Clone(n.routers)
	slices.SortStableFunc(ordered, func(a, b *routerState) int {
		x, y := n.halts.StoppedAll(a.Key), n.halts.StoppedAll(b.Key)
		switch {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	})
	return ordered
}

// chose reports whether r is on the list.
func (n *Node) chose(r *routerState) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.routers, r)
}

// homeBesides is the home router, nil if that is r or there is none.
func (n *Node) homeBesides(r *routerState) *routerState {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.routers) == 0 || n.routers[0] == r {
		return nil
	}
	return n.routers[0]
}

func keysOf(routers []uplink.Router) []wire.Key {
	keys := make([]wire.Key, len(routers))
	for i, r := range routers {
		keys[i] = r.Key
	}
	return keys
}
