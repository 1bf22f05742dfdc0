package router

import (
	"context"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
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

// marketRefunds fits settling to the market.
type marketRefunds struct{ settler *settle.Settler }

var _ market.Refunds = marketRefunds{}

func (m marketRefunds) Refund(ctx context.Context, order string, to wire.Key, total market.Units) (market.Units, error) {
	refunded, err := m.settler.Refund(ctx, order, to, settle.Units(total))
	return market.Units(refunded), err
}
