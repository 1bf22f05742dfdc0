package sealed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/sealed"
	"github.com/fallow-network/fallow/relay/wire/identity"
)

var passphrase = []byte("correct horse Zoë")

func newIdentity(t testing.TB) identity.Identity {
	t.Helper()
	id, err := identity.LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func open(text, passphrase []byte) (identity.Identity, error) {
	d, err := sealed.Parse(text)
	if err != nil {
		return identity.Identity{}, err
	}
	return d.Open(passphrase)
}

func TestRoundTrip(t *testing.T) {
	id := newIdentity(t)
	text, err := sealed.Seal(id, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, id.Private.Seed()) || len(text) > sealed.MaxSize/2 {
		t.Errorf("document: %s", text)
	}
	for _, p := range []string{string(passphrase), "correct horse Zoe\u0308"} { // another keyboard's ë
		if back, err := open(text, []byte(p)); err != nil || !back.Private.Equal(id.Private) || back.Public != id.Public {
			t.Errorf("%q: %v, %v", p, back, err)
		}
	}
	if _, err := open(text, []byte("correct horse Zoe")); !errors.Is(err, sealed.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	if _, err := open(compact.Bytes(), passphrase); err != nil {
		t.Errorf("laid out in another way: %v", err)
	}
	for _, weak := range []string{"", "123456789", strings.Repeat("x", sealed.MaxPassphrase+1)} {
		if _, err := sealed.Seal(id, []byte(weak)); !errors.Is(err, sealed.ErrWeak) {
			t.Errorf("%d bytes of passphrase: %v", len(weak), err)
		}
	}
}

func TestTruncatedAnywhere(t *testing.T) {
	text, err := sealed.SealCheaply(newIdentity(t), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(bytes.TrimSpace(text)) {
		if _, err := sealed.Parse(text[:n]); !errors.Is(err, sealed.ErrNotSealed) {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
}

// No change of a value goes unnoticed, and each is told for what it is.
func TestAltered(t *testing.T) {
	id, other := newIdentity(t), newIdentity(t)
	text, err := sealed.SealCheaply(id, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(b []byte) []byte { b = bytes.Clone(b); b[0] ^= 1; return b }
	var fields struct{ Salt, Nonce, Check, Sealed []byte }
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	quoted := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	for _, tt := range []struct {
		from, to string
		want     error
	}{
		{quoted(fields.Salt), quoted(flipped(fields.Salt)), sealed.ErrPassphrase},
		{quoted(fields.Check), quoted(flipped(fields.Check)), sealed.ErrPassphrase},
		{`"time": 1`, `"time": 2`, sealed.ErrPassphrase},
		{quoted(fields.Nonce), quoted(flipped(fields.Nonce)), sealed.ErrAltered},
		{quoted(fields.Sealed), quoted(flipped(fields.Sealed)), sealed.ErrAltered},
		{quoted(id.Public), quoted(other.Public), sealed.ErrAltered},
		{quoted(fields.Sealed), quoted(fields.Sealed[1:]), sealed.ErrNotSealed},
		{`"time": 1`, `"time": 100`, sealed.ErrCost},
		{`"memory_kib": 8`, `"memory_kib": 4000000000`, sealed.ErrCost},
		{`"threads": 1`, `"threads": 0`, sealed.ErrCost},
		{`"version": 1`, `"version": 2`, sealed.ErrVersion},
		{`"kind"`, `"sort"`, sealed.ErrNotSealed},
		{`"version"`, `"more": 1, "version"`, sealed.ErrNotSealed},
		{"argon2id", "md5", sealed.ErrNotSealed},
	} {
		changed := strings.Replace(string(text), tt.from, tt.to, 1)
		if changed == string(text) {
			t.Fatalf("%s is not in it", tt.from)
		}
		if _, err := open([]byte(changed), passphrase); !errors.Is(err, tt.want) {
			t.Errorf("%s for %s: %v, want %v", tt.to, tt.from, err, tt.want)
		}
	}
	if _, err := sealed.Parse(append(bytes.Clone(text), text...)); !errors.Is(err, sealed.ErrNotSealed) {
		t.Errorf("two documents: %v", err)
	}
}

// Whatever the bytes are, reading them is cheap and ends in one of the errors,
// and what opens is the identity it says to be.
func FuzzParse(f *testing.F) {
	good, err := sealed.SealCheaply(newIdentity(f), passphrase)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"kind":"fallow-identity","version":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := sealed.Parse(text)
		if err != nil {
			if !errors.Is(err, sealed.ErrNotSealed) && !errors.Is(err, sealed.ErrVersion) && !errors.Is(err, sealed.ErrCost) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Contains(text, []byte(`"memory_kib": 8,`)) {
			return // dear to open
		}
		if id, err := d.Open(passphrase); err == nil && id.Public != d.Node() {
			t.Fatalf("opens as %s, says %s", id, d.Node())
		}
	})
}
