// Package paid checks on the chain that a node was paid what an epoch file says
// it earned, trusting nobody but the chain as an RPC endpoint shows it: what a
// transaction says is taken only under the signatures of the router and of its
// treasury, which are checked here.
//
// It is part of fallow-data and speaks plain JSON-RPC.
package paid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/memo"
	"github.com/fallow-network/fallow/router/settle/tx"
)

// Claim is what an epoch file says of a node.
type Claim struct {
	Router     wire.Key
	Epoch      uint64
	Root, File [32]byte
	Node       wire.Key
	Address    wire.Key         // where it is paid
	Earlier    []wire.Key       // where it was paid before it named another address
	Points     memo.MicroPoints // ever earned, up to this epoch
	Royalty    memo.Units       // likewise
}

// Report is what the chain shows.
type Report struct {
	Commitment string `json:"commitment,omitempty"` // the transaction that holds root and file hash
	// Others are commitments of this router to this epoch with another root or
	// file hash: the router has published two versions of it.
	Others   []string `json:"other_commitments,omitempty"`
	Treasury wire.Key `json:"treasury,omitzero"`
	Mint     wire.Key `json:"mint,omitzero"`
	Rate     string   `json:"rate,omitempty"`   // base units per micro-points
	Account  wire.Key `json:"account,omitzero"` // token account that is paid

	Payments []Payment  `json:"payments,omitempty"`
	Earned   memo.Units `json:"earned,string"` // what points and royalties are worth
	Paid     memo.Units `json:"paid,string"`
	Owed     memo.Units `json:"owed,string"` // below zero: later epochs are paid too
}

// Payment is one payout to the node.
type Payment struct {
	Transaction string     `json:"transaction"`
	Epoch       uint64     `json:"epoch"`
	Payment     uint64     `json:"payment"` // its number over all payments of the treasury
	Units       memo.Units `json:"units,string"`
}

// Errors of Check that leave no answer.
var (
	// ErrNoCommitment says that the router never committed to this epoch file.
	ErrNoCommitment = errors.New("the router has not committed to this epoch file on this chain")
	// ErrCommitOnly says that the router commits and does not pay on the chain.
	ErrCommitOnly = errors.New("the router has committed to this epoch file, and pays nobody on this chain")
	// ErrTooMany says that there is more history than is read.
	ErrTooMany = errors.New("too many transactions to read them all")
)

// Bounds on what is read of the chain.
const (
	pageSize  = 1_000
	maxPages  = 10
	maxRead   = 3_000 // transactions
	textMemos = "fallow1 "
)

// Check looks the claim up. The report is filled as far as it came, errors
// notwithstanding.
func Check(ctx context.Context, rpc *jsonrpc.Client, c Claim) (Report, error) {
	k := &checker{rpc: rpc, claim: c}
	if err := k.commitment(ctx); err != nil {
		return k.report, err
	}
	if k.report.Mint.IsZero() {
		return k.report, ErrCommitOnly
	}
	k.report.Account = tx.TokenAccount(c.Address, k.report.Mint)
	return k.report, k.payments(ctx)
}

type checker struct {
	rpc    *jsonrpc.Client
	claim  Claim
	report Report
	rate   memo.Rate
}

// commitment finds the transaction in which the router has committed to the
// file. It is signed by the router's own key, so it is among that key's.
func (k *checker) commitment(ctx context.Context) error {
	infos, err := k.signatures(ctx, k.claim.Router)
	if err != nil {
		return err
	}
	word := fmt.Sprintf("%scommit %d ", textMemos, k.claim.Epoch)
	for _, info := range infos {
		if info.Memo != "" && !strings.Contains(info.Memo, word) {
			continue
		}
		t, err := k.transaction(ctx, info.Signature)
		if err != nil {
			return err
		}
		m, ok := memoOf(t)
		if !ok || m.Kind != memo.Commit || m.Epoch != k.claim.Epoch || !t.SignedBy(k.claim.Router) {
			continue
		}
		if m.Root != k.claim.Root || m.File != k.claim.File {
			k.report.Others = append(k.report.Others, info.Signature)
			continue
		}
		k.report.Commitment, k.report.Treasury, k.report.Mint, k.rate = info.Signature, t.Keys[0], m.Mint, m.Rate
		if !m.Mint.IsZero() {
			k.report.Rate = m.Rate.String()
		}
	}
	if k.report.Commitment == "" {
		return ErrNoCommitment
	}
	return nil
}

