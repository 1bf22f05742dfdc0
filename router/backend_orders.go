package router

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle"
)

// backendOrders fits the market to the API.
type backendOrders struct {
	desk  *market.Desk // nil unless payments are taken
	chain settle.Chain
	now   func() time.Time

	token *tokenDecimals
}

// tokenDecimals are those of the token, asked for once.
type tokenDecimals struct {
	mu    sync.Mutex
	known bool
	n     int
}

var _ api.Orders = backendOrders{}

func (b backendOrders) open() error {
	if b.desk == nil {
		return api.Conflict("this router takes no payments: set settle.mode to pay")
	}
	return nil
}

func (b backendOrders) Take(ctx context.Context, n api.NewOrder) (api.Order, error) {
	if err := b.open(); err != nil {
		return api.Order{}, err
	}
	o, err := b.desk.Take(ctx, n.Buyer, n.Dataset, n.Version, market.Units(n.Price))
	if err != nil {
		return api.Order{}, orderError(err)
	}
	return b.view(ctx, o, nil), nil
}

func (b backendOrders) List(ctx context.Context, p api.Page) ([]api.Order, error) {
	if b.desk == nil {
		return nil, nil
	}
	list, err := b.desk.Orders(ctx, p.After, p.Limit)
	views := make([]api.Order, len(list))
	for i, o := range list {
		views[i] = b.view(ctx, o, nil)
	}
	return views, err
}

func (b backendOrders) Order(ctx context.Context, id string) (api.Order, error) {
	if err := b.open(); err != nil {
		return api.Order{}, err
	}
	o, payments, err := b.desk.Order(ctx, id)
	if err != nil {
		return api.Order{}, orderError(err)
	}
	return b.view(ctx, o, payments), nil
}

func (b backendOrders) Refund(ctx context.Context, id string, r api.OrderRefund) (api.Order, error) {
	if err := b.open(); err != nil {
		return api.Order{}, err
	}
	var to wire.Key
	if r.To != "" {
		var err error
		if to, err = wire.ParseKey(r.To); err != nil {
			return api.Order{}, api.Invalid("to is %.60q, must be an address", r.To)
		}
	}
	// A caller that hangs up must not leave a refund half way.
	o, err := b.desk.Refund(context.WithoutCancel(ctx), id, to)
	if err != nil {
		return api.Order{}, orderError(err)
	}
	return b.view(ctx, o, nil), nil
}

func (b backendOrders) view(ctx context.Context, o market.Order, payments []market.Payment) api.Order {
	now := b.now()
	v := api.Order{
		ID: o.ID, State: string(o.State(now)), Dataset: o.Dataset, Version: o.Version, Buyer: o.Buyer, Price: api.Units(o.Price),
		Received: api.Units(o.Received), Refunded: api.Units(o.Refunded), Refundable: api.Units(o.Refundable(now)),
		Reference: o.Reference.String(), Created: o.Created, Expires: o.Expires,
	}
	if !o.Sold.IsZero() {
		v.Sold = &o.Sold
	} else if decimals, ok := b.decimals(ctx); ok && now.Before(o.Expires) {
		v.Pay = b.desk.PayURL(o, decimals)
	}
	for _, p := range payments {
		v.Payments = append(v.Payments, api.OrderPayment{Transaction: p.Signature, Units: api.Units(p.Units), From: optional(p.From), At: p.At})
	}
	return v
}

// decimals asks the chain once; without an answer there is no URL for now.
func (b backendOrders) decimals(ctx context.Context) (int, bool) {
	b.token.mu.Lock()
	defer b.token.mu.Unlock()
	if !b.token.known {
		view, err := b.chain.Look(ctx, nil)
		if err != nil {
			return 0, false
		}
		b.token.n, b.token.known = view.Decimals, true
	}
	return b.token.n, true
}

func orderError(err error) error {
	switch {
	case errors.Is(err, market.ErrNoOrder):
		return api.NotFound("%v", err)
	case errors.Is(err, market.ErrInvalid):
		return api.Invalid("%v", err)
	case errors.Is(err, market.ErrNothing):
		return api.Conflict("%v", err)
	case errors.Is(err, settle.ErrFunds), errors.Is(err, settle.ErrUnknown), errors.Is(err, settle.ErrReconcile):
		return api.Unavailable("%v", err)
	}
	return settleError(err)
}
