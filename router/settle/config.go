package settle

import (
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Mode says what goes on the chain.
type Mode string

// Modes.
const (
	ModeOff    Mode = "off"    // nothing
	ModeCommit Mode = "commit" // a memo per epoch: root, totals, file hash
	ModePay    Mode = "pay"    // the memo, and payouts in a token
)

// Config is what a Settler is told. Amounts are per epoch where they bound.
type Config struct {
	Mode Mode
	Mint wire.Key // the token; pay only
	Rate Rate     // what points are worth; pay only

	Threshold        Units // less is not paid out yet; default 1,000
	AccountThreshold Units // less is not paid to a node without a token account, which costs us rent; default 1,000,000
	AccountBudget    int64 // lamports of rent for new token accounts
	SpendingCap      Units // most that is paid out

	MaxPayouts  int           // payouts per transaction at most; 0: as many as fit
	MaxAttempts int           // signatures per batch and run, each after the one before has expired
	Poll        time.Duration // between two looks at a sent transaction
	Resend      time.Duration // between two sendings of the same bytes
	Patience    time.Duration // how long one transaction is waited for before it is left as unknown
}

// Bounds.
const (
	maxFoundAtOnce = 100_000 // batches read back from the chain in one go
	maxReplans     = 16      // new plans in one run, each because of a payout refused or found
)

// DefaultConfig settles nothing.
func DefaultConfig() Config {
	return Config{
		Mode: ModeOff, Rate: Rate{Units: 1, Points: 1000}, Threshold: 1_000, AccountThreshold: 1_000_000, MaxAttempts: 8,
		Poll: 2 * time.Second, Resend: 4 * time.Second, Patience: 10 * time.Minute,
	}
}

// ErrConfig is wrapped by errors about a configuration that cannot settle.
var ErrConfig = errors.New("settlement is not configured")

// Validate names the first thing that is wrong; the error wraps ErrConfig.
func (c Config) Validate() error {
	var what string
	switch {
	case c.Mode != ModeOff && c.Mode != ModeCommit && c.Mode != ModePay:
		what = fmt.Sprintf("settle.mode is %q, must be off, commit or pay", c.Mode)
	case c.MaxAttempts < 1 || c.MaxPayouts < 0:
		what = "attempts must be above 0 and payouts per transaction not below"
	case c.Poll <= 0 || c.Resend <= 0 || c.Patience <= 0:
		what = "poll, resend and patience must be above 0"
	case c.Mode != ModePay:
	case c.Mint.IsZero():
		what = "settle.mint is not set: name the token to pay in"
	case c.Rate.Zero():
		what = "settle.rate is not set: say how many base units how many micro-points are worth, such as 1/1000"
	case c.Threshold < 1:
		what = "settle.threshold must be at least 1 base unit"
	case c.SpendingCap < 1:
		what = "settle.spending_cap is not set: say how many base units one epoch may cost at most"
	case c.AccountBudget < 0 || c.AccountThreshold < 0:
		what = "settle.account_budget and settle.account_threshold cannot be negative"
	}
	if what != "" {
		return fmt.Errorf("%w: %s", ErrConfig, what)
	}
	return nil
}
