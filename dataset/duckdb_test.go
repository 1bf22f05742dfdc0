//go:build duckdb

package dataset_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// duckAnswer is what testdata/duckdb/read.mjs prints. DuckDB's JSON has 64-bit
// numbers as strings.
type duckAnswer struct {
	Totals    map[string]any `json:"totals"`
	Languages []struct{ Code, Rows string }
	Rows      []struct {
		ID, URL, Text, Title string
		FetchedAt            string `json:"fetched_at"`
		Status               int32
		Leaf, Lease          string
		Signals              []string
	}
	Duplicates []struct {
		DroppedID  string `json:"dropped_id"`
		KeptID     string `json:"kept_id"`
		Kind       string
		Similarity float64
	}
	Types []map[string]string
}

// TestDuckDBAgrees reads a version with DuckDB, which shares no code with the
// writer, and compares row by row. It needs node and npm.
func TestDuckDBAgrees(t *testing.T) {
	dir := publish(t, 3000)
	answer := askDuckDB(t, dir)
	v, err := dataset.OpenVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := v.Manifest
	want := map[string]string{
		"rows": fmt.Sprint(m.Rows), "text_bytes": fmt.Sprint(m.TextBytes), "tokens": fmt.Sprint(m.Tokens), "sites": fmt.Sprint(m.Sites),
		"first_surt": m.FirstSURT, "last_surt": m.LastSURT, "first_fetched": fmt.Sprint(m.FirstFetched.UnixMicro()), "leaves": fmt.Sprint(m.Rows),
	}
	for name, value := range want {
		if got := fmt.Sprint(answer.Totals[name]); got != value {
			t.Errorf("%s: DuckDB says %s, the manifest %s", name, got, value)
		}
	}
	if len(answer.Languages) != len(m.Languages) {
		t.Errorf("languages %v, the manifest says %v", answer.Languages, m.Languages)
	}
	for _, l := range answer.Languages {
		if l.Rows != strconv.FormatInt(m.Languages[l.Code], 10) {
			t.Errorf("language %s: DuckDB says %s, the manifest %d", l.Code, l.Rows, m.Languages[l.Code])
		}
	}
	if len(answer.Types) != len(dataset.Schema().Fields()) || len(answer.Duplicates) != 2 || answer.Duplicates[1].Similarity != 0.91 {
		t.Errorf("types %v, duplicates %+v", answer.Types, answer.Duplicates)
	}
	compareRows(t, v, answer)
}

func compareRows(t *testing.T, v *dataset.Version, answer duckAnswer) {
	t.Helper()
	var all []dataset.Record
	err := v.Read(func(_ string, _ int64, r *dataset.Record) error {
		all = append(all, *r)
		return nil
	})
	if err != nil || len(all) != len(answer.Rows) {
		t.Fatalf("%d rows, DuckDB has %d: %v", len(all), len(answer.Rows), err)
	}
	slices.SortFunc(all, func(a, b dataset.Record) int {
		return cmp.Or(strings.Compare(a.SURT, b.SURT), strings.Compare(a.ID, b.ID))
	})
	for i, r := range all {
		got, sum := answer.Rows[i], md5.Sum([]byte(r.Text))
		var signals []string
		for _, s := range r.Signals {
			signals = append(signals, s.Source+": "+s.Text)
		}
		if got.ID != r.ID || got.URL != r.URL || got.Text != hex.EncodeToString(sum[:]) || got.Title != r.Title || got.Status != r.Status ||
			got.FetchedAt != strconv.FormatInt(r.FetchedAt.UnixMicro(), 10) || got.Leaf != r.Leaf.String() || got.Lease != hex.EncodeToString(r.Lease[:]) ||
			!slices.Equal(got.Signals, signals) {
			t.Fatalf("row %d: DuckDB has %+v, written was %+v", i, got, r)
		}
	}
}

// askDuckDB installs DuckDB into a folder of the test and runs the script.
func askDuckDB(t *testing.T, dir string) (answer duckAnswer) {
	t.Helper()
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(filepath.Join("testdata", "duckdb"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	read := exec.CommandContext(t.Context(), "node", "read.mjs", dir)
	read.Dir = work
	var errs bytes.Buffer
	read.Stderr = &errs
	out, err := read.Output()
	if err != nil {
		t.Fatalf("node read.mjs: %v\n%s", err, errs.Bytes())
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("answer %.200s: %v", out, err)
	}
	return answer
}