// payments adds up what the treasury has paid to the node.
func (k *checker) payments(ctx context.Context) error {
	infos, err := k.history(ctx)
	if err != nil {
		return err
	}
	from := tx.TokenAccount(k.report.Treasury, k.report.Mint)
	royalty := k.claim.Royalty
	var points []memo.Paid
	for _, signature := range infos {
		t, err := k.transaction(ctx, signature)
		if err != nil {
			return err
		}
		m, ok := memoOf(t)
		if !ok || m.Kind != memo.Pay || t.Keys[0] != k.report.Treasury {
			continue
		}
		units := k.paidBy(t, m, from)
		if units == 0 {
			continue
		}
		k.report.Payments = append(k.report.Payments, Payment{Transaction: signature, Epoch: m.Epoch, Payment: m.Seq, Units: units})
		k.report.Paid += units
		part := min(units, royalty)
		royalty -= part
		points = append(points, memo.Paid{Rate: m.Rate, Units: units - part})
	}
	open, err := k.rate.Owed(k.claim.Points, points)
	if err != nil {
		return err
	}
	k.report.Owed = open + royalty
	k.report.Earned = k.report.Paid + k.report.Owed
	return nil
}

// history is the transactions of every account the node was ever paid on.
func (k *checker) history(ctx context.Context) ([]string, error) {
	var list []string
	for _, address := range append([]wire.Key{k.claim.Address}, k.claim.Earlier...) {
		infos, err := k.signatures(ctx, tx.TokenAccount(address, k.report.Mint))
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			if !slices.Contains(list, info.Signature) {
				list = append(list, info.Signature)
			}
		}
	}
	slices.Reverse(list) // oldest first, where it is one account
	return list, nil
}

// paidBy is what the transaction pays to the claim's node. A transfer with a tag
// is for the node of that tag, whichever account it goes to; one without, for
// the node whose own key the account belongs to.
func (k *checker) paidBy(t *tx.Transaction, m memo.Memo, from wire.Key) memo.Units {
	var sum memo.Units
	own := tx.TokenAccount(k.claim.Node, k.report.Mint)
	transfer := 0
	for _, in := range t.Instructions {
		to, units, ok := t.TransferOut(in, from)
		if !ok {
			continue
		}
		tag := m.Tags[transfer]
		transfer++
		if tag == "" && to == own || tag != "" && memo.Tagged(k.claim.Node.String(), tag) {
			sum += memo.Units(units)
		}
	}
	return sum
}

// memoOf is the transaction's, if it is one of ours.
func memoOf(t *tx.Transaction) (memo.Memo, bool) {
	m, err := memo.Parse(t.Memo())
	return m, err == nil
}

type signatureInfo struct {
	Signature string          `json:"signature"`
	Err       json.RawMessage `json:"err"`
	Memo      string          `json:"memo"`
}

// signatures are the successful final transactions that name key, newest first.
func (k *checker) signatures(ctx context.Context, key wire.Key) ([]signatureInfo, error) {
	var list []signatureInfo
	options := map[string]any{"commitment": "finalized", "limit": pageSize}
	for range maxPages {
		var page []signatureInfo
		if err := k.rpc.Call(ctx, &page, "getSignaturesForAddress", key.String(), options); err != nil {
			return nil, err
		}
		for _, info := range page {
			if succeeded(info.Err) {
				list = append(list, info)
			}
		}
		if len(page) < pageSize {
			if len(list) > maxRead {
				return nil, fmt.Errorf("%d transactions name %s: %w", len(list), key, ErrTooMany)
			}
			return list, nil
		}
		options["before"] = page[len(page)-1].Signature
	}
	return nil, fmt.Errorf("%d transactions and more name %s: %w", maxPages*pageSize, key, ErrTooMany)
}

func succeeded(err json.RawMessage) bool { return len(err) == 0 || string(err) == "null" }

func (k *checker) transaction(ctx context.Context, signature string) (*tx.Transaction, error) {
	var answer struct {
		Transaction []string `json:"transaction"`
		Meta        *struct {
			Err json.RawMessage `json:"err"`
		} `json:"meta"`
	}
	err := k.rpc.Call(ctx, &answer, "getTransaction", signature,
		map[string]any{"commitment": "finalized", "encoding": "base64", "maxSupportedTransactionVersion": 0})
	if errors.Is(err, jsonrpc.ErrNothing) {
		return nil, fmt.Errorf("%s no longer has transaction %s: name an endpoint with full history", k.rpc.Host(), signature)
	}
	if err != nil {
		return nil, err
	}
	if len(answer.Transaction) != 2 || answer.Meta == nil || !succeeded(answer.Meta.Err) {
		return nil, fmt.Errorf("%s does not show transaction %s as it should", k.rpc.Host(), signature)
	}
	raw, err := base64.StdEncoding.DecodeString(answer.Transaction[0])
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", signature, err)
	}
	t, err := tx.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("transaction %s of %s: %w", signature, k.rpc.Host(), err)
	}
	if t.Signature != signature {
		return nil, fmt.Errorf("%s answers with transaction %s for %s", k.rpc.Host(), t.Signature, signature)
	}
	return t, nil
}
