package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// routerState is what is known of one configured router; Node.mu guards it.
type routerState struct {
	uplink.Router
	failures int       // in a row
	next     time.Time // not tried before
	err      error     // why the last attempt or session ended; nil before the first
}

const (
	connectTime   = 30 * time.Second // for dialling all addresses of a router
	remindConsent = time.Minute
)

// stayConnected keeps a session with the first router that will have one. It
// seeks until seek is done; a session that is open lives on until inner is.
func (n *Node) stayConnected(seek, inner context.Context) {
	for n.awaitConsent(seek) {
		router, wait := n.nextRouter()
		if router == nil {
			n.sleep(seek, wait)
			continue
		}
		n.log.Info("connecting", "router", router.Key)
		a, err := n.open(seek, router)
		for err == nil {
			var home *attendance
			home, err = n.attend(seek, inner, a)
			if seek.Err() != nil {
				home.close()
				return
			}
			n.noteEnd(a.router, a.since, err)
			router = a.router
			if home != nil {
				a, err = home, nil
			}
		}
		if seek.Err() != nil {
			return
		}
		if a == nil {
			n.noteEnd(router, time.Time{}, err)
		}
	}
}

// awaitConsent returns once there is consent, false if ctx is done first.
func (n *Node) awaitConsent(ctx context.Context) bool {
	remind := time.NewTicker(remindConsent)
	defer remind.Stop()
	for ctx.Err() == nil {
		changed := n.rules.Changed()
		verdict := n.rules.Sharing(n.now())
		if verdict.Reason != wire.NoConsent {
			return true
		}
		n.log.Warn("waiting for consent, connecting nowhere", "why", verdict.Sentence,
			"read", "fallow-node consent show", "agree", "fallow-node consent accept")
		select {
		case <-changed:
		case <-remind.C:
		case <-ctx.Done():
		}
	}
	return false
}

// sleep waits, and is woken by a change of the rules or the routers.
func (n *Node) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.rules.Changed():
	case <-n.rechosen():
	case <-ctx.Done():
	}
}

// nextRouter is the first router that may be tried now, or how long until one
// may.
func (n *Node) nextRouter() (*routerState, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	soonest := n.cfg.Backoff.Hopeless
	for _, r := range n.inOrder() {
		wait := r.next.Sub(now)
		if wait <= 0 {
			return r, 0
		}
		soonest = min(soonest, wait)
	}
	return nil, soonest
}

// noteEnd notes how an attempt ended. began is when the router said welcome,
// zero if it never did.
func (n *Node) noteEnd(r *routerState, began time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	if !began.IsZero() && now.Sub(began) >= n.cfg.Backoff.Stable {
		r.failures = 0
	}
	r.err = err
	if errors.Is(err, errNoConsent) || errors.Is(err, errHome) || errors.Is(err, errUnchosen) || errors.Is(err, errPayout) {
		r.failures, r.next, r.err = 0, now, nil
		return
	}
	r.failures++
	wait := n.cfg.Backoff.wait(r.failures, err)
	r.next = now.Add(wait)
	n.log.Warn("not connected", "router", r.Key, "why", explain(err), "retry_in", wait.Round(time.Millisecond), "err", err)
}

// explain says for the user what err means and what to do about it.
func explain(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, uplink.ErrWrongKey):
		return fmt.Sprintf("Not connected: %v. Somebody else answers at that address, or its operator has a new key; ask the operator, then change the address.", err)
	case errors.Is(err, uplink.ErrName):
		return "Not connected: the router's name cannot be resolved. Check the address and this machine's DNS."
	case errors.Is(err, uplink.ErrNotLab):
		return "Not connected: this node is in lab mode, and the router's address is neither loopback nor private. A lab is for this machine and its own network."
	case errors.Is(err, uplink.ErrVersion):
		return "Not connected: this agent and its router have no version of the protocol in common, or the router is just starting. If this stays, one of them is too old; look for a newer version of this agent first."
	case errors.Is(err, uplink.ErrUnreachable):
		return "Not connected: the router does not answer at any of its addresses. It may be down, or the network in between may block it."
	case errors.Is(err, context.DeadlineExceeded):
		return "Not connected: the router took too long to answer."
	}
	switch reason := reasonOf(err); reason {
	case 0:
		return fmt.Sprintf("Connection lost: %v.", err)
	case wire.LabMismatch:
		return "Not connected: of this node and its router, one is in lab mode and the other is not. Start both with --lab, or neither."
	case wire.AgentTooOld:
		return "Not connected: this agent is too old for the router. Please install a newer version."
	case wire.RouterStopping:
		return "Connection ended: the router is stopping or restarting."
	case wire.PayoutProof:
		return "Not connected: the router does not accept the proof for your payout address. Set it again with: fallow-node identity payout set"
	case wire.RouterFull:
		return "Not connected: the router has no room for more nodes at the moment."
	case wire.SessionReplaced:
		return "Connection ended: another agent has connected with this node's identity. Does a second one run with a copy of this data directory?"
	default:
		return fmt.Sprintf("Connection ended by the router: %s.", reason)
	}
}
