package ledger_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
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

func TestSumIsThePool(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := ledger.DefaultParams()
		p.Pool = ledger.MicroPoints(rng.Int64N(1 << rng.UintN(50)))
		p.Carried, p.NodeCap = rng.IntN(1001), 1+rng.IntN(1000)
		p.Scarce = map[string]int{"BR": 1 + rng.IntN(10_000), "IN": 1 + rng.IntN(10_000)}
		checkSums(t, p, mustCompute(t, p, crowd(rng, rng.IntN(40))))
	}
}

func checkSums(t *testing.T, p ledger.Params, r ledger.Result) {
	t.Helper()
	total := r.Unallocated.Sum()
	for _, s := range r.Statements {
		if s.Carriage < 0 || s.Availability < 0 || s.Amount != s.Carriage+s.Availability {
			t.Fatalf("node %s: carriage %d, availability %d, amount %d", s.Node, s.Carriage, s.Availability, s.Amount)
		}
		total += s.Amount
	}
	if total != p.Pool || r.Allocated+r.Unallocated.Sum() != p.Pool || r.Unallocated.Carriage < 0 || r.Unallocated.Availability < 0 {
		t.Fatalf("statements and unallocated are %d, pool is %d; %+v", total, p.Pool, r.Unallocated)
	}
}

func TestAnyOrderIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := ledger.DefaultParams()
	p.NodeCap = 100
	nodes := crowd(rng, 50)
	nodes = append(nodes, nodes[0]) // equal weights, so that ties matter
	nodes[len(nodes)-1].Node[31] = 200
	want := mustCompute(t, p, nodes)
	for range 20 {
		rng.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
		for i := range nodes {
			slices.Reverse(nodes[i].Work)
		}
		if got := mustCompute(t, p, nodes); !reflect.DeepEqual(got, want) {
			t.Fatal("the order of nodes or jobs changed the result")
		}
	}
}

func TestSplittingWorkOverJobsIsTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	nodes := crowd(rng, 30)
	want := mustCompute(t, ledger.DefaultParams(), nodes)
	for i := range nodes {
		whole := nodes[i].Work[1]
		half := whole
		half.Job = "j-2"
		half.Counted.BytesDown, half.Counted.BytesUp = whole.Counted.BytesDown/2, 0
		whole.Counted.BytesDown -= half.Counted.BytesDown
		nodes[i].Work = []ledger.Work{nodes[i].Work[0], whole, half}
	}
	if got := mustCompute(t, ledger.DefaultParams(), nodes); !reflect.DeepEqual(got, want) {
		t.Fatal("carrying the same bytes under two jobs changed the result")
	}
}

// A hundred keys behind one line earn together, for being online, exactly what
// one of them earns alone.
func TestClumpSharesOneWeight(t *testing.T) {
	online := func(key byte, clump string) ledger.NodeInput {
		return ledger.NodeInput{
			Node: wire.Key{key}, Clump: clump, Standing: ledger.GoodStanding(),
			Work: []ledger.Work{{Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: 3600}}}},
		}
	}
	honest, one := online(200, "home"), online(1, "farm")
	p := ledger.DefaultParams()
	alone := mustCompute(t, p, []ledger.NodeInput{honest, one})

	nodes := []ledger.NodeInput{honest}
	for key := range byte(100) {
		nodes = append(nodes, online(key+1, "farm"))
	}
	farm := mustCompute(t, p, nodes)
	var together ledger.MicroPoints
	for _, s := range farm.Statements {
		if s.Clump == "farm" {
			together += s.Amount
		}
	}
	if together != alone.Statements[0].Amount || together != partOf(p, 200)/2 {
		t.Fatalf("100 keys earn %s, one key %s", together, alone.Statements[0].Amount)
	}
}

func partOf(p ledger.Params, permille int) ledger.MicroPoints {
	return p.Pool * ledger.MicroPoints(permille) / 1000
}

