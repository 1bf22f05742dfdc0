package wire

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
)

// ErrPayoutProof says that a payout address has not agreed to being one.
var ErrPayoutProof = errors.New("the payout address has not signed for this node")

// PayoutText is what the owner of a Solana address signs to have a node's
// payouts sent there. It names both, so that it is of no use for another node.
func PayoutText(node, address Key) string {
	return "Fallow payout v1: send the payouts of node " + node.String() + " to " + address.String()
}

// VerifyPayout checks proof, a signature of address over PayoutText. It may
// cover the bare text or, as wallets and solana sign-offchain-message do, the
// text within Solana's off-chain message, with either of its headers. The error
// is ErrPayoutProof.
func VerifyPayout(node, address Key, proof []byte) error {
	text := PayoutText(node, address)
	for _, message := range [][]byte{[]byte(text), offchain(text), offchainSigners(address, text)} {
		if address.verify(message, proof) {
			return nil
		}
	}
	return ErrPayoutProof
}

// SignPayout is the proof for a node, by the key of the address.
func SignPayout(node Key, address ed25519.PrivateKey) []byte {
	return ed25519.Sign(address, offchain(PayoutText(node, KeyOf(address))))
}

// offchainDomain begins with a byte that no Solana transaction begins with, so
// that a signature over it can move no money.
const offchainDomain = "\xffsolana offchain"

// offchain is text as the Solana command line signs it: domain, version 0,
// format 0 (printable ASCII), length in little-endian, text.
func offchain(text string) []byte {
	b := append([]byte(offchainDomain), 0, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// offchainSigners is the same with the longer header of the specification, which
// hardware wallets sign: an application domain (none: 32 zeros) and the signers.
func offchainSigners(signer Key, text string) []byte {
	b := append([]byte(offchainDomain), 0)
	b = append(b, make([]byte, 32)...)
	b = append(b, 0, 1)
	b = append(b, signer[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
