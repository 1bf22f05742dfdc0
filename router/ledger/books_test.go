package ledger_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

// The same receipts in any order, in batches of any size, some twice, some
// lost and sent again, give the same epoch to the byte.
func TestAnyDeliveryIsTheSame(t *testing.T) {
	var receipts []wire.Receipt
	for node := range byte(6) {
		w := worker{private(1), private(20 + node), 1}
		for _, job := range []string{"j-1", "j-2"} {
			for sequence := uint64(1); sequence <= 5; sequence++ {
				c := ledger.Counts{BytesDown: sequence * 1000 * uint64(node+1), BytesUp: sequence * 7}
				receipts = append(receipts, w.receipt(job, sequence, c, false))
				if sequence < 5 || node%2 == 0 {
					receipts = append(receipts, w.receipt(job, sequence, c, true))
				}
			}
		}
		receipts = append(receipts, w.receipt("", 1, ledger.Counts{OnlineSeconds: 30 + uint64(node)}, true))
	}
	rng := rand.New(rand.NewPCG(7, 8))
	var want []byte
	for range 12 {
		d, ctx := openDesk(t), t.Context()
		if _, err := d.Current(ctx); err != nil {
			t.Fatal(err)
		}
		list := append(append([]wire.Receipt{}, receipts...), receipts[:rng.IntN(len(receipts))]...)
		rng.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
		for len(list) > 0 {
			n := 1 + rng.IntN(min(9, len(list)))
			d.save(t, list[:n]...)
			if rng.IntN(3) == 0 {
				d.save(t, list[:n]...) // the answer was lost
			}
			list = list[n:]
		}
		d.shut(t, 1)
		d.verify(t, d.Ledger, 1)
		raw, err := os.ReadFile(d.Path(1))
		if err != nil {
			t.Fatal(err)
		}
		if want != nil && string(raw) != string(want) {
			t.Fatal("another delivery of the same receipts gave another epoch")
		}
		want = raw
	}
}

func TestLateReceiptsGoToTheNextEpoch(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500) // 1000 bytes counted
	w := worker{private(1), private(10), 1}
	late := w.receipt("j-1", 5, ledger.Counts{BytesDown: 1700}, true)
	if _, err := d.store.SaveLate(ctx, late); !errors.Is(err, store.ErrConflict) {
		t.Errorf("late for an open epoch: %v", err)
	}
	d.shut(t, 1)
	d.work(t, 2, 10)
	for i, want := range []uint64{700, 0} {
		if proven, err := d.store.SaveLate(ctx, late); err != nil || proven != want {
			t.Fatalf("time %d proves %d, want %d (%v)", i, proven, want, err)
		}
	}
	if proven, err := d.store.SaveLate(ctx, w.receipt("j-1", 6, ledger.Counts{BytesDown: 1800}, true)); err != nil || proven != 100 {
		t.Fatalf("a later one proves %d, %v", proven, err)
	}
	d.shut(t, 2)
	f := d.verify(t, d.Ledger, 2)
	if s := f.Statements[f.Find(w.node())]; s.BytesLate != 800 || len(f.Head.Notes) != 1 || f.Head.Notes[0].Kind != ledger.NoteLate {
		t.Errorf("%d bytes late, notes %+v", s.BytesLate, f.Head.Notes)
	}
	d.shut(t, 3)
	if f := d.verify(t, d.Ledger, 3); len(f.Statements) != 0 {
		t.Errorf("late bytes were paid twice: %+v", f.Statements)
	}
}

