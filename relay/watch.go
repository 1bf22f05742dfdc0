package relay

import (
	"context"
	"time"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// usageEvery is how often bytes are counted towards the monthly cap, and the
// most by which a pause that has run out is announced late.
const usageEvery = 5 * time.Second

// watchRules puts every change of the rules into effect: tunnels no longer
// allowed are cut, the router is told.
func (n *Node) watchRules(ctx context.Context) {
	tick := time.NewTicker(usageEvery)
	defer tick.Stop()
	for {
		changed := n.rules.Changed()
		n.tunnels.SetMaxTunnels(n.maxTunnels())
		n.tunnels.Recheck()
		n.tellSharing()
		select {
		case <-changed:
		case <-tick.C:
			if err := n.countUsage(); err != nil {
				n.log.Warn("usage not stored", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// countUsage reports what was carried since the last time to the rules.
func (n *Node) countUsage() error {
	stats := n.meter.Stats()
	n.mu.Lock()
	carried := stats.BytesDown + stats.BytesUp - n.counted
	n.counted += carried
	n.mu.Unlock()
	if carried == 0 {
		return nil
	}
	return n.rules.Carried(carried)
}

// sharing is the rules' verdict, or that the node is stopping.
func (n *Node) sharing() rules.Verdict {
	n.mu.Lock()
	stop := n.stop
	n.mu.Unlock()
	if stop {
		return rules.Verdict{Reason: wire.Stopping, Sentence: "Not sharing because the agent is stopping."}
	}
	return n.rules.Sharing(n.now())
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
	changed, resized := a.told != verdict.Reason, a.tunnels != most
	a.told, a.tunnels = verdict.Reason, most
	n.mu.Unlock()
	if changed {
		n.log.Info("sharing changed", "reason", verdict.Reason)
		n.tell(a, wordOn(verdict))
	}
	if resized {
		n.tell(a, &pb.NodeMessage{Body: &pb.NodeMessage_RulesChanged{RulesChanged: &pb.RulesChanged{MaxTunnels: uint32(most)}}})
	}
	if verdict.Reason == wire.NoConsent {
		a.end(errNoConsent)
	}
}

func wordOn(v rules.Verdict) *pb.NodeMessage {
	if v.OK {
		return &pb.NodeMessage{Body: &pb.NodeMessage_Resume{Resume: &pb.Resume{}}}
	}
	pause := &pb.Pause{Reason: pb.Reason(v.Reason)}
	if !v.Until.IsZero() {
		pause.UntilUnixMilli = v.Until.UnixMilli()
	}
	return &pb.NodeMessage{Body: &pb.NodeMessage_Pause{Pause: pause}}
}

func (n *Node) tell(a *attendance, m *pb.NodeMessage) {
	if err := a.session.Tell(m); err != nil {
		n.log.Warn("router not told", "router", a.router.Key, "err", err)
	}
}
