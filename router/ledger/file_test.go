package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// sampleFile has everything in it that a file can have.
func sampleFile(t testing.TB, n int) *ledger.File {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	p := ledger.DefaultParams()
	p.SiteCap = 1 << 20
	p.Scarce = ledger.Scarcity{Version: 2, Permille: map[string]int{"BR": 2000}}
	h, nodes := head(p), crowd(rng, n)
	h.SettleFrom = h.End.Add(72 * time.Hour)
	for len(h.Sales) == 0 {
		sell(rng, h, nodes)
	}
	for i := range nodes {
		s := &nodes[i]
		s.Ever, s.RoyaltyEver = ledger.MicroPoints(rng.Int64N(1<<40)), ledger.TokenUnits(rng.Int64N(1<<20))
		if i%3 == 0 {
			s.Payout = wire.Key{99, byte(i)}
		}
		if s.BytesSigned > 1<<24 {
			s.Sites = []ledger.SiteBytes{{Site: clump("s1"), Bytes: 1<<20 + 5}, {Site: clump("s2"), Bytes: 1<<20 + 6}}
		}
	}
	h.Corrected = []ledger.Correction{{Node: nodes[1].Node, Epoch: 1, Challenge: 7, Amount: 5, Because: "a receipt <was> missing & found"}}
	h.Decided = []ledger.Decision{{Node: nodes[2].Node, At: start, From: 250, To: 1000, Reason: wire.TLSForged, Because: "Schulfilter – größer"}}
	h.Notes = []ledger.Note{{Kind: ledger.NoteLate, Node: nodes[0].Node, Text: "800 bytes"}}
	f, err := ledger.NewFile(*h, nodes, ledger.Totals{PointsEver: 1 << 60, RoyaltiesEver: 1 << 50}, private(1))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The fast encoder writes what encoding/json does.
func TestAppendJSONIsEncodingJSON(t *testing.T) {
	f := sampleFile(t, 300)
	for i := range f.Statements {
		want, err := json.Marshal(f.Statements[i])
		if err != nil {
			t.Fatal(err)
		}
		// Two members stand elsewhere in the type than lists do: compare as
		// values, and the canonical bytes by reading them again.
		got := f.Statements[i].AppendJSON(nil)
		if string(got) != string(want) {
			t.Fatalf("\n%s\n%s", got, want)
		}
	}
}

func TestBothFormsSayTheSame(t *testing.T) {
	f, dir := sampleFile(t, 300), t.TempDir()
	asJSON, asParquet := filepath.Join(dir, "e.json"), filepath.Join(dir, "e.parquet")
	if err := errors.Join(ledger.WriteFile(asJSON, f), f.WriteParquet(asParquet)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{asJSON, asParquet} {
		again, err := ledger.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if r := again.Verify(ledger.VerifyOptions{}); !r.Valid() || r.Hash != f.Hash {
			t.Fatalf("%s: %+v", path, r)
		}
		if !reflect.DeepEqual(again, f) {
			t.Fatalf("%s: read back it is something else", path)
		}
		seal, err := ledger.ReadSeal(path)
		if err != nil || !reflect.DeepEqual(*seal, f.Seal) {
			t.Fatalf("%s: %v", path, err)
		}
	}
	raw, err := os.ReadFile(asJSON)
	if err != nil || !json.Valid(raw) {
		t.Fatalf("the JSON form is not JSON (%v)", err)
	}
}

// Whatever the router lies about, the file does not verify.
func TestRouterCannotLie(t *testing.T) {
	for name, lie := range map[string]func(*ledger.File){
		"carriage":     func(f *ledger.File) { f.Statements[3].Carriage++; f.Statements[3].Amount++; f.Statements[3].Ever++ },
		"availability": func(f *ledger.File) { f.Statements[3].Availability++ },
		"amount":       func(f *ledger.File) { f.Statements[3].Amount++ },
		"ever":         func(f *ledger.File) { f.Statements[3].Ever = f.Statements[3].Amount - 1 },
		"royalty":      func(f *ledger.File) { f.Statements[3].Royalty++ },
		"bytes":        func(f *ledger.File) { f.Statements[3].BytesSigned += 1 << 30 },
		"standing": func(f *ledger.File) {
			f.Statements[3].Standing, f.Statements[3].Reasons = 1, []wire.Reason{wire.Stalled}
		},
		"payout":    func(f *ledger.File) { f.Statements[3].Payout = wire.Key{66} },
		"left out":  func(f *ledger.File) { f.Statements = f.Statements[1:] },
		"pool":      func(f *ledger.File) { f.Head.Params.Pool++ },
		"fee":       func(f *ledger.File) { f.Head.Sales[0].Fee++; f.Head.Sales[0].Shared-- },
		"totals":    func(f *ledger.File) { f.Head.Totals.UnallocatedCarriage++ },
		"window":    func(f *ledger.File) { f.Head.SettleFrom = f.Head.End },
		"seconds":   func(f *ledger.File) { f.Head.Seconds = 7 * 24 * 3600 },
		"root":      func(f *ledger.File) { f.Head.Root[0] ^= 1 },
		"signature": func(f *ledger.File) { f.Signature[0] ^= 1 },
	} {
		f := sampleFile(t, 40)
		lie(f)
		if r := f.Verify(ledger.VerifyOptions{}); r.Valid() {
			t.Errorf("a lie about %s was not found", name)
		}
	}
	other := wire.KeyOf(private(2))
	if r := sampleFile(t, 40).Verify(ledger.VerifyOptions{RouterKey: &other}); r.Valid() {
		t.Error("another router's file was taken")
	}
}

// A statement must be what the receipts add up to, and every node with receipts
// must have one.
func TestReceiptsAreHeldAgainstStatements(t *testing.T) {
	d, ctx := openDesk(t), t.Context()
	if _, err := d.Current(ctx); err != nil {
		t.Fatal(err)
	}
	d.work(t, 1, 500)
	d.shut(t, 1)
	for name, change := range map[string]func(*ledger.File, *ledger.Evidence) bool{
		"none":            nil,
		"a forged byte":   func(_ *ledger.File, e *ledger.Evidence) bool { e.Work[1].Counted.BytesDown++; return true },
		"signed as more":  func(f *ledger.File, _ *ledger.Evidence) bool { f.Statements[0].BytesSigned += 9; return true },
		"receipt missing": func(_ *ledger.File, _ *ledger.Evidence) bool { return false },
		"statement of nobody": func(f *ledger.File, _ *ledger.Evidence) bool {
			f.Statements[0].Node = wire.Key{}
			return true
		},
	} {
		f, err := ledger.ReadFile(d.Path(1))
		if err != nil {
			t.Fatal(err)
		}
		var r ledger.Report
		err = f.VerifyReceipts(&r, func(yield func(ledger.Evidence) error) error {
			first := true
			return f.EachReceipt(d.Path(1), func(e ledger.Evidence) error {
				if keep := !first || change == nil || change(f, &e); !keep {
					first = false
					return nil
				}
				first = false
				return yield(e)
			})
		}, nil)
		if err != nil || r.Valid() != (change == nil) {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// Only the one canonical form is read.
func TestOnlyTheCanonicalFormIsRead(t *testing.T) {
	var buf bytes.Buffer
	if err := sampleFile(t, 5).WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	raw := buf.String()
	if _, err := ledger.ReadJSON(bytes.NewReader(buf.Bytes())); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) string { return string(bytes.Replace([]byte(raw), []byte(old), []byte(new), 1)) }
	for name, text := range map[string]string{
		"empty": "", "cut off": raw[:len(raw)/2], "no end": raw[:len(raw)-3], "more behind": raw + "\n", "white space": replaced(`,"hash"`, ` ,"hash"`),
		"unknown member": replaced(`{"node"`, `{"x":1,"node"`), "other case": replaced(`"amount"`, `"Amount"`), "leading zero": replaced(`"seconds":"`, `"seconds":"0`),
		"a comma too many": replaced("\n]}", ",\n]}"), "a comma missing": replaced("},\n", "}\n"),
	} {
		if _, err := ledger.ReadJSON(bytes.NewReader([]byte(text))); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReadJSON: no bytes panic or verify unless they are the canonical ones.
func FuzzReadJSON(f *testing.F) {
	var buf bytes.Buffer
	if err := sampleFile(f, 3).WriteJSON(&buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add([]byte(`{"head":{},"statements":[` + "\n]}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := ledger.ReadJSON(bytes.NewReader(raw))
		if err != nil {
			return
		}
		file.Verify(ledger.VerifyOptions{})
		var again bytes.Buffer
		if err := file.WriteJSON(&again); err != nil || !bytes.Equal(again.Bytes(), raw) {
			t.Errorf("an accepted file has a second encoding (%v)", err)
		}
	})
}

// FuzzReadParquet: no bytes panic, and damage is found.
func FuzzReadParquet(f *testing.F) {
	path := filepath.Join(f.TempDir(), "e.parquet")
	file := sampleFile(f, 20)
	if err := file.WriteParquet(path); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, 100, byte(1))
	f.Fuzz(func(t *testing.T, raw []byte, at int, bit byte) {
		if at >= 0 && at < len(raw) {
			raw = bytes.Clone(raw)
			raw[at] ^= bit
		}
		path := filepath.Join(t.TempDir(), "e.parquet")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ledger.ReadParquet(path); err == nil {
			got.Verify(ledger.VerifyOptions{})
		}
	})
}
