//go:build chain

package routertest_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/lab"
	"github.com/fallow-network/fallow/router/routertest"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana"
	"github.com/fallow-network/fallow/router/solana/svm"
)

// bank is the chain a network is paid on and pays on.
type bank struct {
	*svm.World
	*solana.Chain
	mint wire.Key
}

const (
	bankUnits    = 1_000_000_000_000_000
	bankLamports = 100_000_000_000
)

// newBank has a buyer with bankUnits and a treasury that holds as much.
func newBank(t *testing.T, buyer, treasury ed25519.PrivateKey) *bank {
	t.Helper()
	ctx := t.Context()
	must(t, svm.Install(ctx))
	runtime, err := svm.Start(ctx)
	must(t, err)
	t.Cleanup(func() { _ = runtime.Close() })
	b := &bank{World: runtime.World("sale"), mint: wire.KeyOf(newKey(t))}
	must(t, b.PerRequest(ctx, 6)) // nothing has to wait for finality
	must(t, b.Mint(ctx, b.mint, wire.KeyOf(treasury)))
	signer := settle.KeySigner{Private: treasury}
	b.Chain, err = solana.New(ctx, solana.Config{Endpoints: b.endpoints(), Mint: b.mint}, signer, signer)
	must(t, err)
	for _, owner := range []wire.Key{wire.KeyOf(buyer), wire.KeyOf(treasury)} {
		must(t, b.Fund(ctx, owner, bankLamports))
		must(t, b.Give(ctx, b.Account(owner), b.mint, owner, bankUnits, false))
	}
	return b
}

func (b *bank) endpoints() []string { return []string{b.Endpoint(0), b.Endpoint(1)} }

// holds is what an address has of the token, 0 without an account.
func (b *bank) holds(ctx context.Context, t *testing.T, owner wire.Key) int64 {
	t.Helper()
	rpc, err := jsonrpc.New(b.Endpoint(2))
	must(t, err)
	var answer struct {
		Value *struct{ Data [2]string }
	}
	must(t, rpc.Call(ctx, &answer, "getAccountInfo", b.Account(owner).String(), map[string]any{"encoding": "base64", "commitment": "finalized"}))
	if answer.Value == nil {
		return 0
	}
	raw, err := base64.StdEncoding.DecodeString(answer.Value.Data[0])
	must(t, err)
	return int64(binary.LittleEndian.Uint64(raw[64:]))
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	return key
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// countries gives every node a country of its own, so that records tell who
// carried them.
type countries struct {
	mu sync.Mutex
	of map[wire.Key]string
}

func (c *countries) country(node wire.Key, _ netip.Addr) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[node] == "" {
		c.of[node] = []string{"DE", "FR", "JP"}[len(c.of)]
	}
	return c.of[node]
}

// TestSaleIsShared goes the way of a buyer's money: two nodes carry a dataset,
// a site is taken down from it, a buyer pays for the version without, and the
// nodes get their points and their part of the price, to the unit.
func TestSaleIsShared(t *testing.T) {
	buyer, where := newKey(t), &countries{of: map[wire.Key]string{}}
	treasuryDir := t.TempDir()
	cfg := router.SettleConfig{}
	treasury, err := router.CreateTreasury(cfg.TreasuryPath(treasuryDir))
	must(t, err)
	b := newBank(t, buyer, treasury)
	routertest.Run(t, routertest.Config{Nodes: 2, Router: func(cfg *router.Config) {
		cfg.Fleet.Country, cfg.SignGrace = where.country, time.Second
		s := &cfg.Settle
		s.Mode, s.Mint, s.RPC, s.Key = settle.ModePay, b.mint, b.endpoints(), filepath.Join(treasuryDir, router.TreasuryFile)
		s.Rate, s.Threshold, s.AccountThreshold = settle.Rate{Units: 1, Points: 1000}, 1, 1
		s.SpendingCap, s.AccountBudget, s.Poll = bankUnits, bankLamports, 50*time.Millisecond
	}}, func(ctx context.Context, n *routertest.Net) {
		stays := n.Site("stays.fallow.test", lab.NewSmall(lab.SmallConfig{Seed: 4, Pages: 40}))
		gone := n.Site("gone.fallow.test", lab.NewSmall(lab.SmallConfig{Seed: 3, Pages: 20}))
		job := n.AwaitJob(ctx, n.Submit(ctx, api.NewJob{Scope: "host", Seeds: []string{stays.URL(), gone.URL()}}))
		if job.Result == nil {
			t.Fatalf("job is %s: %+v", job.State, job)
		}
		down, err := n.Router.API.TakeDown(ctx, "test", api.NewTakedown{Scope: "site", Target: "gone.fallow.test", Reason: "asked"})
		if err != nil || down.Version != 2 || down.Rows == 0 {
			t.Fatalf("%+v, %v", down, err)
		}

		const price = 1_000_003
		order, err := n.Router.API.TakeOrder(ctx, api.NewOrder{Dataset: "test", Version: 2, Price: price, Buyer: "ACME"})
		must(t, err)
		reference, err := wire.ParseKey(order.Reference)
		must(t, err)
		must(t, b.Pay(ctx, buyer, wire.KeyOf(treasury), b.mint, price, reference))
		n.Await(30*time.Second, "the sale", func(ctx context.Context) (bool, error) {
			o, err := n.Router.API.Order(ctx, order.ID)
			return o.Sold != nil && o.State == "paid", err
		})
		closed, err := n.Router.API.CloseEpoch(ctx)
		must(t, err)
		page, err := n.Router.API.Statements(ctx, closed.Number, api.Page{})
		must(t, err)

		// What each node carried, by what the records themselves say.
		carried := map[string]int64{}
		var rows int64
		for _, r := range n.Records(filepath.Join(filepath.Dir(job.Result.Dir), "v2")) {
			carried[r.NodeCountry]++
			rows++
		}
		const shared = price - price*200/1000
		var royalties int64
		for _, s := range page.Statements {
			node, err := wire.ParseKey(s.Node)
			must(t, err)
			exact := shared * carried[where.country(node, netip.Addr{})]
			if got := int64(s.Royalty); got != exact/rows && got != exact/rows+1 {
				t.Errorf("node %s has %d base units of %d for %d of %d records", s.Node, got, shared, exact/shared, rows)
			}
			royalties += int64(s.Royalty)
		}
		if royalties != shared || len(carried) != 2 {
			t.Errorf("of %d base units %d are shared, records by country %v", shared, royalties, carried)
		}

		st, err := n.Router.API.RunSettlement(ctx, closed.Number)
		must(t, err)
		n.Await(60*time.Second, "the settlement", func(ctx context.Context) (bool, error) {
			st, err = n.Router.API.Settlement(ctx)
			return !st.Running, err
		})
		if st.Error != "" || st.Epoch == nil || !st.Epoch.Done {
			t.Fatalf("%+v", st)
		}
		paid := int64(0)
		for _, s := range page.Statements {
			node, err := wire.ParseKey(s.Node)
			must(t, err)
			got, want := b.holds(ctx, t, node), int64(s.Cumulative)/1000+int64(s.RoyaltyEver)
			if got != want {
				t.Errorf("node %s holds %d, its statement says %d", s.Node, got, want)
			}
			paid += got
		}
		if got := b.holds(ctx, t, wire.KeyOf(treasury)); got != bankUnits+price-paid {
			t.Errorf("the treasury holds %d, paid %d", got, paid)
		}
	})
}
