package store_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

func TestHighestSequenceWins(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	for _, r := range []wire.Receipt{
		receipt(2, 3, 300),
		receipt(2, 3, 300),       // once more
		receipt(2, 2, 200),       // late
		receipt(2, 3, 999),       // same sequence: no-op
		receipt(2, 1, 1_000_000), // late and wrong: still a no-op
	} {
		if err := s.SaveReceipt(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	last, err := s.LastReceipts(ctx, wire.KeyOf(private(2)))
	if err != nil || len(last) != 1 || !reflect.DeepEqual(last[0], receipt(2, 3, 300)) {
		t.Fatalf("%+v, %v", last, err)
	}
	if err := last[0].VerifyRouter(); err != nil {
		t.Fatal(err)
	}
}

func TestCountersignedIsNeverDisplaced(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	save := func(list ...wire.Receipt) {
		t.Helper()
		for _, r := range list {
			if err := s.SaveReceipt(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	work := func() ledger.Work {
		t.Helper()
		var all []ledger.Evidence
		err := s.EachEvidence(ctx, 1, func(e ledger.Evidence) error { all = append(all, e); return nil })
		if err != nil || len(all) != 1 || len(all[0].Work) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		// What is added up along the way is what the receipts add up to.
		inputs, err := s.EpochInputs(ctx, 1)
		if err != nil || len(inputs.Statements) != 1 {
			t.Fatalf("%+v, %v", inputs, err)
		}
		if st, sum := inputs.Statements[0], all[0].Sum(); st.BytesSigned != sum.Signed || st.BytesUnsigned != sum.Unsigned {
			t.Fatalf("statement %+v, receipts %+v", st, sum)
		}
		return all[0].Work[0]
	}
	entry := func(r wire.Receipt) ledger.Entry { return ledger.EntryOf(&r) }

	save(receipt(2, 1, 100))
	if w := work(); !reflect.DeepEqual(w.Counted, entry(receipt(2, 1, 100))) || w.Agreed != nil {
		t.Fatalf("proposed: %+v", w)
	}
	save(countersigned(2, 1, 100))
	if w := work(); !reflect.DeepEqual(w.Counted, entry(countersigned(2, 1, 100))) || w.Agreed != nil {
		t.Fatalf("agreed: %+v", w)
	}
	save(receipt(2, 2, 200), receipt(2, 3, 300), countersigned(2, 2, 200)) // the answer is late
	if w := work(); w.Counted.Sequence != 3 || w.Agreed == nil || !reflect.DeepEqual(*w.Agreed, entry(countersigned(2, 2, 200))) {
		t.Fatalf("ahead of the answer: %+v", w)
	}
	save(countersigned(2, 5, 500), countersigned(2, 4, 400))
	if w := work(); w.Counted.Sequence != 5 || len(w.Counted.NodeSig) == 0 || w.Agreed != nil {
		t.Fatalf("agreed again: %+v", w)
	}
	list, err := s.Receipts(ctx, 1)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], countersigned(2, 5, 500)) {
		t.Fatalf("%+v, %v", list, err)
	}
}

func TestRefusedReceipts(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	for _, r := range []wire.Receipt{countersigned(2, 4, 400), receipt(2, 5, 500)} {
		if err := s.SaveReceipt(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(r wire.Receipt, change func(*wire.Receipt)) wire.Receipt {
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r    wire.Receipt
		want error
	}{
		"counter fell":          {receipt(2, 6, 499), store.ErrContradicts},
		"another router":        {changed(receipt(2, 6, 600), func(r *wire.Receipt) { r.Router = wire.Key{9} }), store.ErrContradicts},
		"agreed to other bytes": {countersigned(2, 5, 501), store.ErrContradicts},
		"unknown epoch":         {changed(receipt(2, 6, 600), func(r *wire.Receipt) { r.Epoch = 2 }), ledger.ErrNoEpoch},
		"unsigned":              {changed(receipt(2, 6, 600), func(r *wire.Receipt) { r.RouterSig = nil }), store.ErrInvalid},
		"malformed":             {changed(receipt(2, 6, 600), func(r *wire.Receipt) { r.OnlineSeconds = 1 }), store.ErrInvalid},
	} {
		if err := s.SaveReceipt(ctx, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	list, err := s.Receipts(ctx, 1)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], receipt(2, 5, 500)) {
		t.Fatalf("a refused receipt left something behind: %+v, %v", list, err)
	}
}

func TestClosedEpochTakesNothing(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	if err := s.SaveReceipt(ctx, receipt(2, 1, 100)); err != nil {
		t.Fatal(err)
	}
	startEpoch(t, s, 2)
	if err := s.SaveReceipt(ctx, receipt(2, 2, 200)); !errors.Is(err, ledger.ErrEpochClosed) {
		t.Errorf("while closing: %v", err)
	}
	d := store.Dispute{Node: wire.KeyOf(private(2)), Epoch: 1, Job: "j-1"}
	if err := s.AppendDispute(ctx, d); !errors.Is(err, ledger.ErrEpochClosed) {
		t.Errorf("dispute while closing: %v", err)
	}
	if err := s.CloseEpoch(ctx, ledger.Epoch{Number: 1}, new(ledger.File)); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveReceipt(ctx, receipt(2, 2, 200)); !errors.Is(err, ledger.ErrEpochClosed) {
		t.Errorf("when closed: %v", err)
	}
	if last, err := s.LastReceipts(ctx, wire.KeyOf(private(2))); err != nil || len(last) != 0 {
		t.Errorf("receipts of a closed epoch as the latest: %+v, %v", last, err)
	}
}

func TestDisputes(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	if err := s.SaveReceipt(ctx, receipt(2, 1, 100)); err != nil {
		t.Fatal(err)
	}
	for sequence := range uint64(store.MaxDisputes + 10) {
		d := store.Dispute{Node: wire.KeyOf(private(2)), Epoch: 1, Job: "j-1", Dispute: ledger.Dispute{
			Sequence: sequence, RouterCounts: ledger.Counts{BytesDown: 100}, NodeCounts: ledger.Counts{BytesDown: 90}, Reason: wire.ReceiptDisputed, At: noon,
		}}
		for range 2 {
			if err := s.AppendDispute(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	list, err := s.Disputes(ctx, 1)
	if err != nil || len(list) != store.MaxDisputes || list[0].Sequence != 10 || list[0].NodeCounts.BytesDown != 90 || !list[0].At.Equal(noon) {
		t.Fatalf("%d disputes, first %+v, %v", len(list), list[0], err)
	}
	inputs, err := s.EpochInputs(ctx, 1)
	if err != nil || len(inputs.Statements) != 1 || inputs.Statements[0].BytesDisputed != 100 || inputs.Statements[0].BytesUnsigned != 0 {
		t.Fatalf("%+v, %v", inputs, err)
	}
}

func TestFullDisk(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	if err := s.LimitPages(ctx, 1); err != nil { // SQLite takes the present size for the limit
		t.Fatal(err)
	}
	saved := 0
	var err error
	for ; err == nil && saved < 100_000; saved++ {
		r := receipt(2, 1, 100)
		r.Job = "j-" + strings.Repeat("x", 40) + strconv.Itoa(saved)
		r.SignRouter(private(1))
		err = s.SaveReceipt(ctx, r)
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("after %d receipts: %v", saved, err)
	}
	if err := s.LimitPages(ctx, 1_000_000); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveReceipt(ctx, receipt(2, 1, 100)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if list, err := s.Receipts(ctx, 1); err != nil || len(list) != saved {
		t.Fatalf("%d receipts of %d, %v", len(list), saved, err)
	}
}

func TestSaveReceiptsIsAllOrNone(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	if err := s.SaveReceipts(ctx, []wire.Receipt{countersigned(2, 1, 100), receipt(3, 1, 100)}); err != nil {
		t.Fatal(err)
	}
	fell := []wire.Receipt{receipt(2, 2, 200), receipt(3, 2, 99)}
	if err := s.SaveReceipts(ctx, fell); !errors.Is(err, store.ErrContradicts) {
		t.Fatalf("one counter fell: %v", err)
	}
	list, err := s.LastReceipts(ctx, wire.KeyOf(private(2)))
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], countersigned(2, 1, 100)) {
		t.Fatalf("the other one was stored: %+v, %v", list, err)
	}
}
