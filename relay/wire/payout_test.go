package wire_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
)

// message lays an off-chain message out by hand, as the Solana tools do.
func message(t *testing.T, header, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, text...)
}

const offchainStart = "ff736f6c616e61206f6666636861696e" // 0xff, "solana offchain"

func TestPayoutProofs(t *testing.T) {
	node, payee := wire.KeyOf(nodeKey), wire.KeyOf(routerKey)
	text := wire.PayoutText(node, payee)
	length := hex.EncodeToString([]byte{byte(len(text)), byte(len(text) >> 8)})
	zeros := hex.EncodeToString(make([]byte, 32))
	for name, signed := range map[string][]byte{
		"bare text":                         []byte(text),
		"solana sign-offchain-message":      message(t, offchainStart+"00"+"00"+length, text),
		"the header that names the signers": message(t, offchainStart+"00"+zeros+"00"+"01"+hex.EncodeToString(payee[:])+length, text),
	} {
		if err := wire.VerifyPayout(node, payee, ed25519.Sign(routerKey, signed)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wire.VerifyPayout(node, payee, wire.SignPayout(node, routerKey)); err != nil {
		t.Errorf("our own proof: %v", err)
	}
}

func TestPayoutForged(t *testing.T) {
	node, payee := wire.KeyOf(nodeKey), wire.KeyOf(routerKey)
	proof := wire.SignPayout(node, routerKey)
	other := node
	other[0] ^= 1
	for name, err := range map[string]error{
		"for another node":         wire.VerifyPayout(other, payee, proof),
		"of another address":       wire.VerifyPayout(node, node, proof),
		"signed by the node alone": wire.VerifyPayout(node, payee, ed25519.Sign(nodeKey, []byte(wire.PayoutText(node, payee)))),
		"none":                     wire.VerifyPayout(node, payee, nil),
		"another text":             wire.VerifyPayout(node, payee, ed25519.Sign(routerKey, []byte("send everything"))),
	} {
		if !errors.Is(err, wire.ErrPayoutProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
