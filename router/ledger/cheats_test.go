package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

// Each test here plays one cheat of the table in FORMULA.md against nine honest
// nodes that carry 1 GB each and are online for the whole hour, and holds what
// it earns against what the table promises.
const gb = 1_000_000_000

func honest() []ledger.Statement {
	nodes := make([]ledger.Statement, 9)
	for i := range nodes {
		nodes[i] = did(byte(i+1), string('a'+rune(i)), gb, 3600)
	}
	return nodes
}

// earned is what the nodes beyond the honest ones earn together.
func earned(t *testing.T, cheats ...ledger.Statement) (carriage, availability ledger.MicroPoints) {
	t.Helper()
	all := append(honest(), cheats...)
	r := mustCompute(t, head(ledger.DefaultParams()), all)
	for i := len(honest()); i < len(all); i++ {
		carriage += r.Carriage[i]
		availability += r.Availability[i]
	}
	return carriage, availability
}

func keys(n int, make func(i int) ledger.Statement) []ledger.Statement {
	list := []ledger.Statement{}
	for i := range n {
		s := make(i)
		s.Node = wire.Key{200, byte(i >> 8), byte(i)}
		list = append(list, s)
	}
	return list
}

func TestCheatManyKeysBehindOneNetwork(t *testing.T) {
	_, one := earned(t, did(200, "farm", 0, 3600))
	_, farm := earned(t, keys(500, func(int) ledger.Statement { return did(0, "farm", 0, 3600) })...)
	if farm != one {
		t.Errorf("500 keys behind one /24 earn %s, one earns %s", farm, one)
	}
	// Nor does moving between the networks of others, one after the other.
	hopper := did(200, "", 0, 0)
	hopper.Presence = []ledger.Presence{{Clump: clump("a"), Seconds: 1200}, {Clump: clump("b"), Seconds: 1200}, {Clump: clump("c"), Seconds: 1200}}
	if _, hopped := earned(t, hopper); hopped > one {
		t.Errorf("moving through others' networks earns %s, staying in one's own %s", hopped, one)
	}
}

func TestCheatFarmOverManyNetworks(t *testing.T) {
	const networks = 40
	farm := keys(500, func(i int) ledger.Statement { return did(0, "farm"+string('A'+rune(i%networks)), 0, 3600) })
	carriage, availability := earned(t, farm...)
	all := append(honest(), farm...)
	r := mustCompute(t, head(ledger.DefaultParams()), all)
	if most := networks * r.Availability[0]; carriage != 0 || availability > most+networks {
		t.Errorf("500 keys over %d networks earn %s and %s, honest nodes would %s", networks, carriage, availability, most)
	}
}

func TestCheatSiteOfItsOwn(t *testing.T) {
	p := ledger.DefaultParams()
	colluder := did(200, "x", p.SiteCap, 3600)
	most, _ := earned(t, colluder)
	colluder.BytesSigned = 500 * gb
	colluder.Sites = []ledger.SiteBytes{{Site: clump("its own"), Bytes: 500 * gb}}
	if got, _ := earned(t, colluder); got != most {
		t.Errorf("500 GB from its own site earn %s, the cap's bytes %s", got, most)
	}
	// Without the cap it would earn nearly everything.
	p.SiteCap = 0
	colluder.Sites = nil
	all := append(honest(), colluder)
	if r := mustCompute(t, head(p), all); r.Carriage[9] < 40*most/10 {
		t.Errorf("without a cap it would earn %s: this test shows nothing", r.Carriage[9])
	}
}

// A receipt counts once, by its highest sequence, and only with the router's
// signature.
func TestCheatReceipts(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	w, other := worker{private(1), private(10), 1}, worker{private(1), private(11), 1}
	for range 20 { // replayed
		d.save(t, w.receipt("j-1", 1, ledger.Counts{BytesDown: 100}, true), w.receipt("j-1", 2, ledger.Counts{BytesDown: 200}, true),
			other.receipt("j-1", 1, ledger.Counts{BytesDown: 200}, true))
	}
	inflated := w.receipt("j-1", 2, ledger.Counts{BytesDown: 1 << 40}, true)
	d.save(t, inflated) // says nothing new: its sequence was there
	if err := d.store.SaveReceipt(ctx, w.receipt("j-1", 3, ledger.Counts{BytesDown: 150}, true)); !errors.Is(err, store.ErrContradicts) {
		t.Errorf("a counter that falls: %v", err)
	}
	d.shut(t, 1)
	f := d.verify(t, d.Ledger, 1)
	if f.Statements[0].Bytes() != 200 || f.Statements[0].Carriage != f.Statements[1].Carriage {
		t.Errorf("replayed receipts count as %d bytes", f.Statements[0].Bytes())
	}
	// One made up afterwards proves nothing without the router's signature, and
	// a genuine one that was paid proves nothing new.
	if proven, err := d.store.SaveLate(ctx, w.receipt("j-1", 2, ledger.Counts{BytesDown: 200}, true)); err != nil || proven != 0 {
		t.Errorf("a receipt that was paid proves %d bytes, %v", proven, err)
	}
	forged := ledger.Evidence{Node: w.node(), Work: []ledger.Work{{Job: "j-1", Counted: ledger.EntryOf(new(w.receipt("j-1", 9, ledger.Counts{BytesDown: 1 << 40}, true)))}}}
	forged.Work[0].Counted.RouterSig[0] ^= 1
	if forged.Check(wire.KeyOf(private(1)), 1) == nil {
		t.Error("a receipt that the router did not sign was taken for one")
	}
}

