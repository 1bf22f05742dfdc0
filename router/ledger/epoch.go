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

// Epoch is one accounting window. Numbers start at 1 and have no gaps; an
// epoch ends at the instant the next one starts.
type Epoch struct {
	Number uint64
	State  State
	Start  time.Time // UTC, whole milliseconds
	End    time.Time // zero while open; never before Start
	Params Params

	// Zero until closed.
	Root        merkle.Hash // over the statements
	Hash        merkle.Hash // SHA-256 of the epoch file's content, which is what the router signs
	Allocated   MicroPoints // sum of the statements' amounts
	Unallocated MicroPoints // the rest of the pool
}

// Seconds is the length of an epoch that has ended, in whole seconds; nobody
// can have been online for longer.
func (e Epoch) Seconds() uint64 { return wholeSeconds(e.Start, e.End) }

func wholeSeconds(start, end time.Time) uint64 {
	if !end.After(start) {
		return 0
	}
	return uint64(end.Sub(start) / time.Second)
}

// Errors a caller branches on.
var (
	// ErrNoEpoch says that an epoch of this number was never opened.
	ErrNoEpoch = errors.New("no such epoch")
	// ErrEpochClosed refuses receipts and disputes for an epoch that takes no
	// more: what they count belongs into the open epoch.
	ErrEpochClosed = errors.New("epoch takes no more receipts")
)
