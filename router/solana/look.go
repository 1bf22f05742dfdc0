package solana

import (
	"context"
	"fmt"
	"slices"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

const (
	maxAccounts  = 100     // of one getMultipleAccounts
	baseFee      = 5_000   // lamports per signature
	batchUnits   = 150_000 // compute units of a full batch, for the estimate of fees
	microLamport = 1_000_000
)

// Look implements settle.Chain.
func (c *Chain) Look(ctx context.Context, addresses []wire.Key) (settle.View, error) {
	markerRent, err := c.rent(ctx, 0)
	if err != nil {
		return settle.View{}, err
	}
	accountRent, err := c.rent(ctx, tokenAccountSize)
	if err != nil {
		return settle.View{}, err
	}
	views, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) (settle.View, error) {
		return c.look(ctx, e, addresses)
	})
	if err != nil {
		return settle.View{}, err
	}
	for i, v := range views[1:] {
		first := views[0]
		switch {
		case v.Units != first.Units || v.Lamports != first.Lamports:
			return v, fmt.Errorf("%w: on the treasury's balance: %s says %d base units and %d lamports, %s says %d and %d", settle.ErrDisagree,
				c.endpoints[0].Host(), first.Units, first.Lamports, c.endpoints[i+1].Host(), v.Units, v.Lamports)
		case v.Decimals != first.Decimals:
			return v, fmt.Errorf("%w: on the decimals of the token", settle.ErrDisagree)
		case !slices.Equal(v.Accounts, first.Accounts):
			return v, fmt.Errorf("%w: on the accounts of nodes", settle.ErrDisagree)
		}
		views[0].Height = min(first.Height, v.Height)
	}
	view := views[0]
	view.MarkerRent, view.AccountRent = markerRent, accountRent
	view.Fee = baseFee + int64((c.priority*batchUnits+microLamport-1)/microLamport)
	return view, nil
}

func (c *Chain) look(ctx context.Context, e *jsonrpc.Client, addresses []wire.Key) (settle.View, error) {
	var v settle.View
	if err := e.Call(ctx, &v.Height, "getBlockHeight", final); err != nil {
		return v, err
	}
	var balance valued[uint64]
	if err := e.Call(ctx, &balance, "getBalance", c.treasury, final); err != nil {
		return v, err
	}
	v.Lamports = int64(balance.Value)
	if c.mint.IsZero() {
		return v, nil
	}
	both, err := accounts(ctx, e, []sol.PublicKey{c.mint, c.account}, final)
	if err != nil {
		return v, err
	}
	if v.Decimals, err = decimals(both[0]); err != nil {
		return v, fmt.Errorf("settle.mint %s: %w", c.mint, err)
	}
	treasury, err := holding(both[1])
	if err != nil {
		return v, fmt.Errorf("the treasury's account for the token, %s: %w", c.account, err)
	}
	v.Units = settle.Units(treasury.units)
	list := toWire(addresses)
	for part := range slices.Chunk(list, maxAccounts/2) {
		states, err := c.states(ctx, e, part)
		if err != nil {
			return v, err
		}
		v.Accounts = append(v.Accounts, states...)
	}
	return v, nil
}

// states says for each owner whether it can be paid.
func (c *Chain) states(ctx context.Context, e *jsonrpc.Client, owners []sol.PublicKey) ([]settle.AccountState, error) {
	keys := slices.Clone(owners)
	for _, owner := range owners {
		keys = append(keys, c.accountOf(owner))
	}
	found, err := accounts(ctx, e, keys, final)
	if err != nil {
		return nil, err
	}
	states := make([]settle.AccountState, len(owners))
	for i, owner := range owners {
		states[i] = state(c.mint, owner, found[i], found[len(owners)+i])
	}
	return states, nil
}

// state says whether owner, whose own account is wallet if it has one, can be
// paid on its token account.
func state(mint, owner sol.PublicKey, wallet, account *account) settle.AccountState {
	// Who names a token account or a program to be paid at would never see it.
	if wallet != nil && (wallet.Executable || wallet.Owner == sol.TokenProgramID || wallet.Owner == sol.Token2022ProgramID) {
		return settle.AccountBarred
	}
	// Anybody can send lamports to where the account will be.
	if account == nil || account.Owner == sol.SystemProgramID && len(account.Data) == 0 {
		return settle.AccountMissing
	}
	t, err := asToken(account)
	switch {
	case err != nil || t.mint != mint:
		return settle.AccountBarred
	case t.owner != owner:
		return settle.AccountForeign
	case t.frozen:
		return settle.AccountFrozen
	}
	return settle.AccountReady
}

// accounts reads up to maxAccounts accounts; nil is one that is not there.
func accounts(ctx context.Context, e *jsonrpc.Client, keys []sol.PublicKey, at commitment) ([]*account, error) {
	var answer valued[[]*account]
	if len(keys) == 0 {
		return nil, nil
	}
	if err := e.Call(ctx, &answer, "getMultipleAccounts", keys, at.in("encoding", "base64")); err != nil {
		return nil, err
	}
	if len(answer.Value) != len(keys) {
		return nil, fmt.Errorf("getMultipleAccounts of %s answers %d accounts, asked for were %d", e.Host(), len(answer.Value), len(keys))
	}
	return answer.Value, nil
}

// tokens reads token accounts; one that is not there is empty.
func tokens(ctx context.Context, e *jsonrpc.Client, keys []sol.PublicKey, at commitment) ([]token, error) {
	found, err := accounts(ctx, e, keys, at)
	if err != nil {
		return nil, err
	}
	list := make([]token, len(keys))
	for i, a := range found {
		if list[i], err = holding(a); err != nil {
			return nil, fmt.Errorf("account %s: %w", keys[i], err)
		}
	}
	return list, nil
}

// holding is what a token account holds, nothing if it is not there yet.
func holding(a *account) (token, error) {
	if a != nil && a.Owner == sol.SystemProgramID && len(a.Data) == 0 {
		return token{}, nil
	}
	return asToken(a)
}

// A mint's layout, as far as it is read.
const (
	mintSize        = 82
	mintDecimalsAt  = 44
	mintInitialized = 45
)

// decimals are those of a classic SPL token; the newer program's tokens can take
// fees and call programs on each transfer, which would break the books.
func decimals(mint *account) (int, error) {
	switch {
	case mint == nil:
		return 0, fmt.Errorf("%w: there is no such token", settle.ErrConfig)
	case mint.Owner == sol.Token2022ProgramID:
		return 0, fmt.Errorf("%w: it is a token of Token-2022, only classic SPL tokens are paid in", settle.ErrConfig)
	case mint.Owner != sol.TokenProgramID || len(mint.Data) != mintSize || mint.Data[mintInitialized] != 1:
		return 0, fmt.Errorf("%w: it is no token", settle.ErrConfig)
	}
	return int(mint.Data[mintDecimalsAt]), nil
}
