package meter

import (
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// presence is since when the node has known one epoch of one router.
type presence struct {
	since time.Time
	base  uint64       // seconds already countersigned then
	last  wire.Receipt // Sequence 0 if none yet
}

// Epoch notes that router is in epoch now. A session that is welcomed says so;
// later epochs are noticed by their first receipt.
func (m *Meter) Epoch(router wire.Key, epoch uint64) {
	m.answering.Lock()
	defer m.answering.Unlock()
	m.presence(router, epoch)
}

// presence finds or notes an epoch, and forgets the oldest of a router beyond
// Config.MaxEpochs; the caller holds answering.
func (m *Meter) presence(router wire.Key, epoch uint64) *presence {
	epochs, ok := m.online[router]
	if !ok {
		epochs = make(map[uint64]*presence)
		m.online[router] = epochs
	}
	if p, ok := epochs[epoch]; ok {
		return p
	}
	stored := m.stored(router, epoch, "")
	p := &presence{since: m.now(), base: stored.OnlineSeconds, last: stored}
	epochs[epoch] = p
	for len(epochs) > m.cfg.MaxEpochs {
		oldest := epoch
		for e := range epochs {
			oldest = min(oldest, e)
		}
		delete(epochs, oldest)
	}
	return p
}

// answerOnline judges a receipt of online time and signs it: nobody is online
// for longer than the clock has run, and to say otherwise takes from the others.
func (m *Meter) answerOnline(r *wire.Receipt) error {
	p := m.presence(r.Router, r.Epoch)
	same, err := follows(r, p.last)
	if err != nil {
		return err
	}
	if same {
		r.NodeSig = p.last.NodeSig
		return nil
	}
	most := p.base + uint64((m.now().Sub(p.since)+m.cfg.OnlineGrace)/time.Second)
	if r.OnlineSeconds > most {
		return fmt.Errorf("%w: %d seconds online, the clock allows %d", ErrDispute, r.OnlineSeconds, most)
	}
	if err := m.sign(r); err != nil {
		return err
	}
	p.last = *r
	return nil
}
