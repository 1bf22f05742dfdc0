package relay

import (
	"context"
	"errors"
	"time"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

// errHome ends the session with a failover router.
var errHome = errors.New("the home router answers again")

// settleTime is how long home has to keep a new session before the node leaves
// the failover for it: a router that is full or stopping says so after welcome.
const settleTime = 3 * time.Second

// drainPoll is how often open tunnels are looked for while the node leaves.
const drainPoll = 50 * time.Millisecond

// seekHome tries the home router from time to time while a failover router is
// attended. When home has said welcome and kept to it, it leaves the failover in good order and
// returns the session with home; nil if ctx was done before. A home that answers
// and refuses is no reason to leave.
func (n *Node) seekHome(ctx, inner context.Context, home *routerState, failover *attendance) *attendance {
	for {
		if !pause(ctx, n.homeWait(home)) {
			return nil
		}
		if n.halts.StoppedAll(failover.router.Key) {
			continue // only the failover can lift it
		}
		a, err := n.open(ctx, home)
		if ctx.Err() != nil {
			a.close()
			return nil
		}
		if err == nil {
			n.start(inner, a)
			select {
			case err = <-a.ended:
				a.close()
			case <-time.After(min(settleTime, n.cfg.Backoff.Home/2)):
			case <-ctx.Done():
				a.close()
				return nil
			}
		}
		if err != nil {
			n.noteEnd(home, time.Time{}, err)
			continue
		}
		n.log.Info("the home router answers again", "router", home.Key)
		n.tell(failover, wordOn(rules.Verdict{Reason: wire.Stopping}))
		// At least one poll, for the word to arrive and leases under way to open.
		for end := time.Now().Add(n.cfg.Finish); pause(ctx, drainPoll) && n.tunnels.Stats().Open > 0 && time.Now().Before(end); {
		}
		failover.end(errHome)
		return a
	}
}

// homeWait is between half of Backoff.Home and all of it, or longer if home asked
// for that.
func (n *Node) homeWait(home *routerState) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	most := n.cfg.Backoff.Home
	return max(most/2+jitter(most/2), home.next.Sub(n.now()))
}

// pause waits, and reports whether ctx let it.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
