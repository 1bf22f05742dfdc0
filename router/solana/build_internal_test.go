package solana

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
)

func keyOf(n int) ed25519.PrivateKey {
	seed := make([]byte, 32)
	binary.LittleEndian.PutUint64(seed, uint64(n))
	return ed25519.NewKeyFromSeed(seed)
}

func offline(t testing.TB) *Chain {
	t.Helper()
	c, err := New(t.Context(), Config{Endpoints: []string{"http://a.test", "http://b.test"}, Mint: wire.Key{7}, Priority: 10},
		settle.KeySigner{Private: keyOf(1)}, settle.KeySigner{Private: keyOf(2)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSize compares the arithmetic with real transactions.
func TestSize(t *testing.T) {
	c, rng := offline(t), rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := settle.Batch{Seq: rng.Uint64N(1 << 40), Kind: settle.KindPay, Memo: strings.Repeat("m", rng.IntN(300))}
		if rng.IntN(4) == 0 {
			b.Kind = settle.KindCommit
		}
		for range rng.IntN(30) {
			address := wire.KeyOf(keyOf(rng.IntN(60)))
			b.Payouts = append(b.Payouts, settle.Payout{Address: address, Account: c.Account(address), Units: 5, New: rng.IntN(3) == 0})
		}
		tx, err := c.build(b, sol.Hash{1}, 1000, 890880)
		if err != nil {
			t.Fatal(err)
		}
		tx.Signatures = make([]sol.Signature, tx.Message.Header.NumRequiredSignatures)
		raw, err := tx.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if size, limit := c.Size(b); size != len(raw) || limit != 1232 {
			t.Fatalf("%d payouts: %d bytes, computed %d", len(b.Payouts), len(raw), size)
		}
	}
}

func TestMarkers(t *testing.T) {
	a, b := offline(t), offline(t)
	seen := map[string]bool{}
	for seq := range uint64(1000) {
		seed := a.markerSeed(seq)
		if len(seed) > sol.MaxSeedLength || seen[seed] || seed != b.markerSeed(seq) {
			t.Fatalf("seed of %d: %q", seq, seed)
		}
		seen[seed] = true
	}
}

func TestEndpoints(t *testing.T) {
	signer := settle.KeySigner{Private: keyOf(1)}
	for name, c := range map[string]Config{
		"none": {}, "one, and paying": {Endpoints: []string{"http://a.test"}, Mint: wire.Key{7}},
		"one twice": {Endpoints: []string{"http://a.test/", "http://a.test"}, Mint: wire.Key{7}}, "no URL": {Endpoints: []string{"a.test"}},
	} {
		if _, err := New(t.Context(), c, signer, signer); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
