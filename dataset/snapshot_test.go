package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/fallow-network/fallow/dataset"
)

// wanted is a selection by hand.
func wanted(s dataset.Selection, r *dataset.Record) bool {
	in := func(list []string, values ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	say := func(v string) string {
		if v == "" {
			return "unstated"
		}
		return v
	}
	return in(s.Languages, r.Language, r.Language+"_"+r.LanguageScript) && in(s.Sites, r.Site) && in(s.AITrain, say(r.AITrain)) && in(s.Licenses, say(r.License)) &&
		(s.From.IsZero() || !r.FetchedAt.Before(s.From)) && (s.To.IsZero() || r.FetchedAt.Before(s.To))
}

func TestSelect(t *testing.T) {
	// Small row groups, most of which a selection passes over.
	limits := dataset.DefaultLimits()
	limits.RowGroupRows = 16
	path, dir := filepath.Join(t.TempDir(), "a.parquet"), filepath.Join(t.TempDir(), "demo")
	shard, err := dataset.WriteShard(path, synthetic(300, 1), dataset.WriterOptions{Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Publish(dir, spec(1, dataset.ShardFile{Path: path, Shard: shard}), testKey()); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "v1")
	v, rows := mustOpen(t, dir), rowsOf(t, dir)
	for name, s := range map[string]dataset.Selection{
		"all":       {},
		"columns":   {Columns: []string{"url", "id"}},
		"languages": {Columns: []string{"id"}, Languages: []string{"deu_Latn"}},
		"sites":     {Columns: []string{"id"}, Sites: []string{"site03.example", "site19.example"}},
		"nothing":   {Columns: []string{"id"}, Sites: []string{"zzz.example"}},
		"train":     {AITrain: []string{"unstated"}},
		"licence":   {Columns: []string{"id"}, Licenses: []string{"unstated"}},
		"dates":     {Columns: []string{"id"}, From: epoch0.Add(10 * time.Second), To: epoch0.Add(90 * time.Second)},
		"several":   {Columns: []string{"id", "text"}, Languages: []string{"eng"}, Sites: []string{"site03.example", "site04.example"}, From: epoch0.Add(30 * time.Second)},
	} {
		want, got := 0, 0
		for _, r := range rows {
			if wanted(s, &r) {
				want++
			}
		}
		err := v.Select(t.Context(), s, func(_ string, r *dataset.Record) error {
			whole := rows[r.ID]
			if !wanted(s, &whole) {
				t.Errorf("%s: row %s", name, r.ID)
			}
			if s.Columns == nil && r.Text != whole.Text || slices.Contains(s.Columns, "url") && (r.URL != whole.URL || r.Text != "") {
				t.Errorf("%s: row %s differs", name, r.ID)
			}
			got++
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%s: %d rows, want %d, %v", name, got, want, err)
		}
	}
}

func TestSnapshot(t *testing.T) {
	dir := publish(t, 200)
	v, rows := mustOpen(t, dir), rowsOf(t, dir)
	out := filepath.Join(t.TempDir(), "some")
	s := dataset.Selection{Columns: []string{"url", "id", "text", "signals", "leaf"}, Languages: []string{"deu"}}
	made, err := v.Snapshot(t.Context(), out, s)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, r := range rows {
		if r.Language == "deu" {
			want++
		}
	}
	if made.Rows != int64(want) || made.Of != int64(len(rows)) || made.Root != v.Manifest.Root || len(made.Shards) != 1 {
		t.Errorf("%+v, want %d rows", made, want)
	}
	checkSnapshot(t, filepath.Join(out, filepath.FromSlash(made.Shards[0].Path)), rows, want)
	if _, err := v.Snapshot(t.Context(), out, s); err == nil {
		t.Error("over a folder that exists")
	}
	again := filepath.Join(t.TempDir(), "again")
	if twice, err := v.Snapshot(t.Context(), again, s); err != nil || twice.Shards[0] != made.Shards[0] {
		t.Errorf("the same selection gave another file: %+v, %v", twice, err)
	}
	none := filepath.Join(t.TempDir(), "none")
	if made, err := v.Snapshot(t.Context(), none, dataset.Selection{Sites: []string{"zzz.example"}}); err != nil || made.Rows != 0 {
		t.Errorf("of nothing: %+v, %v", made, err)
	}
	if _, err := v.Snapshot(t.Context(), none+"2", dataset.Selection{Columns: []string{"nonsense"}}); !errors.Is(err, dataset.ErrSelection) {
		t.Errorf("of a column there is not: %v", err)
	}
	if _, err := os.Stat(none + "2"); err == nil {
		t.Error("a refused snapshot left a folder")
	}
}

// checkSnapshot reads a file with Arrow's own reader, which shares nothing with
// what wrote it.
func checkSnapshot(t *testing.T, path string, rows map[string]dataset.Record, want int) {
	t.Helper()
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	all, err := reader.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer all.Release()
	if all.NumRows() != int64(want) || all.NumCols() != 5 {
		t.Fatalf("%d rows of %d columns", all.NumRows(), all.NumCols())
	}
	batches := array.NewTableReader(all, -1)
	defer batches.Release()
	for batches.Next() {
		b := batches.Record()
		url, id, text, leaf := b.Column(0).(*array.String), b.Column(1).(*array.String), b.Column(2).(*array.String), b.Column(4).(*array.Binary)
		for i := range int(b.NumRows()) {
			whole := rows[id.Value(i)]
			if url.Value(i) != whole.URL || text.Value(i) != whole.Text || string(leaf.Value(i)) != string(whole.Leaf[:]) {
				t.Errorf("row %s differs", id.Value(i))
			}
			from, to := b.Column(3).(*array.List).ValueOffsets(i)
			if int(to-from) != len(whole.Signals) {
				t.Errorf("row %s has %d signals", id.Value(i), to-from)
			}
		}
	}
}
