package router

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/settle"
)

// backendSettlements fits settling to the API.
type backendSettlements struct{ *settlements }

var _ api.Settlements = backendSettlements{}

// maxHeldShown bounds what a status lists; a plan lists all.
const maxHeldShown = 100

func (b backendSettlements) Status(ctx context.Context) (api.Settlement, error) {
	st, err := b.settler.Status(ctx)
	if err != nil {
		return api.Settlement{}, err
	}
	busy, failure := b.state()
	v := api.Settlement{
		Mode: string(st.Mode), Treasury: optional(st.Treasury), Mint: optional(st.Mint),
		Running: busy || st.Running, Payments: st.LastSeq, Paid: api.Units(st.PaidUnits),
	}
	if st.Mode == settle.ModePay {
		v.Rate = st.Rate.String()
	}
	if failure != nil {
		v.Error = failure.Error()
	}
	if s := st.Settlement; s != nil {
		e := &api.SettledEpoch{
			Number: s.Epoch, Done: s.Done, Planned: s.Planned, Batches: st.Planned, Final: st.Final,
			Paid: api.Units(st.Units), Waiting: api.Units(st.Waiting), Commit: st.Commit,
		}
		if s.Done {
			e.Finished = &s.Finished
		}
		shown := st.Held[:min(len(st.Held), maxHeldShown)]
		e.Held, e.HeldMore = heldView(shown), len(st.Held)-len(shown)
		v.Epoch = e
	}
	if st.Live != nil {
		v.Live = &api.LiveBatch{
			Epoch: st.Live.Epoch, Payment: st.Live.Seq, Kind: string(st.Live.Kind), Payouts: len(st.Live.Payouts), Units: api.Units(st.Live.Sum()),
			Attempts: []api.Attempt{},
		}
		for _, a := range st.Attempts {
			v.Live.Attempts = append(v.Live.Attempts, api.Attempt{
				Signature: a.Signed.Signature, State: string(a.State), Note: a.Note, LastValid: a.Signed.LastValid, Created: a.Created, Updated: a.Updated,
			})
		}
	}
	return v, nil
}

func (b backendSettlements) Plan(ctx context.Context, epoch uint64) (api.SettlementPlan, error) {
	p, err := b.settler.Plan(ctx, epoch)
	if err != nil {
		return api.SettlementPlan{}, settleError(err)
	}
	v := api.SettlementPlan{
		Epoch: p.Epoch.Number, Mode: string(p.Mode), Root: hex.EncodeToString(p.Epoch.Root[:]), File: hex.EncodeToString(p.Epoch.File[:]),
		Treasury: p.Treasury.String(), Mint: optional(p.Mint), Decimals: p.View.Decimals,
		TreasuryUnits: api.Units(p.View.Units), TreasuryLamports: p.View.Lamports,
		Batches: []api.PlannedBatch{}, Payouts: []api.PlannedPayout{}, Units: api.Units(p.Units),
		Held: heldView(p.Held), HeldUnits: api.Units(p.HeldUnits), NewAccounts: p.NewAccounts,
		FeeLamports: p.Costs.Fees, AccountRentLamports: p.Costs.AccountRent, MarkerRentLamports: p.Costs.MarkerRent, ShortLamports: p.Short,
	}
	if p.Mode == settle.ModePay {
		v.Rate = p.Rate.String()
	}
	for i, batch := range p.Batches {
		v.Batches = append(v.Batches, api.PlannedBatch{
			Kind: string(batch.Kind), Payouts: len(batch.Payouts), NewAccounts: batch.NewAccounts(), Units: api.Units(batch.Sum()),
		})
		for _, o := range batch.Payouts {
			v.Payouts = append(v.Payouts, api.PlannedPayout{
				Node: o.Node.String(), Address: o.Address.String(), Units: api.Units(o.Units), New: o.New, Batch: i,
			})
		}
	}
	return v, nil
}

func (b backendSettlements) Run(ctx context.Context, epoch uint64) (api.Settlement, error) {
	if b.settler.Mode() == settle.ModeOff {
		return api.Settlement{}, settleError(settle.ErrOff)
	}
	if err := b.start(epoch); err != nil {
		return api.Settlement{}, settleError(err)
	}
	return b.Status(ctx)
}

func (b backendSettlements) Reconcile(ctx context.Context, from uint64) (api.Reconciliation, error) {
	r, err := b.settler.Reconcile(ctx, from)
	if err != nil {
		return api.Reconciliation{}, settleError(err)
	}
	return api.Reconciliation{
		Next: r.Next, Batches: r.Batches, Units: api.Units(r.Units), TreasuryUnits: api.Units(r.Treasury), TreasuryLamports: r.Lamports,
		Unknown: r.Unknown, Ahead: heldView(r.Ahead), Problems: r.Problems,
	}, nil
}

func heldView(held []settle.Held) []api.Held {
	list := make([]api.Held, len(held))
	for i, h := range held {
		words := h.Reason.Words()
		if h.Detail != "" {
			words += ": " + h.Detail
		}
		list[i] = api.Held{Node: h.Node.String(), Address: h.Address.String(), Units: api.Units(h.Units), Reason: string(h.Reason), Words: words}
	}
	return list
}

// settleError tells a caller what to do. Errors about the chain name hosts, no
// addresses, so they may be shown.
func settleError(err error) error {
	switch {
	case errors.Is(err, settle.ErrOff), errors.Is(err, settle.ErrBusy), errors.Is(err, settle.ErrNotReady), errors.Is(err, settle.ErrSuperseded),
		errors.Is(err, settle.ErrConfig):
		return api.Conflict("%v", err)
	case errors.Is(err, settle.ErrChain), errors.Is(err, settle.ErrDisagree), errors.Is(err, settle.ErrHistory):
		return api.Unavailable("%v", err)
	}
	return err
}

func optional(k wire.Key) string {
	if k.IsZero() {
		return ""
	}
	return k.String()
}
