package ledger_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// sample is a sealed file with every kind of entry in it.
func sample(t testing.TB) *ledger.File {
	t.Helper()
	router := private(1)
	a := worker{router, private(2), 7}
	b := worker{router, private(3), 7}
	c := worker{router, private(4), 7}

	agreed := b.entry("j-b", 4, ledger.Counts{BytesDown: 1_000_000, Tunnels: 3}, true)
	vanished := ledger.Work{Job: "j-b", Counted: b.entry("j-b", 5, ledger.Counts{BytesDown: 1_500_000, Tunnels: 4}, false), Agreed: &agreed}
	objected := ledger.Work{
		Job: "j-c", Counted: c.entry("j-c", 9, ledger.Counts{BytesDown: 800_000, Tunnels: 1}, false),
		Disputes: []ledger.Dispute{{
			Sequence: 9, RouterCounts: ledger.Counts{BytesDown: 800_000}, NodeCounts: ledger.Counts{BytesDown: 900_000},
			Reason: wire.ReceiptDisputed, At: start.Add(time.Minute),
		}},
	}
	doubtful := c.input("", "", objected, c.online(30))
	doubtful.Standing = ledger.Standing{Permille: 900, Reasons: []wire.Reason{wire.Stalled}}

	p := ledger.DefaultParams()
	p.Scarce = map[string]int{"BR": 1500, "DE": 900}
	e := ledger.Epoch{Number: 7, Start: start, End: start.Add(time.Hour + time.Millisecond), Params: p}
	nodes := []ledger.NodeInput{
		a.input("DE", "clump-1", a.carried("j-b", 2_000_000, 30_000), a.carried("j-a", 10, 10), a.online(3_600)),
		b.input("BR", "clump-1", vanished, b.online(100)),
		doubtful,
	}
	f, err := ledger.NewFile(e, nodes, map[wire.Key]ledger.MicroPoints{a.node(): 11, wire.KeyOf(private(9)): 22}, router)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileSurvivesTheDisk(t *testing.T) {
	f := sample(t)
	path := filepath.Join(t.TempDir(), "epoch.json")
	for range 2 { // the second time over the first
		if err := ledger.WriteFile(path, f); err != nil {
			t.Fatal(err)
		}
	}
	read, err := ledger.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	router := wire.KeyOf(private(1))
	r := read.Verify(ledger.VerifyOptions{RouterKey: &router})
	if !r.Valid() || !r.RouterKnown {
		t.Fatalf("%+v", r)
	}
	if r.Nodes != 4 || r.Receipts != 8 || r.Allocated+r.Unallocated != r.Pool || r.Root != f.Content.Root {
		t.Fatalf("%+v", r)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}

func TestKindsOfBytesAreShownApart(t *testing.T) {
	for _, s := range sample(t).Content.Statements {
		switch s.Node {
		case wire.KeyOf(private(3)):
			if s.BytesSigned != 1_000_000 || s.BytesUnsigned != 500_000 || s.BytesDisputed != 0 {
				t.Errorf("the node that vanished: %+v", s)
			}
		case wire.KeyOf(private(4)):
			if s.BytesSigned != 0 || s.BytesUnsigned != 0 || s.BytesDisputed != 800_000 || len(s.Reasons) != 1 {
				t.Errorf("the node that objected: %+v", s)
			}
		}
	}
}

// Whatever single byte of a file is changed, somebody who knows the router's
// key notices.
func TestEveryByteCounts(t *testing.T) {
	encoded, err := sample(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	router := wire.KeyOf(private(1))
	// A seventh of the bytes, others in every run: each costs a verification.
	for i := rand.IntN(7); i < len(encoded); i += 7 {
		changed := bytes.Clone(encoded)
		changed[i] ^= 1
		f, err := ledger.Parse(changed)
		if err == nil && f.Verify(ledger.VerifyOptions{RouterKey: &router}).Valid() {
			t.Fatalf("byte %d: %q became %q unnoticed", i, encoded[max(0, i-20):min(len(encoded), i+20)], changed[i])
		}
	}
}

func TestOnlyTheCanonicalFormIsRead(t *testing.T) {
	encoded, err := sample(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(encoded)
	for name, raw := range map[string]string{
		"empty":         "",
		"not JSON":      "epoch",
		"another kind":  strings.Replace(text, ledger.Kind, "fallow-epoch-v9", 1),
		"white space":   strings.Replace(text, ",", ", ", 1),
		"unknown":       strings.Replace(text, `"epoch":7`, `"epoch":7,"more":1`, 1),
		"no line feed":  strings.TrimSpace(text),
		"more behind":   text + "{}",
		"member twice":  strings.Replace(text, `"epoch":7`, `"epoch":7,"epoch":7`, 1),
		"another order": strings.Replace(text, `"epoch":7,"start"`, `"start"`, 1),
		"number":        strings.Replace(text, `"bytes_up":"0"`, `"bytes_up":0`, 1),
	} {
		if _, err := ledger.Parse([]byte(raw)); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ledger.ReadFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	encoded, err := sample(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte(`{"content":{"kind":"fallow-epoch-v1"}}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := ledger.Parse(raw)
		if err != nil {
			return
		}
		again, err := file.Encode()
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("parsed but encodes differently (%v)", err)
		}
		file.Verify(ledger.VerifyOptions{Previous: file}) // must not panic
	})
}
