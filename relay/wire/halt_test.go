package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

func newHalt() *wire.Halt {
	return &wire.Halt{
		Router: wire.KeyOf(routerKey), Sequence: 7, At: signedAt,
		Stops: []wire.Stop{
			{Scope: wire.HaltAll, Reason: "a fault in version 1.2"},
			{Scope: wire.HaltRouter, Reason: "under attack – please wait"},
			{Scope: wire.HaltJob, Job: "job-1", Reason: "asked for by the site"},
		},
	}
}

func TestHaltTravels(t *testing.T) {
	halt := newHalt()
	if err := halt.Sign(routerKey); err != nil {
		t.Fatal(err)
	}
	opened, err := wire.OpenHalt(halt.Encode(), halt.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(opened, halt) {
		t.Errorf("opened %+v, sent %+v", opened, halt)
	}
	lifted := &wire.Halt{Router: halt.Router, Sequence: 8, At: signedAt.Add(time.Hour)}
	if err := lifted.Sign(routerKey); err != nil {
		t.Errorf("a halt that lifts everything: %v", err)
	}
}

func TestHaltForged(t *testing.T) {
	halt := newHalt()
	if err := halt.Sign(routerKey); err != nil {
		t.Fatal(err)
	}
	altered := halt.Encode()
	altered[len(altered)-1] ^= 1
	if _, err := wire.OpenHalt(altered, halt.Signature); !errors.Is(err, wire.ErrHaltSignature) {
		t.Errorf("altered: %v", err)
	}
	if _, err := wire.OpenHalt(halt.Encode(), ed25519.Sign(nodeKey, halt.Encode())); !errors.Is(err, wire.ErrHaltSignature) {
		t.Errorf("signed by somebody else: %v", err)
	}
	if err := newHalt().Sign(nodeKey); !errors.Is(err, wire.ErrHaltMalformed) {
		t.Errorf("signed with another key than its router's: %v", err)
	}
}

func TestHaltForm(t *testing.T) {
	for name, change := range map[string]func(*wire.Halt){
		"no sequence":          func(h *wire.Halt) { h.Sequence = 0 },
		"unknown scope":        func(h *wire.Halt) { h.Stops[0].Scope = 9 },
		"all with a job":       func(h *wire.Halt) { h.Stops[0].Job = "job-1" },
		"job without one":      func(h *wire.Halt) { h.Stops[2].Job = "" },
		"job not printable":    func(h *wire.Halt) { h.Stops[2].Job = "a\nb" },
		"no reason":            func(h *wire.Halt) { h.Stops[0].Reason = "" },
		"reason too long":      func(h *wire.Halt) { h.Stops[0].Reason = strings.Repeat("x", wire.MaxHaltReason+1) },
		"reason not printable": func(h *wire.Halt) { h.Stops[0].Reason = "a\x1b[31mb" },
		"said twice":           func(h *wire.Halt) { h.Stops = append(h.Stops, h.Stops[2]) },
		"too many": func(h *wire.Halt) {
			for i := range wire.MaxHalts {
				h.Stops = append(h.Stops, wire.Stop{Scope: wire.HaltJob, Job: strings.Repeat("j", i+1), Reason: "x"})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			halt := newHalt()
			change(halt)
			if err := halt.Sign(routerKey); !errors.Is(err, wire.ErrHaltMalformed) {
				t.Errorf("signing: %v", err)
			}
			encoded := halt.Encode()
			if _, err := wire.OpenHalt(encoded, ed25519.Sign(routerKey, encoded)); !errors.Is(err, wire.ErrHaltMalformed) {
				t.Errorf("opening: %v", err)
			}
		})
	}
}

// The largest halt there may be fits the session's frames.
func TestHaltFitsItsFrame(t *testing.T) {
	halt := &wire.Halt{Router: wire.KeyOf(routerKey), Sequence: 1, At: signedAt}
	for i := range wire.MaxHalts {
		job := strings.Repeat("j", wire.MaxJob-1) + string(rune('A'+i))
		halt.Stops = append(halt.Stops, wire.Stop{Scope: wire.HaltJob, Job: job, Reason: strings.Repeat("r", wire.MaxHaltReason)})
	}
	if err := halt.Sign(routerKey); err != nil {
		t.Fatal(err)
	}
	if n := len(halt.Encode()); n > wire.MaxHalt || wire.MaxHalt > wire.MaxSessionMessage-200 {
		t.Errorf("%d bytes, bounds %d and %d", n, wire.MaxHalt, wire.MaxSessionMessage)
	}
}

func FuzzOpenHalt(f *testing.F) {
	halt := newHalt()
	_ = halt.Sign(routerKey)
	f.Add(halt.Encode(), halt.Signature)
	f.Add([]byte("fallow-halt-v1\n"), []byte{})
	f.Fuzz(func(t *testing.T, encoded, signature []byte) {
		opened, err := wire.OpenHalt(encoded, signature)
		if err == nil && !bytes.Equal(opened.Encode(), encoded) {
			t.Error("an accepted halt has a second encoding")
		}
	})
}
