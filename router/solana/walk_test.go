//go:build chain

package solana_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/dataset/cmd/fallow-data/paid"
	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

// TestStrangersWalk checks payouts as somebody does who has an epoch file and the
// address of an endpoint, and does not know the treasury.
func TestStrangersWalk(t *testing.T) {
	w := newTown(t, "walk")
	db := openStore(t, filepath.Join(t.TempDir(), "router.db"))
	b := &books{epochs: map[uint64][]settle.Due{}}
	for epoch := range settle.MicroPoints(3) {
		for n := range 9 {
			b.epochs[uint64(epoch)+1] = append(b.epochs[uint64(epoch)+1], settle.Due{
				Node: w.node(n), Address: w.node(wallet(n)), Points: (epoch + 1) * settle.MicroPoints(1_234_567+n), Royalty: settle.Units(n) * settle.Units(epoch),
			})
		}
	}
	s := newSettler(t, db, b, w.chain, payConfig(w))
	rpc, err := jsonrpc.New(w.Endpoint(7))
	must(t, err)
	claim := func(epoch uint64, n int) paid.Claim {
		e, err := b.Epoch(t.Context(), epoch)
		must(t, err)
		d := b.epochs[epoch][n]
		return paid.Claim{
			Router: wire.KeyOf(w.router), Epoch: epoch, Root: e.Root, File: e.File,
			Node: d.Node, Address: d.Address, Points: d.Points, Royalty: d.Royalty,
		}
	}
	if _, err := paid.Check(t.Context(), rpc, claim(1, 0)); !errors.Is(err, paid.ErrNoCommitment) {
		t.Fatalf("before anything: %v", err)
	}
	for epoch := uint64(1); epoch <= 2; epoch++ {
		_, err := s.Run(t.Context(), epoch)
		must(t, err)
		for n, d := range b.epochs[epoch] {
			r, err := paid.Check(t.Context(), rpc, claim(epoch, n))
			must(t, err)
			want := settle.Units(d.Points*3/1000) + d.Royalty
			if r.Owed != 0 || r.Paid != want || r.Earned != want || len(r.Payments) != int(epoch) || r.Treasury != wire.KeyOf(w.treasury) {
				t.Fatalf("epoch %d, node %d, earned %d: %+v", epoch, n, want, r)
			}
		}
	}
	if r, err := paid.Check(t.Context(), rpc, claim(1, 3)); err != nil || r.Owed >= 0 {
		t.Errorf("an old file, later epochs paid too: %+v %v", r, err)
	}
	unpaid := claim(2, 3)
	unpaid.Points += 1_000_000
	if r, err := paid.Check(t.Context(), rpc, unpaid); err != nil || r.Owed != 3_000 {
		t.Errorf("earned more than was paid: %+v %v", r, err)
	}
	forged := claim(2, 3)
	forged.Root[5]++
	if r, err := paid.Check(t.Context(), rpc, forged); !errors.Is(err, paid.ErrNoCommitment) || len(r.Others) != 1 {
		t.Errorf("another root: %+v %v", r, err)
	}
	other := claim(2, 3)
	other.Router = w.node(4)
	if _, err := paid.Check(t.Context(), rpc, other); !errors.Is(err, paid.ErrNoCommitment) {
		t.Errorf("another router: %v", err)
	}
}
