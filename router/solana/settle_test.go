//go:build chain

package solana_test

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana/svm"
	"github.com/fallow-network/fallow/router/store"
)

func decode64(text string) ([]byte, error) { return base64.StdEncoding.DecodeString(text) }

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestSettle pays two epochs, and every balance on the chain is what the ledger
// says to the unit.
func TestSettle(t *testing.T) {
	w := newTown(t, "settle")
	db := openStore(t, filepath.Join(t.TempDir(), "router.db"))
	b := &books{epochs: map[uint64][]settle.Due{}}
	for n := range 40 {
		if n%2 == 0 {
			w.open(t, w.node(n))
		}
		b.epochs[1] = append(b.epochs[1], settle.Due{Node: w.node(n), Points: settle.MicroPoints(1_000_000 + 777*n), Royalty: settle.Units(n)})
		b.epochs[2] = append(b.epochs[2], settle.Due{Node: w.node(n), Points: settle.MicroPoints(2_000_000 + 1777*n), Royalty: settle.Units(2 * n)})
	}
	s := newSettler(t, db, b, w.chain, payConfig(w))
	for epoch := range uint64(2) {
		report, err := s.Run(t.Context(), epoch+1)
		must(t, err)
		t.Logf("%+v", report)
		for n, d := range b.epochs[epoch+1] {
			want := settle.Units(d.Points*3/1000) + d.Royalty
			if got := w.holds(t, w.node(n)); got != want {
				t.Fatalf("epoch %d: node %d holds %d, earned %d", epoch+1, n, got, want)
			}
		}
	}
	r, err := s.Reconcile(t.Context(), 1)
	must(t, err)
	if len(r.Problems) > 0 || len(r.Ahead) > 0 || r.Unknown > 0 || r.Treasury+r.Units != treasuryUnits {
		t.Fatalf("%+v", r)
	}
	again, err := s.Run(t.Context(), 2)
	must(t, err)
	if again.Batches != 0 || again.Units != 0 {
		t.Fatalf("run again: %+v", again)
	}
}

// TestGiftToAMarker: lamports that a stranger sends to where a marker will be are
// no marker, and keep nobody from making it.
func TestGiftToAMarker(t *testing.T) {
	w := newTown(t, "gift")
	marker, err := w.chain.Marker(1)
	must(t, err)
	must(t, w.Fund(t.Context(), marker, 5_000_000))
	if _, exists, err := w.chain.Landed(t.Context(), 1); err != nil || exists {
		t.Fatalf("a gift is taken for a marker: %v %v", exists, err)
	}
	b := &books{epochs: map[uint64][]settle.Due{1: {{Node: w.node(1), Points: 1_000_000}}}}
	w.open(t, w.node(1))
	s := newSettler(t, openStore(t, filepath.Join(t.TempDir(), "router.db")), b, w.chain, payConfig(w))
	_, err = s.Run(t.Context(), 1)
	must(t, err)
	if got := w.holds(t, w.node(1)); got != 3000 {
		t.Fatalf("holds %d", got)
	}
}

// TestTrialIsCompared: what an endpoint says a transaction would move is held
// against what it shall, and nothing is signed that differs.
func TestTrialIsCompared(t *testing.T) {
	w := newTown(t, "trial")
	w.open(t, w.node(1))
	b := settle.Batch{Seq: 1, Kind: settle.KindPay, Memo: "trial", Payouts: []settle.Payout{{Address: w.node(1), Account: w.chain.Account(w.node(1)), Units: 5}}}
	must(t, w.Arm(t.Context(), svm.Fault{Kind: "wrongAmount", Times: 2}))
	if _, err := w.chain.Sign(t.Context(), b); !errors.Is(err, settle.ErrDisagree) {
		t.Fatalf("signed, or: %v", err)
	}
	_, err := w.chain.Sign(t.Context(), b)
	must(t, err)
}