// A buyer that is its own node pays a price and gets part of it back: never more
// than what is left after the fee, and no points for having bought.
func TestCheatSelfDealing(t *testing.T) {
	h := head(ledger.DefaultParams())
	h.Sales = []ledger.Sale{{Dataset: "mine", Version: 1, Orders: 1, Price: 1_000_000, Fee: 200_000, Shared: 800_000}}
	all := append(honest(), did(200, "x", gb, 3600))
	without := mustCompute(t, head(h.Params), all)
	all[9].Shares = []ledger.Share{{Sale: 0, Records: 1000}}
	r := mustCompute(t, h, all)
	if r.Royalty[9] != 800_000 || r.Amount(9) != without.Amount(9) {
		t.Errorf("it paid 1000000, gets %d back and %s points instead of %s", r.Royalty[9], r.Amount(9), without.Amount(9))
	}
}

func TestCheatOnlineWithoutWork(t *testing.T) {
	carriage, availability := earned(t, did(200, "x", 0, 3600))
	if fair := ledger.DefaultParams().Pool * 200 / 1000 / 10; carriage != 0 || availability > fair+1 {
		t.Errorf("uptime alone earns %s and %s, a fair share of availability is %s", carriage, availability, fair)
	}
}

// Whatever clocks say, nobody was online for longer than the router ran.
func TestCheatClocks(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forwards": 1000 * time.Hour, "backwards": -1000 * time.Hour, "not": 0} {
		t.Run(name, func(t *testing.T) {
			d, ctx := openDesk(t), t.Context()
			if _, err := d.Current(ctx); err != nil {
				t.Fatal(err)
			}
			w := worker{private(1), private(10), 1}
			err := d.store.SaveCounts(ctx, store.Counts{
				Receipts: []wire.Receipt{w.receipt("", 1, ledger.Counts{OnlineSeconds: 5_000_000}, true)},
				Places:   []store.Place{{Node: w.node(), Epoch: 1, Presence: []ledger.Presence{{Clump: clump("a"), Seconds: 5_000_000}}}},
				Epoch:    1, Ran: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			d.now = d.now.Add(time.Hour + jump)
			if _, err := d.Close(ctx, 1); err != nil {
				t.Fatal(err)
			}
			f := d.verify(t, d.Ledger, 1)
			if got := f.Statements[0].Online(); got != 3600 {
				t.Errorf("online for %d seconds of an hour", got)
			}
			noted := len(f.Head.Notes) == 1 && f.Head.Notes[0].Kind == ledger.NoteClock
			if noted != (name == "backwards") {
				t.Errorf("notes: %+v", f.Head.Notes)
			}
		})
	}
}

// A node that takes only what it likes carries less, and those that carry the
// rest earn what it does not.
func TestCheatSelectiveRefusal(t *testing.T) {
	all, _ := earned(t, did(200, "x", gb, 3600))
	half, _ := earned(t, did(200, "x", gb/2, 3600))
	if half > all/2+all/10 {
		t.Errorf("refusing half of the work earns %s of %s", half, all)
	}
	choosy := append(honest(), did(200, "x", gb/2, 3600))
	fair := append(honest(), did(200, "x", gb, 3600))
	p := head(ledger.DefaultParams())
	if mustCompute(t, p, choosy).Carriage[0] <= mustCompute(t, p, fair).Carriage[0] {
		t.Error("the others earn nothing for what it refused")
	}
}

// A key that earned once costs later files nothing, and finds what it had when
// it comes back.
func TestOneTimersLeaveNoLine(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	once := worker{private(1), private(90), 1}
	d.work(t, 1, 1_000_000)
	d.save(t, once.receipt("j-1", 1, ledger.Counts{BytesDown: 1}, true))
	d.shut(t, 1)
	first := d.verify(t, d.Ledger, 1)
	had := first.Statements[first.Find(once.node())].Ever
	if had == 0 {
		t.Fatal("one byte earned nothing; this test shows nothing")
	}
	for number := uint64(2); number <= 4; number++ {
		d.work(t, number, 1000)
		d.shut(t, number)
		if f := d.verify(t, d.Ledger, number); f.Find(once.node()) >= 0 || len(f.Statements) != 2 {
			t.Fatalf("epoch %d has %d statements", number, len(f.Statements))
		}
	}
	if b, last, err := d.store.Balance(ctx, once.node()); err != nil || b.Points != had || last != 1 {
		t.Fatalf("%+v of epoch %d, %v; want %s", b, last, err, had)
	}
	once.epoch = 5
	d.save(t, once.receipt("j-1", 1, ledger.Counts{BytesDown: 1}, true))
	d.shut(t, 5)
	f := d.verify(t, d.Ledger, 5)
	if s := f.Statements[f.Find(once.node())]; s.Ever != had+s.Amount {
		t.Errorf("it had %s, earned %s and has %s", had, s.Amount, s.Ever)
	}
}
