package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// The bytes are written out here as FORMULA.md has them, so that a leaf cannot
// change by accident: roots of it are on a chain.
func TestLeafOfABalance(t *testing.T) {
	b := ledger.Balance{Points: 3, Royalties: 4}
	b.Node[0], b.Payout[0] = 1, 2
	raw := []byte("\x00fallow-balance-v1\n")
	raw = append(raw, 0, 0, 0, 0, 0, 0, 0, 9)
	raw = append(append(raw, 1), make([]byte, 31)...)
	raw = append(append(raw, 2), make([]byte, 31)...)
	raw = append(raw, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4)
	want := sha256.Sum256(raw)
	if got := b.Leaf(9).String(); got != hex.EncodeToString(want[:]) {
		t.Errorf("leaf is %s, want %x", got, want)
	}
	other := b
	other.Payout = wire.Key{}
	if other.Leaf(9) == b.Leaf(9) {
		t.Error("the leaf does not cover the payout address")
	}
}