func TestChallengeIsPaidByTheNextEpoch(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	e := d.shut(t, 1)
	if e.Phase(d.now) != ledger.PhaseChallengeable || !e.SettleFrom.Equal(e.End.Add(72*time.Hour)) {
		t.Fatalf("%s, %+v", e.Phase(d.now), e)
	}
	stranger := wire.KeyOf(private(99))
	c, err := d.store.AddChallenge(ctx, store.Challenge{Epoch: 1, Node: stranger, At: d.now, Claim: "I was there"})
	if err != nil {
		t.Fatal(err)
	}
	after := d.now.Add(100 * time.Hour)
	if e, _ := d.store.Epoch(ctx, 1); e.Phase(after) != ledger.PhaseContested {
		t.Errorf("with a challenge it is %s", e.Phase(after))
	}
	if _, err := d.store.AddChallenge(ctx, store.Challenge{Epoch: 1, Node: stranger, At: after, Claim: "too late"}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("after the window: %v", err)
	}
	if _, err := d.store.DecideChallenge(ctx, c.ID, 5*ledger.Point, "it was", d.now); err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.DecideChallenge(ctx, c.ID, 9*ledger.Point, "again", d.now); !errors.Is(err, store.ErrConflict) {
		t.Errorf("decided twice: %v", err)
	}
	if e, _ := d.store.Epoch(ctx, 1); e.Phase(after) != ledger.PhaseSettleable {
		t.Errorf("decided it is %s", e.Phase(after))
	}
	d.work(t, 2, 500)
	d.shut(t, 2)
	f := d.verify(t, d.Ledger, 2)
	if s := f.Statements[f.Find(stranger)]; s.Correction != 5*ledger.Point || s.Amount != s.Correction || f.Head.Totals.Allocated() != f.Head.Params.Pool {
		t.Errorf("%+v, %+v", s, f.Head.Totals)
	}
	d.shut(t, 3)
	if f := d.verify(t, d.Ledger, 3); len(f.Head.Corrected) != 0 {
		t.Errorf("corrected twice: %+v", f.Head.Corrected)
	}
}

func TestDecisionsArePublishedOnce(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	node := wire.KeyOf(private(10))
	decision := ledger.Decision{Node: node, At: d.now, From: 1000, To: 400, Reason: wire.OperatorDecision, Because: "it forged pages"}
	if err := d.store.Decide(ctx, decision); err != nil {
		t.Fatal(err)
	}
	d.shut(t, 1)
	f := d.verify(t, d.Ledger, 1)
	if s := f.Statements[f.Find(node)]; len(f.Head.Decided) != 1 || !reflect.DeepEqual(f.Head.Decided[0], decision) || s.Standing != 400 {
		t.Errorf("%+v, %+v", f.Head.Decided, s)
	}
	d.shut(t, 2)
	if f := d.verify(t, d.Ledger, 2); len(f.Head.Decided) != 0 {
		t.Errorf("published twice: %+v", f.Head.Decided)
	}
}

func TestRoyalties(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	worked, away := wire.KeyOf(private(10)), wire.KeyOf(private(77))
	if err := d.store.SaveVersionRecords(ctx, "docs", 2, map[wire.Key]int64{worked: 1, away: 2}, 0); err != nil {
		t.Fatal(err)
	}
	sale := store.Sale{ID: "o-1", Dataset: "docs", Version: 2, Price: 1001, At: d.now}
	for range 3 {
		if err := d.store.SaveSale(ctx, sale); err != nil {
			t.Fatal(err)
		}
	}
	sale.Price++
	if err := d.store.SaveSale(ctx, sale); !errors.Is(err, store.ErrContradicts) {
		t.Errorf("the same order for another price: %v", err)
	}
	if err := d.store.SaveSale(ctx, store.Sale{ID: "o-2", Dataset: "unknown", Version: 1, Price: 50, At: d.now}); err != nil {
		t.Fatal(err)
	}
	// Of 80 base units after the fee a quarter is for one record, the rest nobody's.
	if err := d.store.SaveVersionRecords(ctx, "partly", 1, map[wire.Key]int64{away: 1}, 3); err != nil {
		t.Fatal(err)
	}
	if err := d.store.SaveSale(ctx, store.Sale{ID: "o-3", Dataset: "partly", Version: 1, Price: 100, At: d.now}); err != nil {
		t.Fatal(err)
	}
	d.shut(t, 1)
	f := d.verify(t, d.Ledger, 1)
	mine, theirs := f.Statements[f.Find(worked)], f.Statements[f.Find(away)]
	// Of 1001 the fee is 200; 801 go as 1 : 2. Nobody is known for the other.
	if mine.Royalty != 267 || theirs.Royalty != 534+20 || theirs.RoyaltyEver != 554 || theirs.Amount != 0 || f.Head.Totals.Unshared != 40+60 {
		t.Errorf("royalties %d and %d, %+v", mine.Royalty, theirs.Royalty, f.Head.Totals)
	}
	d.shut(t, 2)
	if f := d.verify(t, d.Ledger, 2); f.Head.Totals.RoyaltiesEver != 821 || len(f.Head.Sales) != 0 {
		t.Errorf("%+v", f.Head)
	}
	var owed ledger.TokenUnits
	if err := d.store.Balances(ctx, 2, func(b ledger.Balance) error { owed += b.Royalties; return nil }); err != nil || owed != 821 {
		t.Errorf("balances hold %d, %v", owed, err)
	}
}
