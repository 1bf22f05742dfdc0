package egress

import (
	"context"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
)

// Refusal says why a tunnel was not opened, or was ended, in a code the router
// understands and words for the node's own journal.
type Refusal struct {
	Reason wire.Reason
	Err    error // the detail; never nil
}

// Error is the code and the detail.
func (r *Refusal) Error() string { return r.Reason.String() + ": " + r.Err.Error() }

// Unwrap is the detail.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(reason wire.Reason, format string, args ...any) error {
	return &Refusal{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// ReasonOf is the code of a Refusal anywhere in err; wire.OK for nil, and
// wire.TunnelBroken for an error that is not a Refusal.
func ReasonOf(err error) wire.Reason {
	if err == nil {
		return wire.OK
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	return wire.TunnelBroken
}

// stopReason is why ctx ended. Whoever cancels it may say so with a Refusal as
// the cause (paused, for one); without one the node is stopping.
func stopReason(ctx context.Context) error {
	cause := context.Cause(ctx)
	if _, ok := errors.AsType[*Refusal](cause); ok {
		return cause
	}
	return &Refusal{Reason: wire.Stopping, Err: cause}
}
