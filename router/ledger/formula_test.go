package ledger_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

func TestMicroPointsString(t *testing.T) {
	for m, want := range map[ledger.MicroPoints]string{
		0: "0.000000", 1: "0.000001", 12_345_678: "12.345678", -1_500_000: "-1.500000",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d is %q, want %q", int64(m), got, want)
		}
	}
}

// Whatever the parameters and the nodes, statements and rest are the pool, and
// royalties and what is unshared are what sales leave.
func TestSumIsThePool(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := ledger.DefaultParams()
		p.Pool = ledger.MicroPoints(rng.Int64N(1 << rng.UintN(50)))
		p.Carried, p.NodeCap, p.SiteCap, p.Fee = rng.IntN(1001), 1+rng.IntN(1000), 1+rng.Uint64N(1<<20), rng.IntN(1001)
		p.Scarce = ledger.Scarcity{Version: 3, Permille: map[string]int{"BR": 1 + rng.IntN(10_000), "IN": 1 + rng.IntN(10_000)}}
		h, nodes := head(p), crowd(rng, rng.IntN(40))
		sell(rng, h, nodes)
		for i := range nodes {
			if carried := nodes[i].Bytes(); carried > p.SiteCap+1 && rng.IntN(3) == 0 {
				nodes[i].Sites = []ledger.SiteBytes{{Site: clump("s"), Bytes: p.SiteCap + 1 + rng.Uint64N(carried-p.SiteCap)}}
			}
			if limit := p.MaxCorrections() / 50; limit > 1 && rng.IntN(5) == 0 {
				h.Corrected = append(h.Corrected, ledger.Correction{Node: nodes[i].Node, Amount: 1 + ledger.MicroPoints(rng.Int64N(int64(limit)))})
			}
		}
		checkSums(t, h, mustCompute(t, h, nodes))
	}
}

// sell puts sales into h and shares of them into nodes.
func sell(rng *rand.Rand, h *ledger.Head, nodes []ledger.Statement) {
	for k := range rng.IntN(4) {
		price := ledger.TokenUnits(rng.Int64N(1 << 40))
		fee := ledger.TokenUnits(int64(price) * int64(h.Params.Fee) / 1000)
		h.Sales = append(h.Sales, ledger.Sale{Dataset: "docs", Version: k + 1, Orders: 1, Price: price, Fee: fee, Shared: price - fee})
		for i := range nodes {
			if rng.IntN(2) == 0 {
				nodes[i].Shares = append(nodes[i].Shares, ledger.Share{Sale: k, Records: 1 + rng.Uint64N(1<<40)})
			}
		}
	}
}

func checkSums(t *testing.T, h *ledger.Head, r *ledger.Result) {
	t.Helper()
	total, money := r.Totals.Unallocated(), r.Totals.Unshared
	for i := range r.Carriage {
		if r.Carriage[i] < 0 || r.Availability[i] < 0 || r.Correction[i] < 0 || r.Royalty[i] < 0 {
			t.Fatalf("node %d: %d %d %d %d", i, r.Carriage[i], r.Availability[i], r.Correction[i], r.Royalty[i])
		}
		total += r.Amount(i)
		money += r.Royalty[i]
	}
	if total != h.Params.Pool || r.Totals.Allocated()+r.Totals.Unallocated() != h.Params.Pool || r.Totals.UnallocatedCarriage < 0 || r.Totals.UnallocatedAvailability < 0 {
		t.Fatalf("statements and unallocated are %d, pool is %d; %+v", total, h.Params.Pool, r.Totals)
	}
	for _, s := range h.Sales {
		money -= s.Shared
	}
	if money != 0 {
		t.Fatalf("royalties and what is unshared differ from the sales by %d", money)
	}
}

func TestAnyOrderIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := ledger.DefaultParams()
	p.NodeCap = 100
	nodes := crowd(rng, 50)
	for i := range 10 { // equal weights, so that ties matter
		key := nodes[i+20].Node
		nodes[i+20] = nodes[i]
		nodes[i+20].Node = key
	}
	var want *ledger.File
	for range 20 {
		rng.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
		got, err := ledger.NewFile(*head(p), slices.Clone(nodes), ledger.Totals{}, private(1))
		if err != nil {
			t.Fatal(err)
		}
		if want != nil && !reflect.DeepEqual(got, want) {
			t.Fatal("the order of nodes changed the result")
		}
		want = got
	}
}

