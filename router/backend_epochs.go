package router

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/fallow-network/fallow/relay/wire"
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
	e, err := b.store.Epoch(ctx, number)
	if err != nil {
		return nil, epochError(err)
	}
	var after wire.Key
	if p.After != "" {
		if after, err = wire.ParseKey(p.After); err != nil {
			return nil, api.Invalid("after is %.60q, want the id of a node", p.After)
		}
	}
	list, err := b.store.Statements(ctx, number, after, p.Limit)
	if err != nil {
		return nil, epochError(err)
	}
	views := make([]api.Statement, 0, len(list))
	for i := range list {
		views = append(views, statementView(&list[i], &e.Params))
	}
	return views, nil
}

func (b backendEpochs) File(ctx context.Context, number uint64, form string) (string, error) {
	e, err := b.store.Epoch(ctx, number)
	if err != nil {
		return "", epochError(err)
	}
	if e.State != ledger.StateClosed {
		return "", api.Conflict("epoch %d is %s: its file comes when it is closed", number, e.State)
	}
	switch form {
	case "parquet":
		return b.ledger.ParquetPath(number), nil
	case "receipts":
		return ledger.ReceiptsPath(b.ledger.Path(number)), nil
	default:
		return b.ledger.Path(number), nil
	}
}

func epochError(err error) error {
	if errors.Is(err, ledger.ErrNoEpoch) {
		return api.NotFound("%v", err)
	}
	return err
}

func (b backendEpochs) view(e ledger.Epoch) api.Epoch {
	view := api.Epoch{
		Number: e.Number, State: string(e.State), Phase: string(e.Phase(b.epochs.now())), Start: e.Start, Formula: e.Params.Formula,
		Pool: api.MicroPoints(e.Params.Pool), Challenges: e.Challenges,
	}
	if e.Head != nil {
		t := e.Head.Totals
		view.Nodes, view.Royalties = t.Nodes, api.TokenUnits(t.Royalties)
		view.Allocated, view.Unallocated = api.MicroPoints(t.Allocated()), api.MicroPoints(t.Unallocated())
		view.SettleFrom = &e.SettleFrom
	}
	if !e.End.IsZero() {
		view.End = &e.End
	}
	if e.State == ledger.StateClosed {
		view.Root, view.Hash, view.File = e.Root.String(), e.Hash.String(), b.ledger.Path(e.Number)
	}
	return view
}

func statementView(s *ledger.Statement, p *ledger.Params) api.Statement {
	view := api.Statement{
		Node: s.Node.String(), Payout: s.Pays().String(),
		BytesSigned: s.BytesSigned, BytesUnsigned: s.BytesUnsigned, BytesDisputed: s.BytesDisputed, BytesLate: s.BytesLate,
		BytesOver: s.Over(p.SiteCap), OnlineSeconds: s.Online(), Country: s.Country, Scarcity: p.Scarcity(s.Country), Standing: s.Standing,
		Carriage: api.MicroPoints(s.Carriage), Availability: api.MicroPoints(s.Availability), Correction: api.MicroPoints(s.Correction),
		Amount: api.MicroPoints(s.Amount), Cumulative: api.MicroPoints(s.Ever),
		Royalty: api.TokenUnits(s.Royalty), RoyaltyEver: api.TokenUnits(s.RoyaltyEver),
	}
	for _, r := range s.Reasons {
		view.Reasons = append(view.Reasons, fmt.Sprint(r))
	}
	return view
}
