package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

// backendEpochs fits the ledger to the API.
type backendEpochs struct {
	epochs *epochs
	ledger *ledger.Ledger
	store  *store.Store
}

var _ api.Epochs = backendEpochs{}

func (b backendEpochs) List(ctx context.Context, p api.Page) ([]api.Epoch, error) {
	before := uint64(0)
	if p.After != "" {
		var err error
		if before, err = strconv.ParseUint(p.After, 10, 64); err != nil {
			return nil, api.Invalid("after is %q, want the number of an epoch", p.After)
		}
	}
	newest, err := b.store.Epoch(ctx, 0)
	if err != nil {
		return nil, epochError(err)
	}
	if before == 0 || before > newest.Number+1 {
		before = newest.Number + 1
	}
	var views []api.Epoch
	for number := before - 1; number >= 1 && len(views) < p.Limit; number-- {
		view, err := b.Epoch(ctx, number)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

func (b backendEpochs) Epoch(ctx context.Context, number uint64) (api.Epoch, error) {
	if number == 0 {
		return api.Epoch{}, api.NotFound("there is no epoch 0: they are counted from 1")
	}
	e, err := b.store.Epoch(ctx, number)
	if err != nil {
		return api.Epoch{}, epochError(err)
	}
	return b.view(e), nil
}

func (b backendEpochs) Close(ctx context.Context) (api.Epoch, error) {
	// A caller that hangs up must not leave an epoch half closed.
	e, err := b.epochs.close(context.WithoutCancel(ctx))
	if err != nil {
		return api.Epoch{}, err
	}
	return b.view(e), nil
}

func (b backendEpochs) Statements(ctx context.Context, number uint64, p api.Page) ([]api.Statement, error) {
	list, err := b.store.Statements(ctx, number)
	if err != nil {
		return nil, epochError(err)
	}
	slices.SortFunc(list, func(x, y ledger.Statement) int { return cmp.Compare(x.Node.String(), y.Node.String()) })
	views := make([]api.Statement, 0, min(len(list), p.Limit))
	for _, s := range list {
		if len(views) == p.Limit {
			break
		}
		if s.Node.String() > p.After {
			views = append(views, statementView(s))
		}
	}
	return views, nil
}

func (b backendEpochs) File(ctx context.Context, number uint64) (string, error) {
	e, err := b.store.Epoch(ctx, number)
	if err != nil {
		return "", epochError(err)
	}
	if e.State != ledger.StateClosed {
		return "", api.Conflict("epoch %d is %s: its file comes when it is closed", number, e.State)
	}
	return b.ledger.Path(number), nil
}

func epochError(err error) error {
	if errors.Is(err, ledger.ErrNoEpoch) {
		return api.NotFound("%v", err)
	}
	return err
}

func (b backendEpochs) view(e ledger.Epoch) api.Epoch {
	view := api.Epoch{
		Number: e.Number, State: string(e.State), Start: e.Start, Formula: e.Params.Formula,
		Pool: api.MicroPoints(e.Params.Pool), Allocated: api.MicroPoints(e.Allocated), Unallocated: api.MicroPoints(e.Unallocated),
	}
	if !e.End.IsZero() {
		view.End = &e.End
	}
	if e.State == ledger.StateClosed {
		view.Root, view.Hash, view.File = e.Root.String(), e.Hash.String(), b.ledger.Path(e.Number)
	}
	return view
}

func statementView(s ledger.Statement) api.Statement {
	view := api.Statement{
		Node: s.Node.String(), BytesSigned: s.BytesSigned, BytesUnsigned: s.BytesUnsigned, BytesDisputed: s.BytesDisputed,
		OnlineSeconds: s.OnlineSeconds, Country: s.Country, Scarcity: s.Scarcity, Standing: s.Standing,
		Carriage: api.MicroPoints(s.Carriage), Availability: api.MicroPoints(s.Availability),
		Amount: api.MicroPoints(s.Amount), Cumulative: api.MicroPoints(s.Cumulative),
	}
	for _, r := range s.Reasons {
		view.Reasons = append(view.Reasons, fmt.Sprint(r))
	}
	return view
}
