package store_test

import (
	"crypto/ed25519"
	"errors"
	"reflect"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/store"
)

func TestHalts(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	if h, err := s.Halt(ctx); h != nil || err != nil {
		t.Fatalf("%+v, %v", h, err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signed := func(sequence uint64, stops ...wire.Stop) *wire.Halt {
		h := &wire.Halt{Router: wire.KeyOf(key), Sequence: sequence, At: noon, Stops: stops}
		if err := h.Sign(key); err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := signed(1, wire.Stop{Scope: wire.HaltAll, Reason: "a fault"})
	lifted := signed(2)
	for _, h := range []*wire.Halt{first, lifted} {
		if err := s.AppendHalt(ctx, h); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Halt(ctx); err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%+v, want %+v (%v)", got, h, err)
		}
	}
	if err := s.AppendHalt(ctx, signed(2)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a sequence twice: %v", err)
	}
}

func TestPayoutOfANode(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	n := store.Node{Key: wire.Key{1}, LastSeen: noon}
	for _, payout := range []wire.Key{{}, {9}, {}} {
		n.Payout = payout
		if err := s.SeeNode(ctx, n); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Node(ctx, n.Key); err != nil || got.Payout != payout {
			t.Errorf("payout %s, want %s (%v)", got.Payout, payout, err)
		}
	}
	n.Payout = wire.Key{9}
	if err := s.SeeNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	if err := s.SeeNode(ctx, store.Node{Key: wire.Key{2}, LastSeen: noon}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Payouts(ctx); err != nil || !reflect.DeepEqual(got, map[wire.Key]wire.Key{{1}: {9}}) {
		t.Errorf("payouts %v (%v)", got, err)
	}
}
