package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// reseal hashes and signs the content anew, as a dishonest router would.
func reseal(t *testing.T, f *ledger.File) {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f.Content); err != nil {
		t.Fatal(err)
	}
	f.Hash = sha256.Sum256(bytes.TrimSpace(buf.Bytes()))
	f.Signature = ed25519.Sign(private(1), append([]byte("fallow-epoch-signature-v1\n"), f.Hash[:]...))
}

// Each lie is signed by the router itself, so that only recomputing finds it.
func TestRouterCannotLie(t *testing.T) {
	for name, c := range map[string]struct {
		lie   func(c *ledger.Content)
		where string
	}{
		"amount":            {func(c *ledger.Content) { c.Statements[0].Amount++ }, "].amount"},
		"carriage":          {func(c *ledger.Content) { c.Statements[0].Carriage += 5 }, "].carriage"},
		"both":              {func(c *ledger.Content) { c.Statements[1].Carriage++; c.Statements[0].Carriage-- }, "].carriage"},
		"negative":          {func(c *ledger.Content) { c.Statements[0].Cumulative = -1 }, "content.statements[0]"},
		"node left out":     {func(c *ledger.Content) { c.Statements = c.Statements[1:] }, "content.statements"},
		"input left out":    {func(c *ledger.Content) { c.Nodes = c.Nodes[1:] }, "content.statements[0].amount"},
		"unallocated":       {func(c *ledger.Content) { c.Unallocated.Carriage++ }, "content.unallocated"},
		"root":              {func(c *ledger.Content) { c.Root[0] ^= 1 }, "content.root"},
		"bytes":             {func(c *ledger.Content) { c.Nodes[0].Work[1].Counted.BytesDown++ }, "content.nodes[0].work[1]"},
		"countersignature":  {func(c *ledger.Content) { c.Nodes[0].Work[1].Counted.NodeSig[0] ^= 1 }, "content.nodes[0].work[1]"},
		"router signature":  {func(c *ledger.Content) { c.Nodes[0].Work[1].Counted.RouterSig[0] ^= 1 }, "content.nodes[0].work[1]"},
		"agreed by nobody":  {func(c *ledger.Content) { agreed(c).NodeSig[0] ^= 1 }, "].work[1]"},
		"agreed, unsigned":  {func(c *ledger.Content) { agreed(c).RouterSig[0] ^= 1 }, "].work[1]"},
		"agreed is more":    {func(c *ledger.Content) { agreed(c).BytesDown = 1 << 40 }, "].work[1]"},
		"another's receipt": {func(c *ledger.Content) { c.Nodes[0].Work = c.Nodes[1].Work }, "content.nodes[0].work[0]"},
		"order of nodes":    {func(c *ledger.Content) { c.Nodes[0], c.Nodes[1] = c.Nodes[1], c.Nodes[0] }, "content.nodes[1]"},
		"node twice":        {func(c *ledger.Content) { c.Nodes = append(c.Nodes, c.Nodes[2]) }, "content.nodes[3]"},
		"order of jobs": {func(c *ledger.Content) {
			w := c.Nodes[0].Work
			w[0], w[1] = w[1], w[0]
		}, "content.nodes[0].work[1]"},
		"order of lines": {func(c *ledger.Content) { c.Statements[0], c.Statements[1] = c.Statements[1], c.Statements[0] }, "content.statements[1]"},
		"standing":       {func(c *ledger.Content) { c.Nodes[0].Standing.Permille = 1 }, "content"},
		"scarcity":       {func(c *ledger.Content) { c.Params.Scarce["DE"] = 1 }, "content.statements[0].scarcity_permille"},
		"formula":        {func(c *ledger.Content) { c.Params.Formula = 2 }, "content"},
		"shorter epoch":  {func(c *ledger.Content) { c.End = c.Start.Add(time.Second) }, "].online_seconds"},
		"backwards":      {func(c *ledger.Content) { c.End = c.Start.Add(-time.Second) }, "content.end"},
		"epoch 0":        {func(c *ledger.Content) { c.Epoch = 0 }, "content.epoch"},
		"kind":           {func(c *ledger.Content) { c.Kind = "other" }, "content.kind"},
	} {
		t.Run(name, func(t *testing.T) {
			f := sample(t)
			c.lie(&f.Content)
			reseal(t, f)
			r := f.Verify(ledger.VerifyOptions{})
			if !mentions(r, c.where) {
				t.Errorf("nothing about %s in %+v", c.where, r.Problems)
			}
		})
	}
}

