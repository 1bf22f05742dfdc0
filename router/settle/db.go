package settle

import (
	"context"
	"errors"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Ledger is what settling needs of the points.
type Ledger interface {
	// Epoch is a closed epoch, or for 0 the newest that can be settled. The
	// error wraps ErrNotReady while it is open or may still be challenged.
	Epoch(ctx context.Context, number uint64) (Epoch, error)
	// Dues is everybody who has earned anything up to the end of an epoch.
	Dues(ctx context.Context, epoch uint64) ([]Due, error)
}

// ErrNotReady says that an epoch cannot be settled yet.
var ErrNotReady = errors.New("not ready to be settled")

// Epoch is a closed epoch.
type Epoch struct {
	Number uint64
	Commitment
}

// Due is what one node has ever earned, and where it wants to be paid.
type Due struct {
	Node    wire.Key
	Address wire.Key // the node's own key unless it named another
	Points  MicroPoints
	Royalty Units
}

// DB is what settling keeps rows in. Each method is one transaction and durable
// when it returns nil.
type DB interface {
	// Settlement is that of an epoch, or the newest for 0; false if there is none.
	Settlement(ctx context.Context, epoch uint64) (Settlement, bool, error)
	// Batches are those of an epoch, by number, with payouts.
	Batches(ctx context.Context, epoch uint64) ([]Batch, error)
	// Live is the one batch that has been signed and is not final, with all its
	// attempts, the newest last; false if there is none.
	Live(ctx context.Context) (Batch, []Attempt, bool, error)
	// LastSeq is the highest number of a final batch, 0 if none.
	LastSeq(ctx context.Context) (uint64, error)
	// Paid is what final batches have settled of each node's earnings.
	Paid(ctx context.Context) (map[wire.Key]Paid, error)

	// SavePlan stores a settlement, and batches and refusals in place of those
	// of any epoch that were planned and never signed. Batches get numbers.
	SavePlan(ctx context.Context, s Settlement, batches []Batch, held []Held) error
	// SaveAttempt stores a signed transaction of a planned or live batch, which
	// becomes live with seq.
	SaveAttempt(ctx context.Context, epoch uint64, number int, seq uint64, a Attempt) error
	// MarkAttempt changes what is known of an attempt.
	MarkAttempt(ctx context.Context, epoch uint64, number, attempt int, state AttemptState, note string, at time.Time) error
	// Drop returns a live batch to nothing: the marker of its seq is somebody
	// else's, so none of its attempts can ever take effect.
	Drop(ctx context.Context, epoch uint64, number int) error
	// SaveFinal makes a live batch final by one of its attempts.
	SaveFinal(ctx context.Context, epoch uint64, number int, signature string, at time.Time) error
	// SaveFound stores a final batch that was read from the chain.
	SaveFound(ctx context.Context, b Batch, signature string, at time.Time) error
	// Unresolved are payouts of found batches whose node is not known.
	Unresolved(ctx context.Context) ([]Loose, error)
	// Resolve says whose a payout of a found batch is, and how much of it is
	// royalties.
	Resolve(ctx context.Context, l Loose) error
	// Finish closes a settlement.
	Finish(ctx context.Context, epoch uint64, at time.Time) error
	// Finals are the final batches from a seq on, at most limit, with payouts
	// and the signature that made each final.
	Finals(ctx context.Context, from uint64, limit int) ([]FinalBatch, error)
	// SaveRefund stores a refund that is planned, as of epoch 0, and gives it a
	// number; what else was planned and never signed goes.
	SaveRefund(ctx context.Context, b Batch) (Batch, error)
	// Refunded is what final batches have paid back for an order.
	Refunded(ctx context.Context, order string) (Units, error)
	// Held are the payouts an epoch's newest plan put off.
	Held(ctx context.Context, epoch uint64) ([]Held, error)
}

// Settlement is how far an epoch has been settled.
type Settlement struct {
	Epoch    uint64
	Mode     Mode
	Done     bool // nothing is left of its plan
	Planned  time.Time
	Finished time.Time
}

// BatchState is how far a batch is.
type BatchState string

// A batch is planned, live from its first signature on, and in the end final.
// One that fails without effect, and whose payouts have to change, is dropped.
const (
	BatchPlanned BatchState = "planned"
	BatchLive    BatchState = "live"
	BatchFinal   BatchState = "final"
	BatchDropped BatchState = "dropped"
)

// AttemptState is what is known of one signed transaction.
type AttemptState string

// An attempt is signed and stored, then sent. Dead means that it is proven never
// to land, failed that it landed without effect, unknown that nobody could tell
// in time; an unknown one is looked at again before anything else happens.
const (
	AttemptSigned  AttemptState = "signed"
	AttemptSent    AttemptState = "sent"
	AttemptFinal   AttemptState = "final"
	AttemptFailed  AttemptState = "failed"
	AttemptDead    AttemptState = "dead"
	AttemptUnknown AttemptState = "unknown"
)

// over says whether nothing can come of an attempt any more.
func (s AttemptState) over() bool { return s == AttemptFailed || s == AttemptDead }

// Attempt is one signed transaction of a batch.
type Attempt struct {
	Number  int // within the batch, from 1
	State   AttemptState
	Signed  Signed
	Created time.Time
	Updated time.Time
	Note    string
}

// Paid is what a node has been paid, in final batches.
type Paid struct {
	Royalty Units   // for royalties
	Points  []Worth // for points
}

// Units is everything together.
func (p Paid) Units() Units {
	sum := p.Royalty
	for _, w := range p.Points {
		sum += w.Units
	}
	return sum
}

// Loose is a payout of a found batch.
type Loose struct {
	Epoch  uint64
	Batch  int
	Place  int // in the batch
	Rate   Rate
	Payout Payout
}

// FinalBatch is a batch and when it was seen to be final.
type FinalBatch struct {
	Batch
	At time.Time
}

// Held is a payout that was put off.
type Held struct {
	Node    wire.Key
	Address wire.Key
	Units   Units
	Reason  HeldReason
	Detail  string
}

// HeldReason says why. What is held back stays owed.
type HeldReason string

// Reasons.
const (
	HeldThreshold  HeldReason = "below_threshold"
	HeldNewAccount HeldReason = "below_account_threshold"
	HeldBudget     HeldReason = "account_budget"
	HeldCap        HeldReason = "spending_cap"
	HeldTreasury   HeldReason = "treasury_empty"
	HeldFrozen     HeldReason = "account_frozen"
	HeldForeign    HeldReason = "account_not_owned"
	HeldBarred     HeldReason = "address_cannot_be_paid"
	HeldRefused    HeldReason = "chain_refuses"
	HeldPaidAhead  HeldReason = "paid_ahead"
	HeldUnreadable HeldReason = "amount_too_large"
)

// Words is the reason in a sentence.
func (r HeldReason) Words() string {
	switch r {
	case HeldThreshold:
		return "less than the least that is paid out; it adds up"
	case HeldNewAccount:
		return "has no account for the token yet, and opening one costs more than so little is worth; it adds up"
	case HeldBudget:
		return "has no account for the token yet, and the budget for opening accounts is used up"
	case HeldCap:
		return "the most that one epoch may cost is reached"
	case HeldTreasury:
		return "the treasury does not hold enough"
	case HeldFrozen:
		return "the issuer of the token has frozen the account"
	case HeldForeign:
		return "the account for the token no longer belongs to the address"
	case HeldBarred:
		return "the address is no key that can own tokens; the node has to name another"
	case HeldRefused:
		return "the chain refuses the transfer"
	case HeldPaidAhead:
		return "has been paid more than the restored ledger knows it earned; it catches up"
	case HeldUnreadable:
		return "the amount is too large at this rate"
	}
	return string(r)
}
