package solana

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

// crowded is a chain on which every address stands alike, and a ledger and
// database to plan with.
type crowded struct {
	*Chain
	settle.DB
	state settle.AccountState
	dues  []settle.Due
}

func (c *crowded) Look(_ context.Context, addresses []wire.Key) (settle.View, error) {
	v := settle.View{Units: 1 << 60, Lamports: 1 << 60, Fee: baseFee, AccountRent: 2_039_280, MarkerRent: 890_880, Accounts: make([]settle.AccountState, len(addresses))}
	for i := range v.Accounts {
		v.Accounts[i] = c.state
	}
	return v, nil
}

func (c *crowded) Settlement(context.Context, uint64) (s settle.Settlement, found bool, err error) {
	return s, false, nil
}
func (c *crowded) Batches(context.Context, uint64) ([]settle.Batch, error)     { return nil, nil }
func (c *crowded) Paid(context.Context) (map[wire.Key]settle.Paid, error)      { return nil, nil }
func (c *crowded) Dues(context.Context, uint64) ([]settle.Due, error)          { return c.dues, nil }
func (c *crowded) Epoch(_ context.Context, n uint64) (e settle.Epoch, _ error) { e.Number = 1; return }

func (c *crowded) Now() time.Time                                   { return time.Unix(0, 0) }
func (c *crowded) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// TestPacking plans 10,000 payouts and compares the number of transactions with
// what their bytes need at least, if payouts could be cut anywhere.
func TestPacking(t *testing.T) {
	const payees = 10_000
	for name, c := range map[string]struct {
		state settle.AccountState
		most  int // payouts per transaction that fit
	}{"with accounts": {settle.AccountReady, 15}, "without accounts": {settle.AccountMissing, 7}} {
		k := &crowded{Chain: offline(t), state: c.state}
		for n := range payees {
			k.dues = append(k.dues, settle.Due{Node: wire.KeyOf(keyOf(n + 10)), Points: 1_000_000_000})
		}
		cfg := settle.DefaultConfig()
		cfg.Mode, cfg.Mint, cfg.Threshold, cfg.AccountThreshold = settle.ModePay, wire.Key{7}, 1, 1
		cfg.SpendingCap, cfg.AccountBudget = 1<<60, 1<<60
		s, err := settle.New(slog.New(slog.DiscardHandler), k, k, k, k, settle.NewMetrics(prometheus.NewRegistry()), cfg)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Plan(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		batches := p.Batches[1:] // the first is the commitment
		empty := batches[0]
		empty.Memo = "fallow1 pay 1 9999999 1/1000"
		empty.Payouts = empty.Payouts[:1]
		one, limit := k.Size(empty)
		empty.Payouts = batches[0].Payouts[:2]
		two, _ := k.Size(empty)
		each := two - one
		least := (payees*each + limit - one + each - 1) / (limit - one + each) // per transaction: what is not overhead
		perPayee := func(lamports int64) float64 { return float64(lamports) / payees }
		t.Logf("%d payees %s: %d transactions (%d payouts each), at least %d by bytes; per payee: base fee %.0f, rent of markers %.0f, rent of accounts %.0f lamports",
			payees, name, len(batches), len(batches[0].Payouts), least,
			perPayee(int64(len(batches))*baseFee), perPayee(int64(len(batches))*890_880), perPayee(p.Costs.AccountRent))
		if len(batches[0].Payouts) < c.most || len(batches)*100 > least*110 {
			t.Errorf("%s: %d payouts in a transaction, want %d; %d transactions, %d by bytes", name, len(batches[0].Payouts), c.most, len(batches), least)
		}
	}
}
