package solana

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle/tx"
)

var _ market.Payments = (*Chain)(nil)

// maxPayments bounds the transactions that are read for one order: anybody can
// name a reference once it is on the chain.
const maxPayments = 200

// Payments implements market.Payments: by how much each transaction raised the
// treasury's balance, whatever instructions did it. Only what all endpoints show
// alike counts.
func (c *Chain) Payments(ctx context.Context, reference wire.Key) ([]market.Payment, error) {
	answers, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) ([]market.Payment, error) {
		return c.incoming(ctx, e, reference)
	})
	if err != nil {
		return nil, err
	}
	// One that lags has not seen the newest yet: what both have seen is enough.
	return slices.DeleteFunc(answers[0], func(p market.Payment) bool {
		return slices.ContainsFunc(answers[1:], func(other []market.Payment) bool { return !slices.Contains(other, p) })
	}), nil
}

func (c *Chain) incoming(ctx context.Context, e *jsonrpc.Client, reference wire.Key) ([]market.Payment, error) {
	list, err := signatures(ctx, e, reference)
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	var payments []market.Payment
	for _, signature := range list[:min(len(list), maxPayments)] {
		t, answer, err := transaction(ctx, e, signature)
		if err != nil {
			return nil, err
		}
		if t == nil || t.Keys[0] == c.Treasury() {
			continue
		}
		units, err := change(t, answer, wire.Key(c.account))
		if err != nil {
			return nil, fmt.Errorf("getTransaction of %s: %w", e.Host(), err)
		}
		if units <= 0 || answer.BlockTime == nil {
			continue
		}
		payments = append(payments, market.Payment{
			Signature: signature, Units: market.Units(units), From: c.payer(t, answer), At: time.Unix(*answer.BlockTime, 0).UTC(),
		})
	}
	return payments, nil
}

// payer is the owner of the account of the token that lost most.
func (c *Chain) payer(t *tx.Transaction, answer *landed) (from wire.Key) {
	var most int64
	for _, b := range answer.Meta.Pre {
		if b.Mint != wire.Key(c.mint) {
			continue
		}
		if lost, err := change(t, answer, keyAt(t, answer, b.Index)); err == nil && -lost > most {
			most, from = -lost, b.Owner
		}
	}
	return from
}
