package dataset_test

import (
	"crypto/sha256"
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// publishRaw is publish with the answers kept for the first of two shards.
func publishRaw(t testing.TB, rows int) string {
	t.Helper()
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "datasets", "demo")
	records := synthetic(rows, 1)
	kept := answers(records)
	a := writeShard(t, filepath.Join(open, "a.parquet"), records)
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(rows/2, 2))
	a.Raw = filepath.Join(open, "a.raw.parquet")
	raw, err := dataset.WriteRaw(a.Raw, kept, dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a.Shard.Raw = &raw
	if _, err := dataset.Publish(dir, spec(1, a, b), testKey()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "v1")
}

func TestRawAnswersArePublished(t *testing.T) {
	dir := publishRaw(t, 60)
	if report := verdict(t, dir, dataset.VerifyOptions{}); !report.Valid {
		t.Fatalf("%+v", report)
	}
	want := map[string]dataset.Raw{}
	for _, r := range answers(synthetic(60, 1)) {
		want[r.ID] = r
	}
	v, err := dataset.OpenVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = v.ReadRaw(func(_ string, _ int64, r *dataset.Raw) error {
		n++
		if r.BodySHA256 != sha256.Sum256(r.Body) {
			t.Errorf("digest of %s is another", r.ID)
		}
		got := *r
		got.BodySHA256, got.Leaf = [32]byte{}, dataset.Raw{}.Leaf
		if !reflect.DeepEqual(got, want[r.ID]) {
			t.Errorf("read %+v, wrote %+v", got, want[r.ID])
		}
		return nil
	})
	if err != nil || n != 60 {
		t.Fatalf("%d answers, %v", n, err)
	}
	flip(t, v.Path(v.Manifest.Shards[0].Raw.File), 3000, 1)
	report := verdict(t, dir, dataset.VerifyOptions{})
	if report.Valid || report.Problems[0].File != "raw/train-00000-of-00002.parquet" {
		t.Errorf("%+v", report)
	}
}

func TestBadAnswersAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*dataset.Raw){
		"no id":     func(r *dataset.Raw) { r.ID = "" },
		"long body": func(r *dataset.Raw) { r.Body = make([]byte, dataset.DefaultLimits().BodyBytes+1) },
		"header":    func(r *dataset.Raw) { r.Header = "X: \xff" },
	} {
		list := answers(synthetic(2, 1))
		spoil(&list[1])
		if _, err := dataset.WriteRaw(filepath.Join(t.TempDir(), "a"), list, dataset.WriterOptions{}); !errors.Is(err, dataset.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
