package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/fallow-network/fallow/router/ledger"
)

// The bytes are written out here as FORMULA.md has them, so that a leaf cannot
// change by accident: roots of it are on a chain.
func TestLeafOfAStatement(t *testing.T) {
	s := ledger.Statement{Amount: 2, Ever: 3, Royalty: 4, RoyaltyEver: 5}
	s.Node[0], s.Payout[0] = 1, 2
	raw := []byte("\x00fallow-statement-v1\n")
	raw = append(raw, 0, 0, 0, 0, 0, 0, 0, 9)
	raw = append(append(raw, 1), make([]byte, 31)...)
	raw = append(append(raw, 2), make([]byte, 31)...)
	for _, v := range []byte{2, 3, 4, 5} {
		raw = append(raw, 0, 0, 0, 0, 0, 0, 0, v)
	}
	want := sha256.Sum256(raw)
	if got := s.Leaf(9).String(); got != hex.EncodeToString(want[:]) {
		t.Errorf("leaf is %s, want %x", got, want)
	}
	own := s
	own.Payout = own.Node
	other := s
	other.Payout = [32]byte{}
	if other.Leaf(9) != own.Leaf(9) || other.Leaf(9) == s.Leaf(9) {
		t.Error("without a payout address the node's key stands in its place, and only then")
	}
}