func TestNodeCap(t *testing.T) {
	p := ledger.DefaultParams()
	p.NodeCap = 300
	nodes := []ledger.Statement{did(1, "", 1000, 0), did(2, "", 10, 0), did(3, "", 10, 0)}
	limit := 800_000 * ledger.Point * 300 / 1000
	r := mustCompute(t, head(p), nodes)
	if r.Carriage[0] != limit || r.Carriage[1] != limit || r.Carriage[2] != limit || r.Totals.UnallocatedCarriage != 80_000*ledger.Point {
		t.Fatalf("%v, %+v", r.Carriage, r.Totals)
	}
}

func TestNothingDoneIsUnallocated(t *testing.T) {
	r := mustCompute(t, head(ledger.DefaultParams()), []ledger.Statement{did(1, "", 0, 0)})
	if r.Totals.Unallocated() != ledger.DefaultParams().Pool {
		t.Fatalf("%+v", r.Totals)
	}
}

func TestExtremesDoNotOverflow(t *testing.T) {
	p := ledger.DefaultParams()
	p.Pool, p.SiteCap = 1_000_000_000*ledger.Point, 0
	p.Scarce = ledger.Scarcity{Version: 1, Permille: map[string]int{"BR": 10_000}}
	nodes := make([]ledger.Statement, 2000)
	for i := range nodes {
		nodes[i] = did(0, "", 1<<60, 3600)
		nodes[i].Node = wire.Key{byte(i >> 8), byte(i)}
		nodes[i].Country, nodes[i].BytesUnsigned, nodes[i].BytesDisputed, nodes[i].BytesLate = "BR", 1<<60, 1<<60, 1<<60
	}
	h := head(p)
	r := mustCompute(t, h, nodes)
	checkSums(t, h, r)
	if r.Amount(0) != p.Pool/2000 || r.Amount(1999) != p.Pool/2000 {
		t.Fatalf("equal nodes get %s and %s", r.Amount(0), r.Amount(1999))
	}
}