func TestNodeCap(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		p := ledger.DefaultParams()
		p.Pool = ledger.MicroPoints(rng.Int64N(1 << rng.UintN(45)))
		p.NodeCap = 1 + rng.IntN(300)
		limit := partOf(ledger.Params{Pool: partOf(p, 800)}, p.NodeCap)
		r := mustCompute(t, p, crowd(rng, 1+rng.IntN(20)))
		checkSums(t, p, r)
		short := false
		for _, s := range r.Statements {
			if s.Carriage > limit {
				t.Fatalf("carriage %s above the limit %s", s.Carriage, limit)
			}
			short = short || s.Carriage < limit && s.Bytes() > 0 && s.Standing > 0
		}
		if short && r.Unallocated.Carriage > 0 {
			t.Fatalf("%s unallocated while a node that carried is below its limit", r.Unallocated.Carriage)
		}
	}
}

func TestNothingDoneIsUnallocated(t *testing.T) {
	p := ledger.DefaultParams()
	for name, nodes := range map[string][]ledger.NodeInput{
		"nobody":        nil,
		"idle":          {{Node: wire.Key{1}, Standing: ledger.GoodStanding()}},
		"zero standing": {{Node: wire.Key{1}, Standing: ledger.Standing{Reasons: []wire.Reason{wire.TLSForged}}, Work: crowd(rand.New(rand.NewPCG(1, 1)), 1)[0].Work}},
	} {
		r := mustCompute(t, p, nodes)
		if r.Allocated != 0 || r.Unallocated.Carriage != partOf(p, 800) || r.Unallocated.Availability != partOf(p, 200) {
			t.Errorf("%s: allocated %s, unallocated %+v", name, r.Allocated, r.Unallocated)
		}
	}
}

func TestOnlineTimeNeverExceedsTheEpoch(t *testing.T) {
	honest := ledger.NodeInput{Node: wire.Key{1}, Standing: ledger.GoodStanding(), Work: []ledger.Work{{Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: 3600}}}}}
	boast := ledger.NodeInput{Node: wire.Key{2}, Standing: ledger.GoodStanding(), Work: []ledger.Work{{Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: 1 << 60}}}}}
	r := mustCompute(t, ledger.DefaultParams(), []ledger.NodeInput{honest, boast})
	if a, b := r.Statements[0], r.Statements[1]; a.Amount != b.Amount || b.OnlineSeconds != 3600 {
		t.Fatalf("%s and %s for %d and %d seconds", a.Amount, b.Amount, a.OnlineSeconds, b.OnlineSeconds)
	}
}

func TestExtremesDoNotOverflow(t *testing.T) {
	p := ledger.DefaultParams()
	p.Pool, p.Scarce = 1_000_000_000*ledger.Point, map[string]int{"BR": 10_000}
	var nodes []ledger.NodeInput
	for i := range byte(100) {
		nodes = append(nodes, ledger.NodeInput{
			Node: wire.Key{i}, Country: "BR", Standing: ledger.GoodStanding(),
			Work: []ledger.Work{
				{Job: "j-1", Counted: ledger.Entry{Counts: ledger.Counts{BytesDown: 1<<62 - 1, BytesUp: 1<<62 - 1}}},
				{Job: "j-2", Counted: ledger.Entry{Counts: ledger.Counts{BytesDown: 1<<62 - 1, BytesUp: 1<<62 - 1}}},
			},
		})
	}
	r := mustCompute(t, p, nodes)
	checkSums(t, p, r)
	if got := r.Statements[0].Carriage; got != partOf(p, 800)/100 {
		t.Fatalf("one of a hundred equals gets %s", got)
	}
}

func TestCarriedForward(t *testing.T) {
	before := map[wire.Key]ledger.MicroPoints{{1}: 5, {9}: 7, {8}: 0}
	nodes := []ledger.NodeInput{{Node: wire.Key{1}, Standing: ledger.GoodStanding(), Work: []ledger.Work{{Job: "j", Counted: ledger.Entry{Counts: ledger.Counts{BytesUp: 1}}}}}}
	r, err := ledger.Compute(ledger.Window{Epoch: 2, Seconds: 10}, ledger.DefaultParams(), nodes, before)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Statements) != 2 || r.Statements[0].Cumulative != r.Statements[0].Amount+5 || r.Statements[1].Cumulative != 7 || r.Statements[1].Amount != 0 {
		t.Fatalf("%+v", r.Statements)
	}
}

