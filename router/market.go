package router

import (
	"context"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
	"github.com/fallow-network/fallow/router/store"
)

// openMarket takes orders if there is a chain to be paid on.
func (r *Router) openMarket(chain *solana.Chain) {
	if r.cfg.Settle.Mode != settle.ModePay {
		return
	}
	cfg := market.DefaultConfig()
	cfg.Recipient, cfg.Mint = chain.Treasury(), r.cfg.Settle.Mint
	if r.cfg.Lab {
		cfg.Every = time.Second
	}
	r.market = market.New(r.log.With("part", "market"), time.Now, r.store, chain, marketSales{r.store}, marketRefunds{r.settle.settler}, cfg)
}

// marketSales books sales, which the ledger shares out when the epoch closes.
type marketSales struct{ store *store.Store }

var _ market.Sales = marketSales{}

func (m marketSales) Sold(ctx context.Context, o market.Order) error {
	return m.store.SaveSale(ctx, store.Sale{ID: o.ID, Dataset: o.Dataset, Version: o.Version, Price: ledger.TokenUnits(o.Price), At: time.Now()})
}

// marketRefunds fits settling to the market.
type marketRefunds struct{ settler *settle.Settler }

var _ market.Refunds = marketRefunds{}

func (m marketRefunds) Refund(ctx context.Context, order string, to wire.Key, total market.Units) (market.Units, error) {
	refunded, err := m.settler.Refund(ctx, order, to, settle.Units(total))
	return market.Units(refunded), err
}
