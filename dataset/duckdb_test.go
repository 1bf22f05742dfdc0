//go:build duckdb

package dataset_test

import (
	"bytes"
	"cmp"
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
	Totals     map[string]any `json:"totals"`
	Languages  []struct{ Code, Rows string }
	Rows       []map[string]any
	Raw        struct{ Rows, Sound, Bytes, Joined, Headers string }
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
	dir := publishRaw(t, 3000)
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
	for i := range all {
		for name, want := range plainValues(t, &all[i]) {
			if got := fmt.Sprint(answer.Rows[i][name]); got != want {
				t.Fatalf("row %d, column %s: DuckDB has %.300s, written was %.300s", i, name, got, want)
			}
		}
		if len(answer.Rows[i]) != len(dataset.Schema().Fields()) {
			t.Fatalf("row %d has %d columns", i, len(answer.Rows[i]))
		}
	}
	if want := fmt.Sprint(3000); answer.Raw.Rows != want || answer.Raw.Sound != want || answer.Raw.Joined != want || answer.Raw.Headers != want {
		t.Errorf("answers: %+v", answer.Raw)
	}
}

// plainValues are the columns of a record as DuckDB's JSON has them, printed.
func plainValues(t *testing.T, r *dataset.Record) map[string]string {
	t.Helper()
	values := columnsOf(t, r)
	values["fetched_at"] = r.FetchedAt.UnixMicro()
	printed := make(map[string]string, len(values))
	for name, value := range values {
		printed[name] = fmt.Sprint(value)
	}
	return printed
}

// columnsOf is a record by the names of its columns, through its JSON.
func columnsOf(t *testing.T, r *dataset.Record) (values map[string]any) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		err = decoder.Decode(&values)
	}
	if err != nil {
		t.Fatal(err)
	}
	return values
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
	decoder := json.NewDecoder(bytes.NewReader(out))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("answer %.200s: %v", out, err)
	}
	return answer
}
