package payout_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/wire"
)

func TestPayoutIsKept(t *testing.T) {
	dir := t.TempDir()
	node := wire.Key{1}
	wallet := ed25519.NewKeyFromSeed([]byte(strings.Repeat("w", 32)))
	if a, err := payout.Load(dir, node); err != nil || !a.IsZero() {
		t.Errorf("nothing stored: %+v, %v", a, err)
	}
	a := payout.Address{Key: wire.KeyOf(wallet), Proof: wire.SignPayout(node, wallet)}
	if err := payout.Save(dir, node, a); err != nil {
		t.Fatal(err)
	}
	if got, err := payout.Load(dir, node); err != nil || got.Key != a.Key {
		t.Errorf("stored %+v, loaded %+v, %v", a, got, err)
	}
	if _, err := payout.Load(dir, wire.Key{2}); !errors.Is(err, payout.ErrFile) {
		t.Errorf("another identity: %v", err)
	}
	if err := payout.Save(dir, node, payout.Address{}); err != nil {
		t.Fatal(err)
	}
	if got, err := payout.Load(dir, node); err != nil || !got.IsZero() {
		t.Errorf("removed: %+v, %v", got, err)
	}
}

func TestNothingWithoutProof(t *testing.T) {
	dir := t.TempDir()
	node := wire.Key{1}
	for name, a := range map[string]payout.Address{
		"no proof":      {Key: wire.Key{9}},
		"another's":     {Key: wire.Key{9}, Proof: make([]byte, 64)},
		"not for these": {Key: wire.Key{9}, Proof: wire.SignPayout(wire.Key{2}, ed25519.NewKeyFromSeed(make([]byte, 32)))},
	} {
		if err := payout.Save(dir, node, a); !errors.Is(err, wire.ErrPayoutProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, payout.FileName), []byte(`{"version":1,"address":"11111111111111111111111111111111","proof":""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := payout.Load(dir, node); !errors.Is(err, payout.ErrFile) {
		t.Errorf("a file without proof: %v", err)
	}
}
