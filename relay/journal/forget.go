package journal

import (
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// A receipt is kept while its epoch is among the newest keepEpochs of its
// router, and keepReceipts from the day it was saved: a router that makes epochs
// up cannot have its debts forgotten.
const (
	keepEpochs   = 400
	keepReceipts = 90 * 24 * time.Hour
)

// room reports whether one more receipt of router may be held, and makes room
// where it can. Called with mu held.
func (r *Receipts) room(router wire.Key) bool {
	if r.routers[router] >= maxOfRouter {
		r.forgetOld(router)
	}
	return r.routers[router] < maxOfRouter && len(r.newest) < maxReceipts
}

// forgetOld drops what need not be kept of router; the file follows when it is
// next rewritten. Called with mu held or before anyone else has r.
func (r *Receipts) forgetOld(router wire.Key) {
	var epochs []uint64
	for k := range r.newest {
		if k.router == router {
			epochs = append(epochs, k.epoch)
		}
	}
	slices.Sort(epochs)
	if epochs = slices.Compact(epochs); len(epochs) <= keepEpochs {
		return
	}
	oldestKept := epochs[len(epochs)-keepEpochs]
	now := r.now()
	for k, h := range r.newest {
		if k.router == router && k.epoch < oldestKept && now.Sub(h.Saved) > keepReceipts {
			r.drop(k)
		}
	}
}
