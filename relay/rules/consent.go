package rules

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

//go:embed consent.md
var consentText string

// ErrConsentVersion says that what was accepted is not the current text.
var ErrConsentVersion = errors.New("consent is for another version of the text")

// ConsentText is what the user is asked to agree to, in Markdown.
func ConsentText() string { return consentText }

// ConsentVersion names the current text: the first 12 hex digits of its
// SHA-256, so it changes whenever the text does.
func ConsentVersion() string {
	sum := sha256.Sum256([]byte(consentText))
	return hex.EncodeToString(sum[:6])
}

// Consent is the record of the user's agreement; the zero value is none.
type Consent struct {
	Version    string    `json:"version,omitempty"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
}

// Given reports whether it is for the current text.
func (c Consent) Given() bool { return c.Version == ConsentVersion() && !c.AcceptedAt.IsZero() }

// Consent is what is on record.
func (r *Rules) Consent() Consent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Consent
}

// Accept records the user's agreement to the text of the given version, which
// is the one that was shown. The error wraps ErrConsentVersion if the current
// text is another.
func (r *Rules) Accept(version string) error {
	if version != ConsentVersion() {
		return fmt.Errorf("%w: %q, the text is %q", ErrConsentVersion, version, ConsentVersion())
	}
	return r.change(func(s *state) {
		s.Consent = Consent{Version: version, AcceptedAt: r.now().UTC()}
		s.meet(r.seen, r.now())
	})
}

// Withdraw removes the agreement. From its return on, Allow refuses everything,
// also if storing it failed.
func (r *Rules) Withdraw() error {
	return r.restrict(func(s *state) { s.Consent = Consent{} })
}
