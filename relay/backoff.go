package relay

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/fallow-network/fallow/relay/session"
	"github.com/fallow-network/fallow/relay/wire"
)

// wait is how long to leave a router alone after err, the failures-th in a row
// (from 1). Full jitter: many nodes that lose a router at once come back spread
// over the whole ceiling.
func (b Backoff) wait(failures int, err error) time.Duration {
	switch reasonOf(err) {
	case wire.RouterStopping:
		return jitter(2 * b.Min) // it restarts, or another one takes over
	case wire.LabMismatch, wire.AgentTooOld, wire.PayoutProof:
		return b.Hopeless/2 + jitter(b.Hopeless/2)
	case wire.RouterFull, wire.SessionReplaced:
		failures += 4
	}
	ceiling := b.Min
	for range failures - 1 {
		if ceiling >= b.Max {
			break
		}
		ceiling *= 2
	}
	return jitter(min(ceiling, b.Max))
}

// jitter is a time between a tenth of most and most.
func jitter(most time.Duration) time.Duration {
	return most/10 + rand.N(most-most/10+1)
}

// reasonOf is the reason a router gave for ending a session, if it gave one.
func reasonOf(err error) wire.Reason {
	if refused, ok := errors.AsType[*session.Refused](err); ok {
		return refused.Reason
	}
	return 0
}
