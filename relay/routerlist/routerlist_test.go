package routerlist_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/relay/routerlist"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

func newKey(t *testing.T) wire.Key {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Key(public)
}

func at(key wire.Key, port int) string {
	return fmt.Sprintf("/ip4/203.0.113.7/tcp/%d/p2p/%s", port, key.PeerID())
}

func TestList(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if list, err := routerlist.Load(dir); err != nil || len(list) != 0 {
		t.Fatalf("without a file: %v, %v", list, err)
	}
	a, b := newKey(t), newKey(t)
	var list []string
	add := func(address string, home bool) {
		t.Helper()
		var err error
		if list, err = routerlist.Add(list, address, home); err != nil {
			t.Fatal(err)
		}
	}
	add(at(a, 1), false)
	add(at(b, 1), false)
	add(at(a, 2), false)
	if _, err := routerlist.Add(list, at(a, 1), false); !errors.Is(err, routerlist.ErrKnown) {
		t.Errorf("twice: %v", err)
	}
	add(at(b, 2), true)
	if want := []string{at(b, 2), at(b, 1), at(a, 1), at(a, 2)}; !slices.Equal(list, want) {
		t.Errorf("a new home: %v, want %v", list, want)
	}
	for _, wrong := range []string{"", "nonsense", "/ip4/203.0.113.7/tcp/1"} {
		if _, err := routerlist.Add(list, wrong, false); !errors.Is(err, uplink.ErrAddress) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := routerlist.Save(dir, list); err != nil {
		t.Fatal(err)
	}
	if back, err := routerlist.Load(dir); err != nil || !slices.Equal(back, list) {
		t.Errorf("read back %v, %v", back, err)
	}
	for which, left := range map[string]int{at(b, 1): 3, b.String(): 2, a.PeerID().String(): 2} {
		if rest, err := routerlist.Remove(list, which); err != nil || len(rest) != left {
			t.Errorf("remove %s: %v, %v", which, rest, err)
		}
	}
	if _, err := routerlist.Remove(list, newKey(t).String()); !errors.Is(err, routerlist.ErrUnknown) {
		t.Errorf("remove a stranger: %v", err)
	}
}

func TestListIsBounded(t *testing.T) {
	var list []string
	for n := range 9 {
		more, err := routerlist.Add(list, at(newKey(t), 1), false)
		if (err == nil) != (n < 8) {
			t.Fatalf("router %d: %v", n+1, err)
		}
		if err == nil {
			list = more
		}
	}
}

func TestFileThatIsNone(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"version":2}`, `{"version":1,"routers":["x"]}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, routerlist.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := routerlist.Load(dir); !errors.Is(err, routerlist.ErrFile) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
