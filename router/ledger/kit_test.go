package ledger_test

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func private(id byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), id))
}

// worker is a node that signs receipts of one epoch together with a router.
type worker struct {
	router, key ed25519.PrivateKey
	epoch       uint64
}

func (w worker) node() wire.Key { return wire.KeyOf(w.key) }

// entry is a receipt of w; countersigned if agreed.
func (w worker) entry(job string, sequence uint64, c ledger.Counts, agreed bool) ledger.Entry {
	r := ledger.Entry{Sequence: sequence, Counts: c}.Receipt(wire.KeyOf(w.router), w.node(), w.epoch, job)
	r.SignRouter(w.router)
	if agreed {
		r.SignNode(w.key)
	}
	return ledger.EntryOf(r)
}

func (w worker) online(seconds uint64) ledger.Work {
	return ledger.Work{Counted: w.entry("", 1, ledger.Counts{OnlineSeconds: seconds}, true)}
}

func (w worker) carried(job string, down, up uint64) ledger.Work {
	return ledger.Work{Job: job, Counted: w.entry(job, 2, ledger.Counts{BytesDown: down, BytesUp: up, Tunnels: 1}, true)}
}

func (w worker) input(country, clump string, work ...ledger.Work) ledger.NodeInput {
	return ledger.NodeInput{Node: w.node(), Country: country, Clump: clump, Standing: ledger.GoodStanding(), Work: work}
}

// crowd is n nodes with unsigned, random but well-formed work: enough for the
// formula, which looks at no signature.
func crowd(rng *rand.Rand, n int) []ledger.NodeInput {
	clumps := []string{"", "", "c1", "c2", "c3"}
	countries := []string{"", "DE", "BR", "IN"}
	nodes := make([]ledger.NodeInput, n)
	for i := range nodes {
		var key wire.Key
		key[0], key[1], key[31] = byte(rng.Uint32()), byte(i>>8), byte(i)
		nodes[i] = ledger.NodeInput{
			Node: key, Clump: clumps[rng.IntN(len(clumps))], Country: countries[rng.IntN(len(countries))],
			Standing: ledger.GoodStanding(),
			Work: []ledger.Work{
				{Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: rng.Uint64N(5_000)}}},
				{Job: "j-1", Counted: ledger.Entry{Counts: ledger.Counts{BytesDown: rng.Uint64N(1 << rng.UintN(60)), BytesUp: rng.Uint64N(1 << 20)}}},
			},
		}
		if rng.IntN(4) == 0 {
			nodes[i].Standing = ledger.Standing{Permille: rng.IntN(1000), Reasons: []wire.Reason{wire.Stalled}}
		}
	}
	return nodes
}

func mustCompute(t testing.TB, p ledger.Params, nodes []ledger.NodeInput) ledger.Result {
	t.Helper()
	r, err := ledger.Compute(ledger.Window{Epoch: 1, Seconds: 3600}, p, nodes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
