package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/mr-tron/base58"
)

// Key is the Ed25519 public key of a node or a router. Its text form is
// base58, which makes it a Solana address too; libp2p's peer id is a second
// spelling of the same key and appears only inside multiaddrs.
type Key [ed25519.PublicKeySize]byte

// ErrKey says that something is not an Ed25519 public key.
var ErrKey = errors.New("not an Ed25519 public key")

// String is the base58 form, 32 to 44 characters.
func (k Key) String() string { return base58.Encode(k[:]) }

// IsZero reports whether k was never set.
func (k Key) IsZero() bool { return k == Key{} }

// MarshalText is String, so that a Key in JSON is base58.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(text []byte) error {
	parsed, err := ParseKey(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}

// ParseKey reads the base58 form. The error wraps ErrKey.
func ParseKey(s string) (Key, error) {
	var k Key
	if len(s) > 44 {
		return k, fmt.Errorf("%w: %d characters", ErrKey, len(s))
	}
	raw, err := base58.Decode(s)
	if err != nil || len(raw) != len(k) {
		return k, fmt.Errorf("%w: %q", ErrKey, s)
	}
	copy(k[:], raw)
	return k, nil
}

// KeyOf is the public half of an Ed25519 private key.
func KeyOf(private ed25519.PrivateKey) Key {
	return Key(private.Public().(ed25519.PublicKey))
}

// KeyFromPeer reads the key out of a libp2p peer id. Ids that only hash a key
// (RSA and the like) are refused with ErrKey.
func KeyFromPeer(id peer.ID) (Key, error) {
	var k Key
	public, err := id.ExtractPublicKey()
	if err != nil {
		return k, fmt.Errorf("%w: peer %s: %w", ErrKey, id, err)
	}
	if public.Type() != crypto.Ed25519 {
		return k, fmt.Errorf("%w: peer %s has a key of type %s", ErrKey, id, public.Type())
	}
	raw, err := public.Raw()
	if err != nil {
		return k, fmt.Errorf("%w: peer %s: %w", ErrKey, id, err)
	}
	copy(k[:], raw)
	return k, nil
}

// PeerID is the libp2p spelling of k. Every 32 bytes have one, so it does not
// say that k is a point on the curve; only a handshake or a signature does.
func (k Key) PeerID() peer.ID {
	public, err := crypto.UnmarshalEd25519PublicKey(k[:])
	if err != nil {
		panic("wire: 32 bytes refused as an Ed25519 key: " + err.Error())
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		panic("wire: peer id of an Ed25519 key: " + err.Error())
	}
	return id
}

func (k Key) verify(message, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(k[:], message, signature)
}
