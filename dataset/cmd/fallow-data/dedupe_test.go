package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// writeTexts writes a shard with a record for each text and returns its path.
func writeTexts(t *testing.T, path string, texts ...string) string {
	t.Helper()
	var records []dataset.Record
	for i, text := range texts {
		records = append(records, dataset.Record{
			Text: text, ID: fmt.Sprint(i), URL: fmt.Sprintf("https://a.example/%s/%d", filepath.Base(path), i), MinhashClusterSize: 1,
			Site: "a.example", SURT: fmt.Sprintf("example,a)/%02d", i), FetchedAt: time.Unix(1_790_000_000, 0),
		})
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.WriteShard(path, records, dataset.WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

func words(seed uint64, edited int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	list := make([]string, 300)
	for i := range list {
		list[i] = fmt.Sprint("w", r.IntN(5000))
		if edited > 0 && i%edited == edited-1 {
			list[i] = "edited"
		}
	}
	return strings.Join(list, " ")
}

func TestDedupe(t *testing.T) {
	dir := t.TempDir()
	first := writeTexts(t, filepath.Join(dir, "first.parquet"), words(1, 0), words(2, 0), words(3, 0), words(1, 90))
	folder := filepath.Join(dir, "second")
	writeTexts(t, filepath.Join(folder, "data", "a.parquet"), words(2, 0)+" ", words(4, 0))
	writeTexts(t, filepath.Join(folder, "data", "b.parquet"), words(3, 80), words(3, 40), words(5, 0))

	var found duplicates
	out := filepath.Join(dir, "merged")
	code, text, errs := command("dedupe", first, folder, "--json", "--out", out, "--tmp", dir)
	if code != 0 || json.Unmarshal([]byte(text), &found) != nil {
		t.Fatalf("exit %d: %s%s", code, text, errs)
	}
	if found.Records != 9 || found.Kept != 6 || found.Exact != 1 || found.Near != 2 || len(found.Examples) != 3 ||
		found.Sources[0].Kept != 3 || found.Sources[1].Kept != 3 {
		t.Errorf("%+v", found)
	}
	for _, e := range found.Examples {
		if e.KeptURL == "" || e.Similarity < 0.8 || e.Similarity > 1 || (e.Kind == "exact") != (e.Similarity == 1) {
			t.Errorf("%+v", e)
		}
	}
	sizes := map[string]int64{}
	err := dataset.ReadShard(filepath.Join(out, "data", "part-00000.parquet"), func(_ int64, r *dataset.Record) error {
		sizes[r.Text] = r.MinhashClusterSize
		if (r.DuplicateCluster != "") != (r.MinhashClusterSize > 1) {
			t.Errorf("%s: cluster %q of %d", r.URL, r.DuplicateCluster, r.MinhashClusterSize)
		}
		return nil
	})
	if err != nil || len(sizes) != 6 || sizes[words(1, 0)] != 2 || sizes[words(2, 0)] != 2 || sizes[words(3, 0)] != 2 || sizes[words(4, 0)] != 1 {
		t.Errorf("sizes %v, %v", sizes, err)
	}
	lines, err := os.ReadFile(filepath.Join(out, "duplicates.jsonl"))
	if err != nil || strings.Count(string(lines), "\n") != 3 {
		t.Errorf("%s, %v", lines, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "fallow-dedupe-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// What was written holds no more duplicates, and is a folder to be read again.
	if code, text, errs = command("dedupe", out); code != 0 || !strings.Contains(text, "0 of 6 records") {
		t.Errorf("exit %d: %s%s", code, text, errs)
	}
}

func TestDedupeRefusals(t *testing.T) {
	dir := t.TempDir()
	shard := writeTexts(t, filepath.Join(dir, "a.parquet"), words(1, 0))
	version := published(t)
	bad := filepath.Join(dir, "bad.parquet")
	if err := os.WriteFile(bad, []byte("PAR1 no PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no path":        {nil, 2, "requires at least 1 arg"},
		"threshold":      {[]string{shard, "--near", "0.3"}, 2, "give 0.7 to 1"},
		"out exists":     {[]string{shard, "--out", dir}, 2, "exists"},
		"missing":        {[]string{filepath.Join(dir, "none")}, 2, "check the path"},
		"no shards":      {[]string{t.TempDir()}, 2, "give the folder of a version"},
		"dataset folder": {[]string{filepath.Dir(version)}, 2, "its latest version is"},
		"broken":         {[]string{bad, "--out", filepath.Join(dir, "o")}, 1, "bad.parquet"},
		"version":        {[]string{version, "--near", "1"}, 0, ""},
	} {
		code, text, errs := command(append([]string{"dedupe"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d, %s%s", name, code, text, errs)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "o*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
