package relay

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// flushEvery is how often the count of what was carried may be stored, and the
// most by which a change that the clock alone makes is late after the machine
// has slept or its clock was set.
const flushEvery = 15 * time.Second

// watchRules puts every change of the rules into effect: tunnels no longer
// allowed are cut, the speed is set, the router is told.
func (n *Node) watchRules(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		changed := n.rules.Changed()
		n.egress.SetRate(n.rules.Settings().Caps.BytesPerSecond())
		n.tunnels.SetMaxTunnels(n.maxTunnels())
		n.tunnels.Recheck()
		n.tellSharing()
		turn, stop := n.nextTurn()
		select {
		case <-changed:
		case <-turn:
		case <-tick.C:
			if err := n.rules.Flush(); err != nil {
				n.log.Warn("usage not stored", "err", err)
			}
		case <-ctx.Done():
			stop()
			return
		}
		stop()
	}
}

// nextTurn fires when the clock alone next changes a verdict, if that is before
// the next tick.
func (n *Node) nextTurn() (turn <-chan time.Time, stop func()) {
	now := n.now()
	wait := n.rules.NextTurn(now).Sub(now)
	if wait < 0 || wait > flushEvery {
		return nil, func() {}
	}
	timer := time.NewTimer(wait)
	return timer.C, func() { timer.Stop() }
}

// watchPresence looks at the machine from time to time.
func (n *Node) watchPresence(ctx context.Context) {
	if n.looks == nil {
		return
	}
	tick := time.NewTicker(n.cfg.LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.look()
		case <-ctx.Done():
			return
		}
	}
}

// look tells the rules what the machine is doing.
func (n *Node) look() {
	if n.looks == nil {
		return
	}
	carried := n.meter.Stats()
	seen := n.looks.Look(n.now(), carried.BytesDown+carried.BytesUp)
	if err := n.rules.Observe(seen); err != nil {
		n.log.Warn("the network was not written down", "err", err)
	}
}

// sharing is the verdict on the connected router, or on none.
func (n *Node) sharing() rules.Verdict {
	n.mu.Lock()
	var router wire.Key
	if n.current != nil {
		router = n.current.router.Key
	}
	n.mu.Unlock()
	return n.sharingWith(router)
}

// sharingWith is the user's rules' verdict, then that of the routers' halts, or
// that the node is stopping.
func (n *Node) sharingWith(router wire.Key) rules.Verdict {
	n.mu.Lock()
	stop := n.stop
	n.mu.Unlock()
	if stop {
		return rules.Verdict{Reason: wire.Stopping, Sentence: "Not sharing because the agent is stopping."}
	}
	if v := n.rules.Sharing(n.now()); !v.OK {
		return v
	}
	return n.halts.Verdict(router, "")
}

// tellSharing tells the router if the node's word on sharing has changed.
// Without consent there is nothing left to talk about: the session ends.
func (n *Node) tellSharing() {
	verdict, most := n.sharing(), n.maxTunnels()
	n.mu.Lock()
	a := n.current
	if a == nil {
		n.mu.Unlock()
		return
	}
	word := wordOn(verdict)
	changed, resized := !proto.Equal(word, a.told), a.tunnels != most
	a.told, a.tunnels = word, most
	n.mu.Unlock()
	if changed {
		n.log.Info("sharing changed", "why", verdict.Sentence)
		n.tell(a, word)
	}
	if resized {
		n.tell(a, &pb.NodeMessage{Body: &pb.NodeMessage_RulesChanged{RulesChanged: &pb.RulesChanged{MaxTunnels: uint32(most)}}})
	}
	if verdict.Reason == wire.NoConsent {
		a.end(errNoConsent)
	}
}

// wordOn is what the router hears of v. When the machine was last used is not
// its business.
func wordOn(v rules.Verdict) *pb.NodeMessage {
	if v.OK {
		return &pb.NodeMessage{Body: &pb.NodeMessage_Resume{Resume: &pb.Resume{}}}
	}
	pause := &pb.Pause{Reason: pb.Reason(v.Reason)}
	if !v.Until.IsZero() && v.Rule != rules.RuleInUse {
		pause.UntilUnixMilli = v.Until.UnixMilli()
	}
	return &pb.NodeMessage{Body: &pb.NodeMessage_Pause{Pause: pause}}
}

func (n *Node) tell(a *attendance, m *pb.NodeMessage) {
	if err := a.session.Tell(m); err != nil {
		n.log.Warn("router not told", "router", a.router.Key, "err", err)
	}
}
