package dataset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// prove writes the proof of the wanted row to a file.
func prove(t testing.TB, path string, w dataset.Wanted) string {
	t.Helper()
	p, err := dataset.Prove(path, w)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "proof.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Every row of every shard has a proof, and the proof holds the row.
func TestEveryRowCanBeProven(t *testing.T) {
	dir := publish(t, 14)
	v, err := dataset.OpenVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	number := int64(0)
	err = v.Read(func(file string, row int64, r *dataset.Record) error {
		for _, w := range []struct {
			path string
			dataset.Wanted
		}{{dir, dataset.Wanted{Row: &number}}, {dir, dataset.Wanted{ID: r.ID}}, {v.Path(file), dataset.Wanted{URL: r.URL}}, {v.Path(file), dataset.Wanted{Row: &row}}} {
			p, err := dataset.Prove(w.path, w.Wanted)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if p.File != file || p.Row != row || !bytes.Equal(p.Record, want) {
				t.Fatalf("row %d of %s:\n%s\nwant\n%s", row, file, p.Record, want)
			}
		}
		report := verdict(t, prove(t, dir, dataset.Wanted{Row: &number}), dataset.VerifyOptions{Key: public(testKey())})
		if !report.Valid || report.Kind != dataset.KindProof || report.Root != v.Manifest.Root {
			t.Fatalf("%+v", report)
		}
		number++
		return nil
	})
	if err != nil || number != 21 {
		t.Fatal(number, err)
	}
	for _, w := range []dataset.Wanted{{Row: &number}, {ID: "none"}, {URL: "none"}} {
		if _, err := dataset.Prove(dir, w); !errors.Is(err, dataset.ErrNoRow) {
			t.Errorf("%+v: %v", w, err)
		}
	}
	open := filepath.Join(t.TempDir(), "a.parquet")
	writeShard(t, open, synthetic(3, 1))
	if _, err := dataset.Prove(open, dataset.Wanted{ID: "x"}); !errors.Is(err, dataset.ErrNoVersion) {
		t.Errorf("a shard of no version: %v", err)
	}
}

// A proof has one form: no byte of it can be another.
func TestFlippedBytesOfAProofAreFound(t *testing.T) {
	row := int64(5)
	file := prove(t, publish(t, 20), dataset.Wanted{Row: &row})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	flips := 400
	if soaking() {
		flips = 10_000
	}
	for range flips {
		at := rng.IntN(len(whole))
		spoiled := bytes.Clone(whole)
		spoiled[at] ^= byte(1 + rng.IntN(255))
		if err := os.WriteFile(file, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verdict(t, file, dataset.VerifyOptions{Key: public(testKey())}); report.Valid {
			t.Fatalf("byte %d from %q to %q goes unseen", at, whole[at], spoiled[at])
		}
	}
	for n := 0; n < len(whole); n += 1 + len(whole)/50 {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verdict(t, file, dataset.VerifyOptions{}); report.Valid || n > 0 && report.Problems[0].Kind != dataset.ProblemFormat {
			t.Fatalf("cut off after %d bytes: %+v", n, report)
		}
	}
}

// What means the same and is written otherwise is refused too.
func TestProofHasOneForm(t *testing.T) {
	row := int64(5)
	file := prove(t, publish(t, 20), dataset.Wanted{Row: &row})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(string) string{
		"a tab for a space": func(s string) string { return strings.Replace(s, "\n  \"row\"", "\n \t\"row\"", 1) },
		"a line feed more":  func(s string) string { return s + "\n" },
		"compact":           func(s string) string { return strings.ReplaceAll(s, "\n  ", "") },
		"a key twice":       func(s string) string { return strings.Replace(s, "\"row\": 5", "\"row\": 4,\n  \"row\": 5", 1) },
		"a key more":        func(s string) string { return strings.Replace(s, "\"row\": 5", "\"row\": 5,\n  \"x\": 1", 1) },
		"a key in capitals": func(s string) string { return strings.Replace(s, "\"row\": 5", "\"Row\": 5", 1) },
		"an escaped letter": func(s string) string { return strings.Replace(s, "\"format\": \"f", "\"format\": \"\\u0066", 1) },
		"capitals in a hash": func(s string) string {
			i := strings.Index(s, "\"path\"")
			return s[:i+20] + strings.ToUpper(s[i+20:i+60]) + s[i+60:]
		},
	} {
		other := change(string(whole))
		if other == string(whole) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verdict(t, file, dataset.VerifyOptions{}); report.Valid {
			t.Errorf("%s: valid", name)
		}
	}
}

// Whoever has no key cannot show a row that is not there.
func TestForgedProofs(t *testing.T) {
	dir := publish(t, 20)
	one, two := int64(3), int64(4)
	load := func() *dataset.Proof {
		p, err := dataset.Prove(dir, dataset.Wanted{Row: &one})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	other, err := dataset.Prove(dir, dataset.Wanted{Row: &two})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		forge func(p *dataset.Proof)
		field string
	}{
		"another row in it":        {func(p *dataset.Proof) { p.Encoding, p.Record = other.Encoding, other.Record }, "encoding, row or path"},
		"another number":           {func(p *dataset.Proof) { p.Row = 4 }, "encoding, row or path"},
		"negative number":          {func(p *dataset.Proof) { p.Row = -1 }, "encoding, row or path"},
		"another path":             {func(p *dataset.Proof) { p.Path = other.Path }, "encoding, row or path"},
		"shorter path":             {func(p *dataset.Proof) { p.Path = p.Path[1:] }, "encoding, row or path"},
		"another shard":            {func(p *dataset.Proof) { p.File = "data/train-00001-of-00002.parquet" }, "encoding, row or path"},
		"a shard that is not":      {func(p *dataset.Proof) { p.File = "data/x.parquet" }, "file"},
		"another record shown":     {func(p *dataset.Proof) { p.Record = other.Record }, "id"},
		"a column slipped in":      {func(p *dataset.Proof) { p.Record = append(p.Record[:len(p.Record)-1], `,"more":1}`...) }, "more"},
		"an encoding cut off":      {func(p *dataset.Proof) { p.Encoding = p.Encoding[:len(p.Encoding)-1] }, "encoding, row or path"},
		"manifest of other fields": {func(p *dataset.Proof) { p.Manifest = strings.Replace(p.Manifest, `"demo"`, `"oops"`, 1) }, ""},
	}
	for name, test := range tests {
		p := load()
		test.forge(p)
		raw, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		report := verdict(t, file, dataset.VerifyOptions{})
		if report.Valid || !strings.Contains(report.Problems[0].Field, test.field) {
			t.Errorf("%s: %+v", name, report.Problems)
		}
	}
}

// FuzzProof: whatever a file that begins like a proof holds, there is a verdict,
// and only the true proof is valid.
func FuzzProof(f *testing.F) {
	row := int64(2)
	whole, err := os.ReadFile(prove(f, publish(f, 4), dataset.Wanted{Row: &row}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"format":"fallow-proof-v1"}`))
	f.Add([]byte(fmt.Sprintf(`{"format":"fallow-proof-v1","encoding":%q,"manifest":"{}","path":[null]}`, "ZmFsbG93LXJvdy12MQAAAAE=")))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, append([]byte("{"), data...), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := dataset.Verify(file, dataset.VerifyOptions{})
		if err != nil || report.Valid && !bytes.Equal(append([]byte("{"), data...), whole) {
			t.Fatalf("%+v, %v", report, err)
		}
	})
}
