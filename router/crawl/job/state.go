package job

import "slices"

// State is where a job stands.
type State string

// The states. Done, failed and cancelled are final.
const (
	StateQueued    State = "queued"    // accepted, not started
	StateRunning   State = "running"   // its addresses are being fetched; survives a restart of the router
	StatePaused    State = "paused"    // keeps its frontier, fetches nothing
	StateCancelled State = "cancelled" // ended by its owner
	StateDone      State = "done"      // nothing left to fetch, or max pages reached
	StateFailed    State = "failed"    // cannot go on; Reason says why
)

// Valid says whether s is one of the six states.
func (s State) Valid() bool {
	switch s {
	case StateQueued, StateRunning, StatePaused, StateCancelled, StateDone, StateFailed:
		return true
	}
	return false
}

// Final says whether a job in s never changes again.
func (s State) Final() bool {
	return s == StateCancelled || s == StateDone || s == StateFailed
}

// CanMove says whether a job may go from one state to another. Staying in a
// state is not a move.
func CanMove(from, to State) bool {
	return slices.Contains(next(from), to)
}

func next(from State) []State {
	switch from {
	case StateQueued:
		return []State{StateRunning, StatePaused, StateCancelled, StateFailed}
	case StateRunning:
		return []State{StatePaused, StateDone, StateFailed, StateCancelled}
	case StatePaused:
		return []State{StateQueued, StateRunning, StateCancelled, StateFailed}
	}
	return nil
}
