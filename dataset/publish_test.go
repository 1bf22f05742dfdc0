package dataset_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

func TestVersionsGrow(t *testing.T) {
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), synthetic(40, 1))
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(30, 2))
	if _, _, err := dataset.Latest(dir); !errors.Is(err, dataset.ErrNoVersion) {
		t.Fatalf("latest of nothing: %v", err)
	}
	if _, err := dataset.Publish(dir, spec(1, a), testKey()); err != nil {
		t.Fatal(err)
	}
	v1, err := dataset.OpenVersion(filepath.Join(dir, "v1"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := dataset.Publish(dir, spec(2, append(v1.ShardFiles(), b)...), testKey())
	if err != nil {
		t.Fatal(err)
	}
	n, latest, err := dataset.Latest(dir)
	if err != nil || n != 2 || !reflect.DeepEqual(latest, m) {
		t.Fatalf("latest is %d, %+v, %v", n, latest, err)
	}
	if m.Rows != 70 || len(m.Shards) != 2 || m.Languages["deu_Latn"] != 14 || m.Duplicates != (dataset.DuplicateCounts{Exact: 1, Near: 1}) {
		t.Errorf("manifest %+v", m)
	}
	for _, version := range []string{"v1", "v2"} {
		report, err := dataset.Verify(filepath.Join(dir, version), dataset.VerifyOptions{Key: public(testKey())})
		if err != nil || !report.Valid {
			t.Errorf("%s: %+v, %v", version, report, err)
		}
	}
	if _, err := dataset.Publish(dir, spec(3, b), testKey()); err == nil {
		t.Error("version 3 dropped a shard of version 2")
	}
	if _, err := dataset.Publish(dir, spec(4, a, b), testKey()); err == nil {
		t.Error("version 4 came before version 3")
	}
}

func TestPublishAgainAfterACrash(t *testing.T) {
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), synthetic(40, 1))
	// What a crash half-way leaves: a temporary folder with some of the files.
	tmp := filepath.Join(dir, ".tmp-v1", "data")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "train-00007-of-00008.parquet"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	first, err := dataset.Publish(dir, spec(1, a), testKey())
	if err != nil {
		t.Fatal(err)
	}
	again, err := dataset.Publish(dir, spec(1, a), testKey())
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("published again: %+v, %v", again, err)
	}
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(30, 2))
	if _, err := dataset.Publish(dir, spec(1, b), testKey()); !errors.Is(err, dataset.ErrExists) {
		t.Errorf("other content under the same number: %v", err)
	}
	if report, err := dataset.Verify(filepath.Join(dir, "v1"), dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestPublishRefusesAChangedShard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(t.TempDir(), "a.parquet"), synthetic(40, 1))
	flip(t, a.Path, 1000, 1)
	if _, err := dataset.Publish(dir, spec(1, a), testKey()); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("error %v", err)
	}
	if _, _, err := dataset.Latest(dir); !errors.Is(err, dataset.ErrNoVersion) {
		t.Errorf("a version appeared: %v", err)
	}
}

func TestManifestBelongsToItsBytes(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(publish(t, 20), dataset.ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.ParseManifest(raw); err != nil {
		t.Fatal(err)
	}
	digits := len(raw) - 132
	tests := map[string][]byte{
		"empty":           {},
		"not JSON":        []byte("x"),
		"other format":    bytes.Replace(raw, []byte("fallow-manifest-v1"), []byte("fallow-manifest-v9"), 1),
		"other rows":      bytes.Replace(raw, []byte(`"rows": 30`), []byte(`"rows": 31`), 1),
		"a space more":    append([]byte(" "), raw...),
		"a newline more":  append(bytes.Clone(raw), '\n'),
		"upper-case hex":  append(bytes.Clone(raw[:digits]), bytes.ToUpper(raw[digits:])...),
		"path outside":    bytes.Replace(raw, []byte(`"path": "README.md"`), []byte(`"path": "../secret"`), 1),
		"absolute path":   bytes.Replace(raw, []byte(`"path": "README.md"`), []byte(`"path": "/etc/passwd"`), 1),
		"path is a drive": bytes.Replace(raw, []byte(`"path": "README.md"`), []byte(`"path": "c\\x"`), 1),
	}
	for name, changed := range tests {
		if _, err := dataset.ParseManifest(changed); !errors.Is(err, dataset.ErrManifest) && !errors.Is(err, dataset.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join(publish(f, 10), dataset.ManifestFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"format":"fallow-manifest-v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := dataset.ParseManifest(data); err == nil && !bytes.Equal(data, raw) {
			t.Fatalf("accepted a manifest nobody signed: %+v", m)
		}
	})
}