func TestRefusedInputs(t *testing.T) {
	key := wire.Key{1}
	good := ledger.GoodStanding()
	cases := map[string][]ledger.NodeInput{
		"twice":             {{Node: key, Standing: good}, {Node: key, Standing: good}},
		"no reason":         {{Node: key, Standing: ledger.Standing{Permille: 999}}},
		"above full":        {{Node: key, Standing: ledger.Standing{Permille: 1001}}},
		"country":           {{Node: key, Standing: good, Country: "Germany"}},
		"clump":             {{Node: key, Standing: good, Clump: "a\nb"}},
		"job twice":         {{Node: key, Standing: good, Work: []ledger.Work{{Job: "j"}, {Job: "j"}}}},
		"bytes without job": {{Node: key, Standing: good, Work: []ledger.Work{{Counted: ledger.Entry{Counts: ledger.Counts{BytesUp: 1}}}}}},
		"online with job":   {{Node: key, Standing: good, Work: []ledger.Work{{Job: "j", Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: 1}}}}}},
		"agreed is later":   {{Node: key, Standing: good, Work: []ledger.Work{{Job: "j", Counted: ledger.Entry{Sequence: 1}, Agreed: &ledger.Entry{Sequence: 1}}}}},
		"agreed is more":    {{Node: key, Standing: good, Work: []ledger.Work{{Job: "j", Counted: ledger.Entry{Sequence: 2}, Agreed: &ledger.Entry{Sequence: 1, Counts: ledger.Counts{BytesUp: 1}}}}}},
	}
	for name, nodes := range cases {
		if _, err := ledger.Compute(ledger.Window{Epoch: 1, Seconds: 1}, ledger.DefaultParams(), nodes, nil); !errors.Is(err, ledger.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	negative := map[wire.Key]ledger.MicroPoints{key: -1}
	if _, err := ledger.Compute(ledger.Window{}, ledger.DefaultParams(), nil, negative); !errors.Is(err, ledger.ErrInput) {
		t.Errorf("negative balance: %v", err)
	}
	full := map[wire.Key]ledger.MicroPoints{key: math.MaxInt64}
	worked := []ledger.NodeInput{{Node: key, Standing: good, Work: []ledger.Work{{Job: "j", Counted: ledger.Entry{Counts: ledger.Counts{BytesUp: 1}}}}}}
	if _, err := ledger.Compute(ledger.Window{}, ledger.DefaultParams(), worked, full); !errors.Is(err, ledger.ErrInput) {
		t.Errorf("overflowing balance: %v", err)
	}
}

func TestRefusedParams(t *testing.T) {
	for name, change := range map[string]func(*ledger.Params){
		"formula":  func(p *ledger.Params) { p.Formula = 2 },
		"pool":     func(p *ledger.Params) { p.Pool = -1 },
		"big pool": func(p *ledger.Params) { p.Pool = math.MaxInt64 },
		"carriage": func(p *ledger.Params) { p.Carried = 1001 },
		"cap":      func(p *ledger.Params) { p.NodeCap = 0 },
		"country":  func(p *ledger.Params) { p.Scarce = map[string]int{"de": 1000} },
		"scarcity": func(p *ledger.Params) { p.Scarce = map[string]int{"DE": 10_001} },
	} {
		p := ledger.DefaultParams()
		change(&p)
		if err := p.Validate(); !errors.Is(err, ledger.ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCompute(f *testing.F) {
	f.Add(uint64(1), uint64(1000), uint16(800), uint16(1000), uint8(3))
	f.Add(uint64(9), uint64(1)<<49, uint16(0), uint16(1), uint8(60))
	f.Fuzz(func(t *testing.T, seed, pool uint64, carried, limit uint16, n uint8) {
		p := ledger.Params{Formula: 1, Pool: ledger.MicroPoints(pool), Carried: int(carried), NodeCap: int(limit)}
		if p.Validate() != nil {
			return
		}
		nodes := crowd(rand.New(rand.NewPCG(seed, 0)), int(n))
		r := mustCompute(t, p, nodes)
		checkSums(t, p, r)
		slices.Reverse(nodes)
		if !reflect.DeepEqual(r, mustCompute(t, p, nodes)) {
			t.Fatal("order matters")
		}
	})
}
