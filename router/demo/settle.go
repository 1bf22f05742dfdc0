package demo

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fallow-network/fallow/dataset/cmd/fallow-data/paid"
	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
	"github.com/fallow-network/fallow/router/solana/svm"
)

// SettlementSummary is what was paid on the chain of this machine; with Skipped
// nothing was, and why.
type SettlementSummary struct {
	Skipped    string          `json:"skipped,omitempty"`
	Treasury   string          `json:"treasury,omitempty"`
	Mint       string          `json:"mint,omitempty"`
	Rate       string          `json:"rate,omitempty"`
	Commitment string          `json:"commitment,omitempty"` // transaction with root and file hash
	Paid       int64           `json:"paid,omitempty"`       // base units, 6 decimals
	Payouts    []PayoutSummary `json:"payouts,omitempty"`
}

// PayoutSummary is one node's payout, checked on the chain.
type PayoutSummary struct {
	Node        string `json:"node"`
	Units       int64  `json:"units"`
	Transaction string `json:"transaction"`
}

// The chain of a demo: money enough for any epoch, and blocks that come with
// each question, so that nothing has to wait for finality.
const (
	treasuryUnits    = 1_000_000_000_000_000
	treasuryLamports = 100_000_000_000
	blocksPerRequest = 6
	settlePoll       = 50 * time.Millisecond
	settleWithin     = 30 * time.Second
)

// chain is the chain a demo settles on.
type chain struct {
	runtime *svm.Runtime
	world   *svm.World
	mint    wire.Key
}

// startChain runs a chain on this machine, if what it needs is here.
func (d *demo) startChain(ctx context.Context, cfg *router.Config) error {
	runtime, err := svm.Start(ctx)
	if errors.Is(err, svm.ErrNoNode) || errors.Is(err, svm.ErrNoRuntime) {
		d.settlement.Skipped = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	d.chain = &chain{runtime: runtime, world: runtime.World("demo")}
	treasury, err := router.CreateTreasury(cfg.Settle.TreasuryPath(cfg.Dir))
	if err != nil {
		return err
	}
	if err := d.chain.furnish(ctx, treasury); err != nil {
		return err
	}
	cfg.Settle.Mode, cfg.Settle.Mint = settle.ModePay, d.chain.mint
	cfg.Settle.RPC = []string{d.chain.world.Endpoint(0), d.chain.world.Endpoint(1)}
	cfg.Settle.SpendingCap, cfg.Settle.AccountBudget = treasuryUnits, treasuryLamports
	cfg.Settle.Poll = settlePoll
	d.say.line("chain", "the Solana runtime on this machine, treasury %s", wire.KeyOf(treasury))
	return nil
}

// furnish gives the treasury its token and the lamports for fees and rent.
func (c *chain) furnish(ctx context.Context, treasury ed25519.PrivateKey) error {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	c.mint = wire.Key(public)
	owner := wire.KeyOf(treasury)
	signer := settle.KeySigner{Private: treasury}
	known, err := solana.New(ctx, solana.Config{Endpoints: []string{c.world.Endpoint(0), c.world.Endpoint(1)}, Mint: c.mint}, signer, signer)
	if err != nil {
		return err
	}
	return errors.Join(
		c.world.PerRequest(ctx, blocksPerRequest),
		c.world.Fund(ctx, owner, treasuryLamports),
		c.world.Mint(ctx, c.mint, owner),
		c.world.Give(ctx, known.Account(owner), c.mint, owner, treasuryUnits, false),
	)
}

// settleEpoch pays the closed epoch, and checks each payout as a stranger would:
// from the epoch file and the chain.
func (d *demo) settleEpoch(ctx context.Context, s *Summary) error {
	s.Settlement = &d.settlement
	if d.chain == nil {
		d.say.line("settled", "not shown: %s", d.settlement.Skipped)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	st, err := d.api.RunSettlement(ctx, s.Epoch.Number)
	for err == nil && st.Running {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(settlePoll):
			st, err = d.api.Settlement(ctx)
		}
	}
	if err == nil && (st.Error != "" || st.Epoch == nil || !st.Epoch.Done) {
		err = errors.New(st.Error)
	}
	if err != nil {
		return fmt.Errorf("settle epoch %d: %w", s.Epoch.Number, err)
	}
	d.settlement = SettlementSummary{
		Treasury: st.Treasury, Mint: st.Mint, Rate: st.Rate, Commitment: st.Epoch.Commit, Paid: int64(st.Epoch.Paid),
	}
	if err := d.checkPaid(ctx, s); err != nil {
		return err
	}
	d.say.line("settled", "%s tokens to %d nodes, each payout checked on the chain against the epoch file", tokens(d.settlement.Paid), len(d.settlement.Payouts))
	d.say.line("", "commitment in transaction %s", d.settlement.Commitment)
	return nil
}

func (d *demo) checkPaid(ctx context.Context, s *Summary) error {
	rpc, err := jsonrpc.New(d.chain.world.Endpoint(2))
	if err != nil {
		return err
	}
	for _, claim := range d.claims {
		report, err := paid.Check(ctx, rpc, claim)
		if err == nil && report.Owed != 0 {
			err = fmt.Errorf("%d base units are not paid", report.Owed)
		}
		if err != nil {
			return fmt.Errorf("check the payout of node %s: %w", claim.Node, err)
		}
		for _, p := range report.Payments {
			d.settlement.Payouts = append(d.settlement.Payouts, PayoutSummary{Node: claim.Node.String(), Units: int64(p.Units), Transaction: p.Transaction})
			d.say.line("", "%s got %s in %s", claim.Node, tokens(int64(p.Units)), p.Transaction)
		}
	}
	return nil
}

// tokens is an amount of the demo's token, which has 6 decimals.
func tokens(units int64) string {
	text := strconv.FormatInt(units, 10)
	for len(text) < 7 {
		text = "0" + text
	}
	return text[:len(text)-6] + "." + text[len(text)-6:]
}
