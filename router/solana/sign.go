package solana

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

// Compute units: asked for in the trial, and the allowance over what it used.
const (
	trialUnits = 1_400_000
	spareUnits = 3_000 // besides a tenth
)

// Sign implements settle.Chain.
func (c *Chain) Sign(ctx context.Context, b settle.Batch) (settle.Signed, error) {
	rent, err := c.rent(ctx, 0)
	if err != nil {
		return settle.Signed{}, err
	}
	var recent valued[blockhash]
	if err := c.endpoints[0].Call(ctx, &recent, "getLatestBlockhash", confirmed); err != nil {
		return settle.Signed{}, err
	}
	if recent.Value.LastValid == 0 || recent.Value.Blockhash.IsZero() {
		return settle.Signed{}, fmt.Errorf("getLatestBlockhash of %s answers no blockhash", c.endpoints[0].Host())
	}
	trial, err := c.build(b, recent.Value.Blockhash, trialUnits, rent)
	if err != nil {
		return settle.Signed{}, fmt.Errorf("build transaction: %w", err)
	}
	used, err := c.try(ctx, b, trial)
	if err != nil {
		return settle.Signed{}, err
	}
	tx, err := c.build(b, recent.Value.Blockhash, uint32(min(used+used/10+spareUnits, trialUnits)), rent)
	if err != nil {
		return settle.Signed{}, fmt.Errorf("build transaction: %w", err)
	}
	return c.seal(ctx, tx, recent.Value.LastValid)
}

// seal signs and checks the signatures.
func (c *Chain) seal(ctx context.Context, tx *sol.Transaction, lastValid uint64) (settle.Signed, error) {
	message, err := tx.Message.MarshalBinary()
	if err != nil {
		return settle.Signed{}, fmt.Errorf("encode transaction: %w", err)
	}
	for _, key := range tx.Message.AccountKeys[:tx.Message.Header.NumRequiredSignatures] {
		signer := c.signer
		if key != c.treasury {
			signer = c.witness
		}
		raw, err := signer.Sign(ctx, message)
		if err != nil {
			return settle.Signed{}, fmt.Errorf("sign: %w", err)
		}
		if len(raw) != sol.SignatureLength {
			return settle.Signed{}, fmt.Errorf("sign: a signature of %d bytes", len(raw))
		}
		tx.Signatures = append(tx.Signatures, sol.SignatureFromBytes(raw))
	}
	if err := tx.VerifySignatures(); err != nil {
		return settle.Signed{}, fmt.Errorf("sign: the signer's signature is wrong: %w", err)
	}
	encoded, err := tx.MarshalBinary()
	if err != nil {
		return settle.Signed{}, fmt.Errorf("encode transaction: %w", err)
	}
	if len(encoded) > maxWire {
		return settle.Signed{}, fmt.Errorf("the transaction has %d bytes, %d are possible: set settle.max_payouts lower", len(encoded), maxWire)
	}
	return settle.Signed{Signature: tx.Signatures[0].String(), Wire: encoded, LastValid: lastValid}, nil
}

// try has every endpoint run the transaction without effect, and compares what
// it would move with what it shall. It returns the compute units it takes.
func (c *Chain) try(ctx context.Context, b settle.Batch, tx *sol.Transaction) (uint64, error) {
	tx.Signatures = make([]sol.Signature, tx.Message.Header.NumRequiredSignatures)
	wireBytes, err := tx.MarshalBinary()
	if err != nil {
		return 0, fmt.Errorf("encode transaction: %w", err)
	}
	watched, wanted := c.watched(b)
	answers, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) (simulation, error) {
		before, err := tokens(ctx, e, watched, confirmed)
		if err != nil {
			return simulation{}, err
		}
		options := confirmed.in("encoding", "base64").in("sigVerify", false).in("replaceRecentBlockhash", true).
			in("accounts", map[string]any{"encoding": "base64", "addresses": watched})
		var answer valued[simulation]
		if err := e.Call(ctx, &answer, "simulateTransaction", base64.StdEncoding.EncodeToString(wireBytes), options); err != nil {
			return simulation{}, err
		}
		s := answer.Value
		if len(s.Err) > 0 && string(s.Err) != "null" {
			return s, nil
		}
		return s, moves(e, watched, before, s.Accounts, wanted)
	})
	if err != nil {
		return 0, err
	}
	return verdict(c, b, answers)
}

