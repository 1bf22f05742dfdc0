package tx_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/tx"
)

// example is a transaction of two signers with one memo.
func example() []byte {
	a, b := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
	message := []byte{2, 1, 1, 3}
	ka, kb := wire.KeyOf(a), wire.KeyOf(b)
	message = append(append(append(message, ka[:]...), kb[:]...), tx.MemoProgram[:]...)
	message = append(message, make([]byte, 32)...)
	message = append(message, 1, 2, 1, 1, 5)
	message = append(message, "hello"...)
	raw := append([]byte{2}, ed25519.Sign(a, message)...)
	return append(append(raw, ed25519.Sign(b, message)...), message...)
}

func TestParse(t *testing.T) {
	got, err := tx.Parse(example())
	if err != nil || len(got.Keys) != 3 || got.Memo() != "hello" || got.Account(got.Instructions[0], 0) != got.Keys[1] || !got.SignedBy(got.Keys[1]) || got.SignedBy(got.Keys[2]) {
		t.Fatalf("%+v %v", got, err)
	}
	for at := range example() {
		changed := example()
		changed[at] ^= 1
		if _, err := tx.Parse(changed); err == nil {
			t.Fatalf("byte %d changed, and it is taken", at)
		}
		if _, err := tx.Parse(example()[:at]); err == nil {
			t.Fatalf("the first %d bytes are taken", at)
		}
	}
}

// TestTokenAccount has an address that Solana's own derivation gives.
func TestTokenAccount(t *testing.T) {
	owner, mint := wire.Key{}, mustKey(t, "So11111111111111111111111111111111111111112")
	if got := tx.TokenAccount(owner, mint).String(); got != "aqxoAhCwpy3oB1BpNw9hL1HdLYLgPpbPjzxDrrQj3Fs" {
		t.Fatal(got)
	}
}

func mustKey(t *testing.T, text string) wire.Key {
	t.Helper()
	k, err := wire.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func FuzzParse(f *testing.F) {
	f.Add(example())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := tx.Parse(raw)
		if err != nil {
			return
		}
		for _, in := range got.Instructions {
			got.Account(in, 0)
			got.TransferOut(in, wire.Key{})
		}
		got.Memo()
	})
}
