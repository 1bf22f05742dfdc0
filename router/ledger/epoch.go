package ledger

import (
	"errors"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
)

// State is where an epoch stands.
type State string

// An epoch takes receipts while open, none while it is being computed, and
// never changes again once closed.
const (
	StateOpen    State = "open"
	StateClosing State = "closing"
	StateClosed  State = "closed"
)

// Phase is what may happen to an epoch next, for people and for settlement.
type Phase string

// A closed epoch can be challenged until its window ends; while a challenge
// waits for its decision it stays contested, and nothing of it is paid.
const (
	PhaseOpen          Phase = "open"
	PhaseClosing       Phase = "closing"
	PhaseChallengeable Phase = "challengeable"
	PhaseContested     Phase = "contested"
	PhaseSettleable    Phase = "settleable"
)

// Epoch is one accounting window. Numbers start at 1 and have no gaps; an
// epoch ends at the instant the next one starts.
type Epoch struct {
	Number uint64
	State  State
	Start  time.Time // UTC, whole milliseconds
	End    time.Time // zero while open; never before Start
	Params Params
	// Ran is how long the router ran in the epoch, by a clock that nobody can
	// set; zero if nobody measured it.
	Ran time.Duration

	// Zero until closed.
	SettleFrom time.Time
	Head       *Head       // nil where an earlier version closed it
	Root       merkle.Hash // over the statements
	Hash       merkle.Hash // of the epoch file, which is what the router signs
	Signature  Signature

	Challenges int // that wait for a decision
}

// Phase is where e stands at now.
func (e Epoch) Phase(now time.Time) Phase {
	switch {
	case e.State == StateOpen:
		return PhaseOpen
	case e.State == StateClosing:
		return PhaseClosing
	case e.Challenges > 0:
		return PhaseContested
	case now.Before(e.SettleFrom):
		return PhaseChallengeable
	}
	return PhaseSettleable
}

// Seconds is the length of an epoch that has ended, in whole seconds: how long
// the router ran, or the time between start and end if nobody measured that.
func (e Epoch) Seconds() uint64 {
	if e.Ran > 0 {
		return uint64(e.Ran / time.Second)
	}
	return uint64(max(0, e.End.Sub(e.Start)) / time.Second)
}

// clockNote says that the wall clock and the running time contradict each
// other; "" if they do not.
func clockNote(start, end time.Time, seconds uint64) string {
	wall := end.Sub(start)
	ran := time.Duration(seconds) * time.Second
	if ran > wall+maxSlack {
		return "the router's clock was set back: it ran " + ran.String() + " between start and end, which are " + wall.String() + " apart"
	}
	return ""
}

// Errors a caller branches on.
var (
	// ErrNoEpoch says that an epoch of this number was never opened.
	ErrNoEpoch = errors.New("no such epoch")
	// ErrEpochClosed refuses receipts and disputes for an epoch that takes no
	// more: what they count belongs into the open epoch.
	ErrEpochClosed = errors.New("epoch takes no more receipts")
)
