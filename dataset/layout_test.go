package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata/schema1 was published by the build that knew schema 1 only.
func TestOlderSchemaIsRead(t *testing.T) {
	dir := filepath.Join("testdata", "schema1")
	report, err := Verify(dir, VerifyOptions{})
	if err != nil || !report.Valid || report.Rows != 12 {
		t.Fatalf("%+v, %v", report, err)
	}
	v, err := OpenVersion(dir)
	if err != nil || v.Manifest.Schema != "1" {
		t.Fatal(v, err)
	}
	n := 0
	err = v.Read(func(_ string, _ int64, r *Record) error {
		if n++; r.Text == "" || r.TLSVersion != "1.3" || r.License != "" || r.BodyBytes != 0 {
			t.Errorf("row %d is %+v", n, r)
		}
		return nil
	})
	if err != nil || n != 12 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// newer writes rows with the tables of a schema to come: a column of each type
// more, at places of its own.
func newer(t *testing.T, version string, rows []Record, extra ...column[Record]) string {
	t.Helper()
	table := recordsTable()
	table.schema = version
	table.columns = slices.Concat(table.columns[:3], extra, table.columns[3:])
	list, tally := make([]*Record, len(rows)), newTally(table)
	for i := range rows {
		list[i] = &rows[i]
		rows[i].Leaf = tally.add(list[i])
	}
	path := filepath.Join(t.TempDir(), "newer.parquet")
	keys, err := tally.footerKeys()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := createFile(path, func(w io.Writer) error {
		return table.write(w, list, []int{len(list)}, keys, DefaultLimits(), newCrew(nil))
	}); err != nil {
		t.Fatal(err)
	}
	return path
}

func futureColumns() []column[Record] {
	mood, count, score, blob := "calm", int64(-3), 0.25, []byte("\x00\xff")
	small := int32(9)
	return []column[Record]{
		{name: "mood", about: "x", dictionary: true, text: func(*Record) *string { return &mood }},
		{name: "count", about: "x", kind: kindInt64, long: func(*Record) *int64 { return &count }},
		{name: "small", about: "x", kind: kindInt32, short: func(*Record) *int32 { return &small }},
		{name: "share", about: "x", kind: kindFloat, real: func(*Record) *float64 { return &score }},
		{name: "blob", about: "x", kind: kindBytes, bytes: func(*Record) *[]byte { return &blob }},
	}
}

func few(n int) []Record {
	rows := make([]Record, n)
	for i := range rows {
		rows[i] = Record{ID: fmt.Sprint(i), URL: "https://a.example/", Text: strings.Repeat("text ", 100+i), Signals: []Signal{{"meta", "noai"}}}
	}
	return rows
}

func TestNewerSchemaIsRead(t *testing.T) {
	rows := few(300)
	path := newer(t, "3", rows, futureColumns()...)
	n := 0
	err := ReadShard(path, func(i int64, r *Record) error {
		if n++; r.Text != rows[i].Text || r.Leaf != rows[i].Leaf || r.Leaf == RowLeaf(r) {
			t.Errorf("row %d is %+v", i, r)
		}
		return nil
	})
	if err != nil || n != len(rows) {
		t.Fatalf("%d rows, %v", n, err)
	}
	if report, err := Verify(path, VerifyOptions{}); err != nil || !report.Valid || report.Rows != 300 {
		t.Fatalf("%+v, %v", report, err)
	}
	// What this build does not know is proven all the same.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(raw), "calm")
	raw[at] = 'p'
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := Verify(path, VerifyOptions{}); err != nil || report.Valid || report.Problems[0].Field != "mood" {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestSchemaMustBeWhatTheFooterSays(t *testing.T) {
	tests := map[string]string{
		"a column of no schema":     newer(t, SchemaVersion, few(3), futureColumns()[0]),
		"columns of a later schema": newer(t, "1", few(3)),
		"no number":                 newer(t, "new", few(3)),
	}
	for name, path := range tests {
		if err := ReadShard(path, func(int64, *Record) error { return nil }); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if report, err := Verify(path, VerifyOptions{}); err != nil || report.Valid || report.Problems[0].Kind != ProblemFormat {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if err := ReadRaw(newer(t, SchemaVersion, few(3)), func(int64, *Raw) error { return nil }); !errors.Is(err, ErrFormat) {
		t.Errorf("records read as answers: %v", err)
	}
}
