package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
)

func TestRootTravels(t *testing.T) {
	root := &wire.Root{Router: wire.KeyOf(routerKey), Epoch: 3, Nodes: 12, Tree: [32]byte{1}, File: [32]byte{2}}
	root.Sign(routerKey)
	opened, err := wire.OpenRoot(root.Encode(), root.Signature)
	if err != nil || !reflect.DeepEqual(opened, root) {
		t.Errorf("opened %+v (%v), sent %+v", opened, err, root)
	}
	if _, err := wire.OpenRoot(root.Encode(), ed25519.Sign(nodeKey, root.Encode())); !errors.Is(err, wire.ErrRootSignature) {
		t.Errorf("signed by somebody else: %v", err)
	}
	if _, err := wire.OpenRoot(root.Encode()[1:], root.Signature); !errors.Is(err, wire.ErrStatementMalformed) {
		t.Errorf("cut: %v", err)
	}
}

func TestLeafTravels(t *testing.T) {
	leaf := &wire.Leaf{Epoch: 3, Node: wire.KeyOf(nodeKey), Amount: 5, Cumulative: 9}
	decoded, err := wire.DecodeLeaf(leaf.Encode())
	if err != nil || *decoded != *leaf {
		t.Errorf("decoded %+v (%v), sent %+v", decoded, err, leaf)
	}
	leaf.Cumulative = 4
	if _, err := wire.DecodeLeaf(leaf.Encode()); !errors.Is(err, wire.ErrStatementMalformed) {
		t.Errorf("less in all than in one epoch: %v", err)
	}
}

func FuzzStatement(f *testing.F) {
	root := &wire.Root{Router: wire.KeyOf(routerKey), Epoch: 3, Nodes: 12}
	root.Sign(routerKey)
	leaf := &wire.Leaf{Epoch: 3, Amount: 5, Cumulative: 9}
	f.Add(root.Encode(), root.Signature)
	f.Add(leaf.Encode(), []byte{})
	f.Fuzz(func(t *testing.T, encoded, signature []byte) {
		if opened, err := wire.OpenRoot(encoded, signature); err == nil && !bytes.Equal(opened.Encode(), encoded) {
			t.Error("an accepted root has a second encoding")
		}
		if decoded, err := wire.DecodeLeaf(encoded); err == nil && !bytes.Equal(decoded.Encode(), encoded) {
			t.Error("an accepted leaf has a second encoding")
		}
	})
}
