package dataset_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// rowsOf reads all rows of a version by id.
func rowsOf(t testing.TB, dir string) map[string]dataset.Record {
	t.Helper()
	v, err := dataset.OpenVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]dataset.Record{}
	err = v.Read(func(_ string, _ int64, r *dataset.Record) error { rows[r.ID] = *r; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func order(scope dataset.Scope, target string) dataset.Takedown {
	return dataset.Takedown{Scope: scope, Target: target, Reason: "asked by the owner of " + string(scope), At: epoch0}
}

// TestTakedown is the whole of it: exactly the rows that are covered go, what is
// kept does not change by a bit, and nothing comes back.
func TestTakedown(t *testing.T) {
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), synthetic(200, 1))
	b := writeShard(t, filepath.Join(open, "b.parquet"), oneSite(synthetic(30, 2), "only.example"))
	c := writeShard(t, filepath.Join(open, "c.parquet"), oneSite(synthetic(30, 3), "other.example"))
	if _, err := dataset.Publish(dir, spec(1, a, b, c), testKey()); err != nil {
		t.Fatal(err)
	}
	before := rowsOf(t, filepath.Join(dir, "v1"))
	var one dataset.Record
	for _, r := range before {
		if r.Site == "site07.example" {
			one = r
		}
	}
	orders := []dataset.Takedown{order(dataset.ScopeURL, one.URL), order(dataset.ScopeSite, "only.example"), order(dataset.ScopePattern, "www.site03.example/page/*")}

	next := spec(2, a, b, c)
	next.Takedowns = orders
	m, err := dataset.Publish(dir, next, testKey())
	if err != nil {
		t.Fatal(err)
	}
	after := rowsOf(t, filepath.Join(dir, "v2"))
	gone := 0
	for id, r := range before {
		covered := r.ID == one.ID || r.Site == "only.example" || r.Site == "site03.example"
		kept, there := after[id]
		switch {
		case covered == there:
			t.Errorf("row %s of %s: covered %v, still there %v", id, r.URL, covered, there)
		case there && !reflect.DeepEqual(kept, r):
			t.Errorf("row %s changed", id)
		case covered:
			gone++
		}
	}
	if len(after)+gone != len(before) || gone < 31 {
		t.Fatalf("%d rows, of which %d went, are %d", len(before), gone, len(after))
	}
	checkTakenDown(t, filepath.Join(dir, "v2"), m, before, after, orders)
	// The shard without such rows is the same file.
	if m.Shards[1].SHA256 != c.Shard.SHA256 || m.Shards[1].Origin != "" || m.Shards[0].Origin != a.Shard.SHA256 || len(m.Emptied) != 1 || m.Emptied[0] != b.Shard.SHA256 {
		t.Errorf("shards %+v, emptied %v", m.Shards, m.Emptied)
	}
	again, err := dataset.Publish(dir, next, testKey())
	if err != nil || !reflect.DeepEqual(again, m) || !m.MadeOf(next) {
		t.Errorf("published again: %v", err)
	}

	// A recrawl brings pages of the same sites; they never become rows.
	d := writeShard(t, filepath.Join(open, "d.parquet"), append(oneSite(synthetic(10, 4), "only.example"), synthetic(40, 5)...))
	third := spec(3, a, b, c, d)
	third.Takedowns = orders
	m3, err := dataset.Publish(dir, third, testKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rowsOf(t, filepath.Join(dir, "v3")) {
		if r.Site == "only.example" || r.Site == "site03.example" {
			t.Errorf("%s came back", r.URL)
		}
	}
	if fresh := dataset.NewShards(m3, m); len(fresh) != 1 || fresh[0].Origin != d.Shard.SHA256 {
		t.Errorf("new since version 2: %+v", fresh)
	}
	if fresh := dataset.NewShards(m, mustOpen(t, filepath.Join(dir, "v1")).Manifest); len(fresh) != 0 {
		t.Errorf("a takedown brings rows: %+v", fresh)
	}
	// An order is not taken back, nor forgotten.
	fourth := spec(4, a, b, c, d)
	fourth.Takedowns = orders[:2]
	if _, err := dataset.Publish(dir, fourth, testKey()); err == nil {
		t.Error("a version without a takedown of the one before")
	}
	if report, err := dataset.Verify(filepath.Join(dir, "v1"), dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Errorf("version 1 changed: %+v, %v", report, err)
	}
}

func mustOpen(t testing.TB, dir string) *dataset.Version {
	t.Helper()
	v, err := dataset.OpenVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func oneSite(records []dataset.Record, site string) []dataset.Record {
	for i := range records {
		r := &records[i]
		r.URL = strings.Replace(r.URL, r.Host, site, 1)
		r.SURT = strings.Replace(r.SURT, strings.TrimSuffix(r.Site, ".example"), strings.TrimSuffix(site, ".example"), 1)
		r.Host, r.Site = site, site
	}
	return records
}

// checkTakenDown looks at what tells of the removal.
func checkTakenDown(t *testing.T, dir string, m *dataset.Manifest, before, after map[string]dataset.Record, orders []dataset.Takedown) {
	t.Helper()
	report, err := dataset.Verify(dir, dataset.VerifyOptions{Key: public(testKey())})
	if err != nil || !report.Valid {
		t.Errorf("%+v, %v", report, err)
	}
	leaves, urls := map[[32]byte]bool{}, map[[32]byte]bool{}
	err = dataset.ReadRemoved(filepath.Join(dir, dataset.RemovedFile), func(_ int64, s *dataset.Tombstone) error {
		leaves[s.Record], urls[s.URLSHA256] = true, true
		if s.Version != 2 || s.Reason != "asked by the owner of "+s.Scope || !s.At.Equal(epoch0.Truncate(1e9)) {
			t.Errorf("tombstone %+v", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range before {
		_, there := after[id]
		if leaves[r.Leaf] == there || urls[sha256.Sum256([]byte(r.URL))] == there {
			t.Errorf("row %s: there %v, its tombstone %v", id, there, leaves[r.Leaf])
		}
	}
	if m.Removed != int64(len(leaves)) || m.Takedowns != 3 {
		t.Errorf("manifest says %d rows by %d orders", m.Removed, m.Takedowns)
	}
	v := mustOpen(t, dir)
	notices, err := v.Notices()
	total := int64(0)
	for i, n := range notices {
		total += n.Rows
		if n.Number != i+1 || n.Version != 2 || n.Scope != orders[i].Scope || n.Rows == 0 {
			t.Errorf("notice %+v", n)
		}
	}
	if err != nil || len(notices) != 3 || total != m.Removed {
		t.Errorf("notices %+v, %v", notices, err)
	}
	// No word of what went is left in any file.
	for _, f := range m.Files {
		raw, err := os.ReadFile(v.Path(f.Path))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("only.example")) {
			t.Errorf("%s still names the site", f.Path)
		}
	}
}

// TestTakedownOfEverything leaves a version without a row that is still one.
func TestTakedownOfEverything(t *testing.T) {
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), oneSite(synthetic(20, 1), "only.example"))
	if _, err := dataset.Publish(dir, spec(1, a), testKey()); err != nil {
		t.Fatal(err)
	}
	next := spec(2, a)
	next.Takedowns = []dataset.Takedown{order(dataset.ScopeSite, "only.example")}
	m, err := dataset.Publish(dir, next, testKey())
	if err != nil || m.Rows != 0 || len(m.Shards) != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if report, err := dataset.Verify(filepath.Join(dir, "v2"), dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Errorf("%+v, %v", report, err)
	}
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(20, 2))
	third := spec(3, a, b)
	third.Takedowns = next.Takedowns
	if m, err = dataset.Publish(dir, third, testKey()); err != nil || m.Rows != 20 || len(m.Emptied) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestTakedownReachesAnswers: the raw answer of a row goes with it.
func TestTakedownReachesAnswers(t *testing.T) {
	open, dir := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	records := synthetic(60, 1)
	a := writeShard(t, filepath.Join(open, "a.parquet"), records)
	var answers []dataset.Raw
	for _, r := range records {
		answers = append(answers, dataset.Raw{ID: r.ID, URL: r.URL, FetchedAt: r.FetchedAt, Status: 200, Protocol: "HTTP/1.1", Body: []byte("<html>" + r.ID)})
	}
	raw, err := dataset.WriteRaw(filepath.Join(open, "raw.parquet"), answers, dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a.Raw, a.Shard.Raw = filepath.Join(open, "raw.parquet"), &raw
	next := spec(1, a)
	next.Takedowns = []dataset.Takedown{order(dataset.ScopeSite, "site03.example")}
	if _, err := dataset.Publish(dir, next, testKey()); err != nil {
		t.Fatal(err)
	}
	rows, answered := rowsOf(t, filepath.Join(dir, "v1")), 0
	err = mustOpen(t, filepath.Join(dir, "v1")).ReadRaw(func(_ string, _ int64, r *dataset.Raw) error {
		answered++
		if _, ok := rows[r.ID]; !ok || strings.Contains(r.URL, "site03") {
			t.Errorf("answer %s stayed", r.URL)
		}
		return nil
	})
	if err != nil || answered != len(rows) || answered == 60 {
		t.Errorf("%d answers to %d rows, %v", answered, len(rows), err)
	}
	if report, err := dataset.Verify(filepath.Join(dir, "v1"), dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestPublishTwiceGivesTheSameBytes: nothing in a version depends on when, where
// or in which order of a map it was made.
func TestPublishTwiceGivesTheSameBytes(t *testing.T) {
	a := writeShard(t, filepath.Join(t.TempDir(), "a.parquet"), synthetic(80, 1))
	s := spec(1, a)
	s.Takedowns = []dataset.Takedown{order(dataset.ScopeSite, "site03.example")}
	var manifests [][]byte
	for range 2 {
		dir := filepath.Join(t.TempDir(), "demo")
		if _, err := dataset.Publish(dir, s, testKey()); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "v1", dataset.ManifestFile))
		if err != nil || !json.Valid(raw) {
			t.Fatal(err)
		}
		manifests = append(manifests, raw)
	}
	if !bytes.Equal(manifests[0], manifests[1]) {
		t.Error("two manifests of one spec differ")
	}
}
