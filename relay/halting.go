package relay

import (
	"context"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// takeHalt puts a router's halt into force: tunnels under it are cut before it
// returns, the router is told, and the journal keeps what was signed.
func (n *Node) takeHalt(router wire.Key, m *pb.Halt) {
	if len(m.GetHalt()) > wire.MaxHalt {
		n.complaints.warn("halt refused", "router", router, "bytes", len(m.GetHalt()))
		return
	}
	if n.haltPace.Wait(context.Background()) != nil { // at most a second; only this router waits
		return
	}
	news, err := n.halts.Take(router, m.GetHalt(), m.GetRouterSignature())
	if news {
		n.tunnels.Recheck()
		n.tellSharing()
	}
	if err != nil {
		n.complaints.warn("halt not stored, or refused", "router", router, "in_force", news, "err", err)
	}
	if !news {
		return
	}
	verdict := n.halts.Verdict(router, "")
	n.log.Warn("the router has changed what it stops", "router", router, "in_force", len(n.halts.InForce()), "why", verdict.Sentence)
	if _, err := n.journal.Append(journal.Entry{
		Kind: journal.Halted, Router: router, Halt: m.GetHalt(), HaltSig: m.GetRouterSignature(),
	}); err != nil {
		n.complaints.warn("halt not written to the journal", "router", router, "err", err)
	}
}
