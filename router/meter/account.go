package meter

import (
	"sync/atomic"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Account counts for one (node, job). The adding methods are safe for
// concurrent use and cost one atomic addition.
type Account struct {
	down, up, tunnels, failures atomic.Uint64
	online                      atomic.Int64 // nanoseconds

	// The rest is guarded by the lock of the node's accounts.
	used     time.Time // when it was last handed out
	carried  counts    // stored for this epoch by an earlier run
	mark     counts    // live counts when the epoch began, or this run
	sequence uint64    // the last one used in this epoch, also in a write that failed
	proposed proposal  // the last receipt proposed in this epoch
	closing  proposal  // the last one of the epoch before, while it may still be signed
}

// proposal is a receipt that the database holds and the node was, or will be,
// asked to sign. The zero value is none.
type proposal struct {
	wire.Receipt
	disputed bool // an objection to it is stored
}

func (p *proposal) unsigned() bool { return p.Sequence > 0 && p.NodeSig == nil }

// AddDown counts bytes that came from the site.
func (a *Account) AddDown(n int) { a.down.Add(uint64(n)) }

// AddUp counts bytes that went to the site.
func (a *Account) AddUp(n int) { a.up.Add(uint64(n)) }

// AddTunnel counts one tunnel that reached its site, or one that did not.
func (a *Account) AddTunnel(reached bool) {
	if reached {
		a.tunnels.Add(1)
	} else {
		a.failures.Add(1)
	}
}

type counts struct{ down, up, tunnels, failures, online uint64 }

func (a *Account) live() counts {
	return counts{
		down: a.down.Load(), up: a.up.Load(),
		tunnels: a.tunnels.Load(), failures: a.failures.Load(),
		online: uint64(time.Duration(a.online.Load()) / time.Second),
	}
}

// total is what the account holds for the current epoch.
func (a *Account) total(live counts) counts {
	c := live.minus(a.mark)
	return counts{
		down: a.carried.down + c.down, up: a.carried.up + c.up,
		tunnels: a.carried.tunnels + c.tunnels, failures: a.carried.failures + c.failures,
		online: a.carried.online + c.online,
	}
}

// turn starts a new epoch with what has come in since the last proposal.
// Tunnels add without the lock, so that is rarely nothing.
func (a *Account) turn() {
	live := a.live()
	total, last := a.total(live), countsOf(a.proposed.Receipt)
	a.carried = counts{}
	a.mark = live.minus(total.minus(last))
	a.closing, a.proposed, a.sequence = a.proposed, proposal{}, 0
}

// due is the proposal that an answer for epoch speaks of; nil if there is none.
func (a *Account) due(epoch uint64) *proposal {
	for _, p := range []*proposal{&a.proposed, &a.closing} {
		if p.Sequence > 0 && p.Epoch == epoch {
			return p
		}
	}
	return nil
}

// idle reports whether nothing was counted since the epoch began.
func (a *Account) idle() bool { return a.live() == a.mark && a.carried == counts{} }

func (c counts) minus(d counts) counts {
	return counts{
		down: c.down - d.down, up: c.up - d.up,
		tunnels: c.tunnels - d.tunnels, failures: c.failures - d.failures, online: c.online - d.online,
	}
}

func countsOf(r wire.Receipt) counts {
	return counts{down: r.BytesDown, up: r.BytesUp, tunnels: r.Tunnels, failures: r.Failures, online: r.OnlineSeconds}
}
