package halts_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/halts"
	"github.com/fallow-network/fallow/relay/wire"
)

var at = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string('a'+rune(seed)), ed25519.SeedSize)))
}

func open(t *testing.T, dir string, chosen ...wire.Key) *halts.Halts {
	t.Helper()
	h, err := halts.Open(dir, func() time.Time { return at.Add(time.Hour) })
	if err != nil {
		t.Fatal(err)
	}
	h.Choose(chosen)
	return h
}

func take(t *testing.T, h *halts.Halts, key ed25519.PrivateKey, sequence uint64, stops ...wire.Stop) (news bool) {
	t.Helper()
	halt := &wire.Halt{Router: wire.KeyOf(key), Sequence: sequence, At: at, Stops: stops}
	if err := halt.Sign(key); err != nil {
		t.Fatal(err)
	}
	news, err := h.Take(halt.Router, halt.Encode(), halt.Signature)
	if err != nil {
		t.Fatal(err)
	}
	return news
}

func TestWhatAHaltStops(t *testing.T) {
	a, b := newKey(1), newKey(2)
	mine, other := wire.KeyOf(a), wire.KeyOf(b)
	for name, test := range map[string]struct {
		stop                         wire.Stop
		router, job, anotherJob, any bool // still allowed: for the router, its job, another job, another router
	}{
		"all":    {wire.Stop{Scope: wire.HaltAll, Reason: "a fault"}, false, false, false, false},
		"router": {wire.Stop{Scope: wire.HaltRouter, Reason: "a fault"}, false, false, false, true},
		"job":    {wire.Stop{Scope: wire.HaltJob, Job: "j", Reason: "a fault"}, true, false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := open(t, dir, mine, other)
			if !take(t, h, a, 1, test.stop) {
				t.Error("no news")
			}
			check := func(h *halts.Halts) {
				t.Helper()
				for _, c := range []struct {
					router wire.Key
					job    string
					want   bool
				}{{mine, "", test.router}, {mine, "j", test.job}, {mine, "k", test.anotherJob}, {other, "j", test.any}, {other, "", test.any}} {
					v := h.Verdict(c.router, c.job)
					if v.OK != c.want {
						t.Errorf("router %s, job %q: allowed is %t", c.router, c.job, v.OK)
					}
					if !v.OK && (v.Reason != wire.Halted || !strings.Contains(v.Sentence, "a fault") || !strings.Contains(v.Sentence, mine.String()[:8])) {
						t.Errorf("verdict %+v", v)
					}
				}
			}
			check(h)
			check(open(t, dir, mine, other)) // after a restart
			if !take(t, h, a, 2) || !h.Verdict(mine, "j").OK || len(h.InForce()) != 0 {
				t.Error("not lifted")
			}
			if !open(t, dir, mine).Verdict(mine, "j").OK {
				t.Error("lifted, but not after a restart")
			}
		})
	}
}

func TestAnEarlierHaltIsNoNews(t *testing.T) {
	key := newKey(1)
	h := open(t, t.TempDir(), wire.KeyOf(key))
	take(t, h, key, 5, wire.Stop{Scope: wire.HaltRouter, Reason: "x"})
	if take(t, h, key, 4) || take(t, h, key, 5) {
		t.Error("an earlier halt lifted a later one")
	}
	if h.Verdict(wire.KeyOf(key), "").OK {
		t.Error("allowed")
	}
}

func TestOnlyChosenRoutersStop(t *testing.T) {
	key := newKey(1)
	dir := t.TempDir()
	h := open(t, dir, wire.KeyOf(key))
	take(t, h, key, 1, wire.Stop{Scope: wire.HaltAll, Reason: "x"})
	h.Choose(nil)
	if !h.Verdict(wire.KeyOf(newKey(2)), "").OK {
		t.Error("a router that is not chosen stops the node")
	}
	h.Choose([]wire.Key{wire.KeyOf(key)})
	if h.Verdict(wire.KeyOf(key), "").OK || !h.StoppedAll(wire.KeyOf(key)) {
		t.Error("chosen again, its halt is forgotten")
	}
}

func TestForgedHaltsAreRefused(t *testing.T) {
	key, other := newKey(1), newKey(2)
	h := open(t, t.TempDir(), wire.KeyOf(key), wire.KeyOf(other))
	halt := &wire.Halt{Router: wire.KeyOf(key), Sequence: 1, At: at, Stops: []wire.Stop{{Scope: wire.HaltAll, Reason: "x"}}}
	if err := halt.Sign(key); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Take(wire.KeyOf(other), halt.Encode(), halt.Signature); !errors.Is(err, halts.ErrRouter) {
		t.Errorf("sent by another router: %v", err)
	}
	if _, err := h.Take(halt.Router, halt.Encode(), ed25519.Sign(other, halt.Encode())); !errors.Is(err, wire.ErrHaltSignature) {
		t.Errorf("signed by another router: %v", err)
	}
	if len(h.InForce()) != 0 {
		t.Error("in force")
	}
}

func TestDamagedFileStopsTheStart(t *testing.T) {
	key := newKey(1)
	dir := t.TempDir()
	take(t, open(t, dir), key, 1, wire.Stop{Scope: wire.HaltAll, Reason: "x"})
	path := filepath.Join(dir, halts.FileName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cut": string(whole[:len(whole)/2]), "empty": "", "another version": `{"version":2}`,
		"forged": strings.Replace(string(whole), `"signature": "`, `"signature": "AAAA`, 1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := halts.Open(dir, time.Now); !errors.Is(err, halts.ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
