package settle

import (
	"context"
	"errors"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// Chain is what settling needs of a blockchain. An implementation reads only
// what is final, asks every endpoint it has and believes them only where they
// agree. All methods may fail for a while; none of them waits for the chain to
// move. Safe for concurrent use.
//
// The safety of settling rests on one promise: the transaction of a batch
// creates, in the same breath as its payouts, an account that can exist only
// once, the marker of its Seq. Of all transactions ever signed with one Seq at
// most one takes effect, whoever signed them and whatever they pay.
type Chain interface {
	// Treasury is where payouts come from: it signs and pays fees.
	Treasury() wire.Key
	// Account is the token account of an address. Nothing is asked of anybody.
	Account(address wire.Key) wire.Key
	// Look reports balances, prices, and how each address can be paid, in the
	// order of addresses.
	Look(ctx context.Context, addresses []wire.Key) (View, error)
	// Size is how many bytes b's transaction has, and how many it may have.
	Size(b Batch) (size, limit int)
	// Sign builds b's transaction for a fresh block, has it tried without
	// effect, checks that exactly b's amounts would move, and signs. It sends
	// nothing. A payout that cannot be made is a *RefusedError.
	Sign(ctx context.Context, b Batch) (Signed, error)
	// Send hands a signed transaction over. Whatever it returns, the
	// transaction may land or not; sending the same one again does no harm.
	Send(ctx context.Context, s Signed) error
	// Outcome is what has become of a signed transaction.
	Outcome(ctx context.Context, s Signed) (Outcome, error)
	// Landed is the transaction that made the marker of seq, and false if that
	// marker does not exist.
	Landed(ctx context.Context, seq uint64) (Landing, bool, error)
}

// Errors of a Chain that a caller branches on.
var (
	// ErrDisagree says that endpoints contradict each other, or that one of
	// them lags behind. It often passes; nothing is decided meanwhile.
	ErrDisagree = errors.New("the RPC endpoints do not agree")
	// ErrHistory says that a marker exists and no endpoint still has the
	// transaction that made it.
	ErrHistory = errors.New("the RPC endpoints do not have the history of an earlier payout: name one with full history")
)

// A RefusedError says that a transaction would fail because of one payout.
type RefusedError struct {
	Payout int // index in Batch.Payouts; -1 if it is no single one's fault
	Reason string
}

func (e *RefusedError) Error() string { return "the chain would refuse the transaction: " + e.Reason }

// AccountState says whether an address can be paid.
type AccountState int

// What a token account can be like.
const (
	AccountMissing AccountState = iota // would have to be created
	AccountReady
	AccountFrozen  // by the issuer of the token
	AccountForeign // its owner has given it to somebody else
	AccountBarred  // the address can own none: it is no key
)

// View is the chain as it is finally agreed upon.
type View struct {
	Height      uint64
	Decimals    int   // of the token
	Units       Units // of the token, in the treasury's account
	Lamports    int64 // the treasury's, for fees and rent
	Fee         int64 // lamports per transaction with one signature, priority included
	AccountRent int64 // lamports that a new token account costs
	MarkerRent  int64 // lamports that a marker costs
	Accounts    []AccountState
}

// Payout is one transfer.
type Payout struct {
	Node    wire.Key // zero: found on the chain and not yet known whose
	Address wire.Key // who owns the account that is paid; zero if only the account is known
	Account wire.Key
	Tag     string // see Memo; empty if the address is the node's own key
	Units   Units
	Royalty Units // what of Units is for royalties; the rest is for points
	New     bool  // creates the token account
}

// What is on the chain for everybody to read has a package of its own.
type (
	Units       = memo.Units
	MicroPoints = memo.MicroPoints
	Rate        = memo.Rate
	Worth       = memo.Paid
	Commitment  = memo.Commitment
	Kind        = memo.Kind
)

// Kinds of batches.
const (
	KindCommit = memo.Commit
	KindPay    = memo.Pay
	KindRefund = memo.Refund
)

// Batch is one transaction's worth.
type Batch struct {
	Epoch   uint64
	Number  int    // within its epoch, from 0
	Seq     uint64 // over all batches of the treasury, from 1, given when it is signed
	Kind    Kind
	State   BatchState
	Rate    Rate
	Memo    string
	Payouts []Payout
	Found   bool // read from the chain, not planned here

	Signature string // of the transaction that made it final
}

// Sum is what the batch pays.
func (b Batch) Sum() Units {
	var sum Units
	for _, p := range b.Payouts {
		sum += p.Units
	}
	return sum
}

// NewAccounts is how many token accounts the batch creates.
func (b Batch) NewAccounts() int {
	n := 0
	for _, p := range b.Payouts {
		if p.New {
			n++
		}
	}
	return n
}

// Signed is a transaction ready to be sent, and until when it can land.
type Signed struct {
	Signature string
	Wire      []byte
	LastValid uint64 // block height
}

// OutcomeState is what has become of a transaction.
type OutcomeState int

// Outcomes. Only the last three are for ever.
const (
	Pending OutcomeState = iota // not known yet, or seen and not final
	Final
	Failed  // in a final block, without effect
	Expired // no block can take it any more
)

// Outcome is what all endpoints say about a transaction.
type Outcome struct {
	State  OutcomeState
	Reason string // of Failed; what is known of Pending
}

// Landing is a batch as it stands in a final block.
type Landing struct {
	Signature string
	Memo      string
	// Transfers out of the treasury, in the order of the transaction.
	Transfers []Transfer
	// Spent is by how much the transaction changed the treasury's balance.
	Spent Units
}

// Transfer is a payout as the chain shows it.
type Transfer struct {
	Account wire.Key // token account that was paid
	Units   Units
	New     bool // created by this transaction
}
