package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// known is what the fleet has in mind about one node. It outlives the node's
// sessions, so that hanging up and coming back neither wipes anything out nor
// counts anything twice. Sessions of one node share it.
type known struct {
	mu       sync.Mutex
	recalled bool // health holds what the database knows
	saved    Member
	inFlight int       // fetches through the node
	credited time.Time // online time is counted up to here
	health   health
}

// resaveAfter is how old SeenAt may be in the database while a node keeps
// coming back: a node in a loop must not become a loop of disk writes.
const resaveAfter = time.Minute

// knownOf finds or makes what is known of a node. Those seen longest ago are
// forgotten; they are read from the database again.
func (f *Fleet) knownOf(node wire.Key) *known {
	if s := f.session(node); s != nil {
		return s.known
	}
	if k, ok := f.known.Get(node); ok {
		return k
	}
	fresh := new(known)
	if k, there, _ := f.known.PeekOrAdd(node, fresh); there {
		return k
	}
	return fresh
}

// recall reads a node's standing from the database, once.
func (f *Fleet) recall(ctx context.Context, node wire.Key, k *known) error {
	k.mu.Lock()
	done := k.recalled
	k.mu.Unlock()
	if done {
		return nil
	}
	events, err := f.db.Standing(ctx, node, maxEvents)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.recalled {
		k.health.recall(events, f.cfg)
		k.recalled = true
	}
	return nil
}

// remember stores that a node was seen, unless that stands there already.
func (f *Fleet) remember(ctx context.Context, m Member, k *known) error {
	k.mu.Lock()
	last := k.saved
	k.mu.Unlock()
	age := m.SeenAt.Sub(last.SeenAt)
	last.SeenAt = m.SeenAt
	if last == m && age < resaveAfter {
		return nil
	}
	if err := f.db.SaveNode(ctx, m); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = m
	return nil
}
