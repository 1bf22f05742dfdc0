package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

const haltDomain = "fallow-halt-v1\n"

// HaltScope is what a halt stops at a node.
type HaltScope uint8

// The scopes. The numbers are fixed for ever.
const (
	// HaltAll stops everything the node carries, for whichever router.
	HaltAll HaltScope = 1
	// HaltRouter stops what it carries for the router that says so.
	HaltRouter HaltScope = 2
	// HaltJob stops one job of that router.
	HaltJob HaltScope = 3
)

// String is the word for a scope on the command line and in JSON.
func (s HaltScope) String() string {
	switch s {
	case HaltAll:
		return "all"
	case HaltRouter:
		return "router"
	case HaltJob:
		return "job"
	default:
		return fmt.Sprintf("scope_%d", uint8(s))
	}
}

// MarshalText is String.
func (s HaltScope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String gave for a known scope.
func (s *HaltScope) UnmarshalText(text []byte) error {
	for _, known := range []HaltScope{HaltAll, HaltRouter, HaltJob} {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("unknown scope %q", text)
}

// Bounds of a halt.
const (
	MaxHalts      = 32  // stops in force at once
	MaxHaltReason = 200 // bytes of one reason
	MaxHalt       = 10 << 10
)

// Stop is one thing a halt stops, and why.
type Stop struct {
	Scope  HaltScope `json:"scope"`
	Job    string    `json:"job,omitempty"` // with HaltJob alone
	Reason string    `json:"reason"`        // for the users of nodes, 1 to MaxHaltReason bytes
}

// Halt is a router's kill switch: everything it wants stopped at the moment. It
// is cumulative, as receipts are: the one with the highest sequence says
// everything, and one without stops lifts all that came before.
type Halt struct {
	Router   Key
	Sequence uint64    // grows with every change
	At       time.Time // of the change; millisecond precision
	Stops    []Stop    // at most MaxHalts, each scope and job once

	Signature []byte // the router's, 64 bytes
}

// Errors of OpenHalt and Sign.
var (
	ErrHaltMalformed = errors.New("halt is malformed")
	ErrHaltSignature = errors.New("halt signature does not verify")
)

// Encode is the fixed encoding that the signature covers.
func (h *Halt) Encode() []byte {
	e := newEncoder(haltDomain)
	e.fixed(h.Router[:])
	e.uint64(h.Sequence)
	e.uint64(uint64(h.At.UnixMilli()))
	e.byte(byte(len(h.Stops)))
	for _, s := range h.Stops {
		e.byte(byte(s.Scope))
		e.text(s.Job)
		e.text(s.Reason)
	}
	return e.buf
}

// Sign checks h against the bounds and sets the signature. The error wraps
// ErrHaltMalformed.
func (h *Halt) Sign(router ed25519.PrivateKey) error {
	if KeyOf(router) != h.Router {
		return fmt.Errorf("%w: signed with another key than its router's", ErrHaltMalformed)
	}
	if err := h.checkForm(); err != nil {
		return err
	}
	h.Signature = ed25519.Sign(router, h.Encode())
	return nil
}

// OpenHalt decodes a halt and verifies its signature against the router key
// inside it. The caller decides whether that router is one it knows. Errors wrap
// ErrHaltMalformed or ErrHaltSignature.
func OpenHalt(encoded, signature []byte) (*Halt, error) {
	d := newDecoder(haltDomain, encoded)
	h := new(Halt)
	d.fixed(h.Router[:])
	h.Sequence = d.uint64()
	h.At = time.UnixMilli(int64(d.uint64())).UTC()
	for n := d.byte(); n > 0 && d.err == nil; n-- {
		h.Stops = append(h.Stops, Stop{Scope: HaltScope(d.byte()), Job: d.text(MaxJob), Reason: d.text(MaxHaltReason)})
	}
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHaltMalformed, err)
	}
	if !h.Router.verify(encoded, signature) {
		return nil, ErrHaltSignature
	}
	if err := h.checkForm(); err != nil {
		return nil, err
	}
	h.Signature = slices.Clone(signature)
	return h, nil
}

func (h *Halt) checkForm() error {
	if len(h.Stops) > MaxHalts {
		return fmt.Errorf("%w: %d stops, at most %d", ErrHaltMalformed, len(h.Stops), MaxHalts)
	}
	if h.Sequence == 0 || h.Sequence >= maxCount {
		return fmt.Errorf("%w: sequence %d", ErrHaltMalformed, h.Sequence)
	}
	for i, s := range h.Stops {
		switch {
		case s.Scope < HaltAll || s.Scope > HaltJob:
			return fmt.Errorf("%w: %s", ErrHaltMalformed, s.Scope)
		case (s.Scope == HaltJob) != (s.Job != "") || !plainJob(s.Job):
			return fmt.Errorf("%w: job %q with scope %s", ErrHaltMalformed, s.Job, s.Scope)
		case s.Reason == "" || len(s.Reason) > MaxHaltReason || !plainText(s.Reason):
			return fmt.Errorf("%w: the reason has to be 1 to %d bytes of printable text", ErrHaltMalformed, MaxHaltReason)
		}
		for _, earlier := range h.Stops[:i] {
			if earlier.Scope == s.Scope && earlier.Job == s.Job {
				return fmt.Errorf("%w: %s %s stands in it twice", ErrHaltMalformed, s.Scope, s.Job)
			}
		}
	}
	return nil
}

// plainText reports whether text is printable, on one line and valid UTF-8: it is
// shown in terminals.
func plainText(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