func TestRefusedInputs(t *testing.T) {
	for name, change := range map[string]func(*ledger.Head, []ledger.Statement){
		"standing without a reason": func(_ *ledger.Head, n []ledger.Statement) { n[0].Standing = 999 },
		"reason for full standing":  func(_ *ledger.Head, n []ledger.Statement) { n[0].Reasons = []wire.Reason{wire.Stalled} },
		"standing above full":       func(_ *ledger.Head, n []ledger.Statement) { n[0].Standing = 1001 },
		"country":                   func(_ *ledger.Head, n []ledger.Statement) { n[0].Country = "de" },
		"too many bytes":            func(_ *ledger.Head, n []ledger.Statement) { n[0].BytesLate = 1<<60 + 1 },
		"longer than the epoch":     func(h *ledger.Head, _ []ledger.Statement) { h.Seconds = 9 },
		"no time in a clump":        func(_ *ledger.Head, n []ledger.Statement) { n[0].Presence[0].Seconds = 0 },
		"clumps out of order":       func(_ *ledger.Head, n []ledger.Statement) { n[0].Presence = append(n[0].Presence, n[0].Presence[0]) },
		"site below the cap":        func(_ *ledger.Head, n []ledger.Statement) { n[0].Sites = []ledger.SiteBytes{{Bytes: 1}} },
		"site beyond the bytes":     func(_ *ledger.Head, n []ledger.Statement) { n[0].Sites = []ledger.SiteBytes{{Bytes: 1 << 40}} },
		"share in no sale":          func(_ *ledger.Head, n []ledger.Statement) { n[0].Shares = []ledger.Share{{Records: 1}} },
		"twice":                     func(_ *ledger.Head, n []ledger.Statement) { n[1].Node = n[0].Node },
		"out of order":              func(_ *ledger.Head, n []ledger.Statement) { n[0], n[1] = n[1], n[0] },
		"payout is the node":        func(_ *ledger.Head, n []ledger.Statement) { n[0].Payout = n[0].Node },
		"correction of nobody": func(h *ledger.Head, _ []ledger.Statement) {
			h.Corrected = []ledger.Correction{{Node: wire.Key{9}, Amount: 1}}
		},
		"corrections above the half": func(h *ledger.Head, n []ledger.Statement) {
			h.Corrected = []ledger.Correction{{Node: n[0].Node, Amount: h.Params.Pool/2 + 1}}
		},
		"fee that is not the fee": func(h *ledger.Head, _ []ledger.Statement) {
			h.Sales = []ledger.Sale{{Dataset: "d", Orders: 1, Price: 10, Fee: 3, Shared: 7}}
		},
		"note of no kind": func(h *ledger.Head, _ []ledger.Statement) { h.Notes = []ledger.Note{{Kind: "gossip"}} },
		"text in two lines": func(h *ledger.Head, _ []ledger.Statement) {
			h.Notes = []ledger.Note{{Kind: ledger.NoteLate, Text: "a\nb"}}
		},
	} {
		h, nodes := head(ledger.DefaultParams()), []ledger.Statement{did(1, "a", 5, 10), did(2, "b", 5, 10)}
		change(h, nodes)
		if _, err := ledger.Compute(h, nodes); !errors.Is(err, ledger.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusedParams(t *testing.T) {
	for name, change := range map[string]func(*ledger.Params){
		"formula":            func(p *ledger.Params) { p.Formula = 2 },
		"pool":               func(p *ledger.Params) { p.Pool = -1 },
		"carriage":           func(p *ledger.Params) { p.Carried = 1001 },
		"node cap":           func(p *ledger.Params) { p.NodeCap = 0 },
		"window":             func(p *ledger.Params) { p.Window = -1 },
		"fee":                func(p *ledger.Params) { p.Fee = 1001 },
		"table of no number": func(p *ledger.Params) { p.Scarce.Permille = map[string]int{"DE": 1} },
		"weight":             func(p *ledger.Params) { p.Scarce = ledger.Scarcity{Version: 1, Permille: map[string]int{"DE": 10_001}} },
		"country":            func(p *ledger.Params) { p.Scarce = ledger.Scarcity{Version: 1, Permille: map[string]int{"d": 1}} },
	} {
		p := ledger.DefaultParams()
		change(&p)
		if err := p.Validate(); !errors.Is(err, ledger.ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The words say the numbers of the worked example: kind by kind, and every
// modifier.
func TestExplain(t *testing.T) {
	p := ledger.DefaultParams()
	p.Scarce = ledger.Scarcity{Version: 1, Permille: map[string]int{"BR": 2000}}
	h := head(p)
	h.Sales = []ledger.Sale{{Dataset: "docs", Version: 2, Orders: 3, Price: 1000, Fee: 200, Shared: 800}}
	low := did(1, "home", 5_000_000_000, 1800)
	low.Standing, low.Reasons, low.Country, low.Shares = 750, []wire.Reason{wire.TLSForged}, "BR", []ledger.Share{{Sale: 0, Records: 3}}
	other := did(2, "home", 1000, 60)
	other.Shares = []ledger.Share{{Sale: 0, Records: 1}}
	f, err := ledger.NewFile(*h, []ledger.Statement{low, other}, ledger.Totals{}, private(1))
	if err != nil {
		t.Fatal(err)
	}
	e := f.Explain(0)
	var kinds []string
	var sum ledger.MicroPoints
	all := ""
	for _, l := range e.Lines {
		kinds = append(kinds, l.Kind)
		sum += l.Points
		all += l.Words + "\n"
	}
	if !slices.Equal(kinds, []string{"carriage", "availability", "royalty"}) || sum != e.Amount || e.Royalty != 600 {
		t.Fatalf("%v, %s of %s, %d", kinds, sum, e.Amount, e.Royalty)
	}
	for _, want := range []string{
		"5 000 000 000 bytes", "scarcity 2.000 (BR) × standing 0.750 (tls_forged)", "points per GB", "1 800 s (shared with 1 other nodes",
		"3 of 4 unique records in docs version 2 × 800 base units", "= 600 base units",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
