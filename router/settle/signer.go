package settle

import (
	"context"
	"crypto/ed25519"

	"github.com/fallow-network/fallow/relay/wire"
)

// Signer holds the treasury's key. One that asks a device or another process
// can stand in its place; it must sign the same message the same way each time,
// as Ed25519 does.
type Signer interface {
	Public() wire.Key
	Sign(ctx context.Context, message []byte) (signature []byte, err error)
}

// KeySigner signs with a key in memory, usually from a file.
type KeySigner struct{ Private ed25519.PrivateKey }

var _ Signer = KeySigner{}

// Public is the key's address.
func (s KeySigner) Public() wire.Key { return wire.KeyOf(s.Private) }

// Sign never fails.
func (s KeySigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.Private, message), nil
}
