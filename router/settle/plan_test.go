package settle_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/router/settle"
)

// TestHeldBack has one node for each reason to put a payout off.
func TestHeldBack(t *testing.T) {
	dues := []settle.Due{due(1, 9), due(2, 19), due(3, 500), due(4, 500), due(5, 500), due(6, 40), due(7, 30), due(8, 25), due(9, 0), due(10, 600_000)}
	b := newBench(t, dues...)
	b.chain.accounts[node(1)] = settle.AccountReady
	b.chain.accounts[node(3)] = settle.AccountFrozen
	b.chain.accounts[node(4)] = settle.AccountForeign
	b.chain.accounts[node(5)] = settle.AccountBarred
	b.chain.accounts[node(8)], b.chain.accounts[node(10)] = settle.AccountReady, settle.AccountReady
	b.cfg.AccountBudget = 2_000_000 // one
	b.cfg.SpendingCap = 600_050
	p, err := b.settler().Plan(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := map[byte]settle.HeldReason{
		1: settle.HeldThreshold, 2: settle.HeldNewAccount, 3: settle.HeldFrozen, 4: settle.HeldForeign, 5: settle.HeldBarred, 7: settle.HeldBudget, 8: settle.HeldCap,
	}
	for _, h := range p.Held {
		if want[h.Node[0]] != h.Reason || h.Reason.Words() == string(h.Reason) {
			t.Errorf("node %d is held back as %s (%s)", h.Node[0], h.Reason, h.Reason.Words())
		}
		delete(want, h.Node[0])
	}
	if len(want) > 0 || p.Units != 600_040 || p.NewAccounts != 1 {
		t.Errorf("not held back: %v; %d units, %d new accounts", want, p.Units, p.NewAccounts)
	}
	if c := p.Costs; c.AccountRent != 2_000_000 || c.Fees != 2*5000 || c.MarkerRent != 2*900_000 {
		t.Errorf("costs %+v", c)
	}
	b.run(1)
	b.holds(10, 600_000)
	b.holds(6, 40)
	b.holds(8, 0)
	// What was put off stays owed: the cap and the budget are new in the next epoch.
	b.book[2] = dues
	b.run(2)
	b.holds(8, 25)
	b.holds(7, 30)
	b.holds(1, 0)
}

func TestEmptyTreasury(t *testing.T) {
	b := newBench(t, due(1, 500), due(2, 300))
	b.chain.units = 600
	if r := b.run(1); len(r.Held) != 1 || r.Held[0].Reason != settle.HeldTreasury || r.Units != 500 {
		t.Fatalf("%+v", r)
	}
	b.chain.units = 1000
	b.run(1)
	b.holds(2, 300)
	b.chain.lamports = 10
	b.book[2] = []settle.Due{due(1, 900)}
	if _, err := b.settler().Run(t.Context(), 2); !errors.Is(err, settle.ErrFunds) {
		t.Fatalf("no lamports: %v", err)
	}
}

// TestRates pays at three rates in turn, and each micro-point once.
func TestRates(t *testing.T) {
	b := newBench(t, settle.Due{Node: node(1), Points: 1_000_999, Royalty: 7})
	b.run(1)
	b.holds(1, 1000+7)
	b.cfg.Rate = settle.Rate{Units: 1, Points: 10}
	b.book[2] = []settle.Due{{Node: node(1), Points: 1_001_099, Royalty: 7}}
	b.run(2) // 1,099 micro-points are left, at a tenth
	b.holds(1, 1007+109)
	b.cfg.Rate = settle.Rate{Units: 1, Points: 1000}
	b.book[3] = []settle.Due{{Node: node(1), Points: 2_001_090, Royalty: 10}}
	b.run(3) // 1,000,000 and what 109 units at a tenth did not cover
	b.holds(1, 1116+1000+3)
}

// TestPaymentsAddUp: however often a node is paid, at a rate that leaves
// fractions each time, it gets what one payment would have brought.
func TestPaymentsAddUp(t *testing.T) {
	b := newBench(t)
	b.cfg.Rate, b.cfg.Threshold, b.cfg.AccountThreshold = settle.Rate{Units: 3, Points: 1000}, 1, 1
	points := settle.MicroPoints(0)
	for epoch := uint64(1); epoch <= 40; epoch++ {
		points += 1337
		b.book[epoch] = []settle.Due{{Node: node(1), Points: points}}
		b.run(epoch)
		b.holds(1, settle.Units(points*3/1000))
	}
}

func TestSharedAddress(t *testing.T) {
	wallet := node(99)
	dues := []settle.Due{due(1, 100), due(2, 200), due(3, 300)}
	for i := range dues[1:] {
		dues[i+1].Address = wallet
	}
	b := newBench(t, dues...)
	p, err := b.settler().Plan(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	payouts := p.Batches[1].Payouts
	if p.NewAccounts != 2 || payouts[0].Tag != "" || payouts[1].Tag == "" || payouts[2].Tag == "" || payouts[1].Tag == payouts[2].Tag {
		t.Fatalf("%d new accounts, %+v", p.NewAccounts, payouts)
	}
	if i := slices.IndexFunc(payouts, func(o settle.Payout) bool { return o.New && o.Address == wallet }); i < 0 || payouts[3-i].New {
		t.Fatalf("the shared account is opened %+v", payouts)
	}
	b.run(1)
	b.holds(99, 500)
}

func TestConfig(t *testing.T) {
	good := newBench(t).cfg
	for name, change := range map[string]func(*settle.Config){
		"mode":   func(c *settle.Config) { c.Mode = "maybe" },
		"mint":   func(c *settle.Config) { c.Mint = [32]byte{} },
		"rate":   func(c *settle.Config) { c.Rate = settle.Rate{} },
		"cap":    func(c *settle.Config) { c.SpendingCap = 0 },
		"budget": func(c *settle.Config) { c.AccountBudget = -1 },
		"poll":   func(c *settle.Config) { c.Poll = 0 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); !errors.Is(err, settle.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(good.Validate(), settle.DefaultConfig().Validate()); err != nil {
		t.Error(err)
	}
}