// agreed is the one earlier receipt in the sample that both signed.
func agreed(c *ledger.Content) *ledger.Entry {
	for _, n := range c.Nodes {
		for _, w := range n.Work {
			if w.Agreed != nil {
				return w.Agreed
			}
		}
	}
	panic("the sample has lost its vanished node")
}

func mentions(r ledger.Report, where string) bool {
	for _, p := range r.Problems {
		if strings.HasSuffix(p.Where, where) {
			return true
		}
	}
	return false
}

func TestSealIsChecked(t *testing.T) {
	f := sample(t)
	f.Hash[0] ^= 1
	if r := f.Verify(ledger.VerifyOptions{}); !mentions(r, "hash") || !mentions(r, "signature") {
		t.Errorf("hash: %+v", r.Problems)
	}
	f = sample(t)
	f.Signature[5] ^= 1
	if r := f.Verify(ledger.VerifyOptions{}); !mentions(r, "signature") {
		t.Errorf("signature: %+v", r.Problems)
	}
	f = sample(t)
	f.Signature = nil
	if r := f.Verify(ledger.VerifyOptions{}); !mentions(r, "signature") {
		t.Errorf("no signature: %+v", r.Problems)
	}
	other := wire.KeyOf(private(8))
	if r := sample(t).Verify(ledger.VerifyOptions{RouterKey: &other}); !mentions(r, "content.router") {
		t.Errorf("another router: %+v", r.Problems)
	}
}

func TestPreviousEpochIsChecked(t *testing.T) {
	first := sample(t)
	before := make(map[wire.Key]ledger.MicroPoints)
	for _, s := range first.Content.Statements {
		before[s.Node] = s.Cumulative
	}
	e := ledger.Epoch{Number: 8, Start: first.Content.End, End: first.Content.End.Add(time.Hour), Params: ledger.DefaultParams()}
	next := func(e ledger.Epoch) ledger.Report {
		f, err := ledger.NewFile(e, nil, before, private(1))
		if err != nil {
			t.Fatal(err)
		}
		return f.Verify(ledger.VerifyOptions{Previous: first})
	}
	if r := next(e); !r.Valid() {
		t.Fatalf("%+v", r.Problems)
	}
	e.Start = e.Start.Add(time.Second)
	if r := next(e); !mentions(r, "content.start") {
		t.Errorf("gap: %+v", r.Problems)
	}
	e.Number = 9
	if r := next(e); !mentions(r, "content.epoch") {
		t.Errorf("number: %+v", r.Problems)
	}
	e.Number, e.Start = 8, first.Content.End
	before[first.Content.Statements[0].Node]++
	if r := next(e); !mentions(r, "].cumulative") {
		t.Errorf("inflated: %+v", r.Problems)
	}
	delete(before, first.Content.Statements[0].Node)
	if r := next(e); !mentions(r, "content.statements") {
		t.Errorf("forgotten: %+v", r.Problems)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	f := sample(t)
	for range 300 {
		f.Content.Statements = append(f.Content.Statements, f.Content.Statements[0])
	}
	r := f.Verify(ledger.VerifyOptions{})
	if len(r.Problems) != 100 || r.Omitted < 200 {
		t.Fatalf("%d problems, %d omitted", len(r.Problems), r.Omitted)
	}
}
