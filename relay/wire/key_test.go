package wire_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/fallow-network/fallow/relay/wire"
)

func TestKeySpellings(t *testing.T) {
	key := wire.KeyOf(nodeKey)
	parsed, err := wire.ParseKey(key.String())
	if err != nil || parsed != key {
		t.Errorf("parse(string) = %v, %v", parsed, err)
	}
	fromPeer, err := wire.KeyFromPeer(key.PeerID())
	if err != nil || fromPeer != key {
		t.Errorf("from peer id = %v, %v", fromPeer, err)
	}
	raw, err := json.Marshal(map[string]wire.Key{"node": key})
	if err != nil || !strings.Contains(string(raw), key.String()) {
		t.Errorf("json %s, %v", raw, err)
	}
	for _, bad := range []string{"", "0OIl", key.String() + "1", strings.Repeat("1", 1000), "So1"} {
		if _, err := wire.ParseKey(bad); !errors.Is(err, wire.ErrKey) {
			t.Errorf("parsed %q: %v", bad, err)
		}
	}
}

func TestKeyOfForeignPeers(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, public, err := crypto.KeyPairFromStdKey(private)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.KeyFromPeer(id); !errors.Is(err, wire.ErrKey) {
		t.Errorf("an RSA peer has a key: %v", err)
	}
}

func TestReasonText(t *testing.T) {
	for _, r := range []wire.Reason{wire.OK, wire.TLSSNIMismatch, wire.TLSForged, wire.Reason(9999)} {
		text, _ := r.MarshalText()
		var back wire.Reason
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("%s came back as %v, %v", text, back, err)
		}
	}
	if got := wire.TLSSNIMismatch.String(); got != "tls_sni_mismatch" {
		t.Errorf("text is %q", got)
	}
	var r wire.Reason
	if err := r.UnmarshalText([]byte("no_such_reason")); err == nil {
		t.Error("an unknown reason was read")
	}
}