// watched are the token accounts the batch touches, the treasury's first, and
// by how much each has to change.
func (c *Chain) watched(b settle.Batch) ([]sol.PublicKey, map[sol.PublicKey]int64) {
	var list []sol.PublicKey
	wanted := make(map[sol.PublicKey]int64)
	add := func(key sol.PublicKey, units int64) {
		if _, there := wanted[key]; !there {
			list = append(list, key)
		}
		wanted[key] += units
	}
	for _, p := range b.Payouts {
		add(c.account, -int64(p.Units))
		add(sol.PublicKey(p.Account), int64(p.Units))
	}
	return list, wanted
}

// moves compares balances after a trial with those before.
func moves(e *jsonrpc.Client, watched []sol.PublicKey, before []token, after []*account, wanted map[sol.PublicKey]int64) error {
	if len(after) != len(watched) {
		return fmt.Errorf("simulateTransaction of %s shows %d accounts, asked for were %d", e.Host(), len(after), len(watched))
	}
	for i, key := range watched {
		t, err := asToken(after[i])
		if err != nil {
			return fmt.Errorf("simulateTransaction of %s: account %s: %w", e.Host(), key, err)
		}
		if moved := t.units - before[i].units; moved != wanted[key] {
			return fmt.Errorf("%w: the trial at %s would change account %s by %d, planned are %d", settle.ErrDisagree, e.Host(), key, moved, wanted[key])
		}
	}
	return nil
}

// verdict puts the endpoints' trials together.
func verdict(c *Chain, b settle.Batch, answers []simulation) (uint64, error) {
	var units uint64
	refused := 0
	for _, s := range answers {
		if len(s.Err) > 0 && string(s.Err) != "null" {
			refused++
		}
		units = max(units, s.Units)
	}
	switch {
	case refused == 0:
		return units, nil
	case refused < len(answers):
		return 0, fmt.Errorf("%w: only some would take the transaction", settle.ErrDisagree)
	}
	s := answers[0]
	index, ok := s.instruction()
	if !ok {
		return 0, fmt.Errorf("the trial of the transaction fails at %s: %.200s", c.endpoints[0].Host(), s.Err)
	}
	payout := payoutOf(b, index)
	for _, other := range answers[1:] {
		if i, ok := other.instruction(); !ok || i != index {
			return 0, fmt.Errorf("%w: on why the transaction would fail", settle.ErrDisagree)
		}
	}
	reason := fmt.Sprintf("%.200s", s.Err)
	if payout >= 0 {
		return 0, &settle.RefusedError{Payout: payout, Reason: reason}
	}
	// Perhaps the marker has come to be there meanwhile; the settler looks again.
	return 0, fmt.Errorf("the trial of the transaction fails before the payouts: %s", reason)
}

// Send implements settle.Chain: to every endpoint, and one that takes it is
// enough.
func (c *Chain) Send(ctx context.Context, s settle.Signed) error {
	options := map[string]any{"encoding": "base64", "skipPreflight": true, "maxRetries": 0}
	failures, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) (error, error) {
		var signature string
		return e.Call(ctx, &signature, "sendTransaction", base64.StdEncoding.EncodeToString(s.Wire), options), nil
	})
	for _, failure := range failures {
		if failure == nil {
			return nil
		}
		err = errors.Join(err, failure)
	}
	return err
}

// rent is what an account of that many bytes costs.
func (c *Chain) rent(ctx context.Context, size uint64) (int64, error) {
	c.mu.Lock()
	known, ok := c.rents[size]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	rent, err := agreed(ctx, c, "rent", func(ctx context.Context, e *jsonrpc.Client) (int64, error) {
		var lamports int64
		err := e.Call(ctx, &lamports, "getMinimumBalanceForRentExemption", size)
		if err == nil && (lamports <= 0 || lamports > maxRent) {
			err = fmt.Errorf("%s asks a rent of %d lamports for %d bytes", e.Host(), lamports, size)
		}
		return lamports, err
	})
	if err == nil {
		c.mu.Lock()
		c.rents[size] = rent
		c.mu.Unlock()
	}
	return rent, err
}

// maxRent is far above what the accounts here cost: a tenth of a SOL.
const maxRent = 100_000_000

func toWire(keys []wire.Key) []sol.PublicKey {
	list := make([]sol.PublicKey, len(keys))
	for i, k := range keys {
		list[i] = sol.PublicKey(k)
	}
	return list
}
