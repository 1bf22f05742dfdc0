package dataset_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// withHistory publishes three versions: rows, more rows, fewer rows.
func withHistory(t testing.TB) (dir string, m *dataset.Manifest) {
	t.Helper()
	open, all := t.TempDir(), filepath.Join(t.TempDir(), "demo")
	a := writeShard(t, filepath.Join(open, "a.parquet"), synthetic(200, 1))
	b := writeShard(t, filepath.Join(open, "b.parquet"), synthetic(100, 2))
	for version, s := range []dataset.VersionSpec{spec(1, a), spec(2, a, b), spec(3, a, b)} {
		if version == 2 {
			s.Takedowns = []dataset.Takedown{order(dataset.ScopeSite, "site03.example")}
		}
		var err error
		if m, err = dataset.Publish(all, s, testKey()); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(all, "v3"), m
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// croissantRequired are the properties that Croissant 1.1 requires of a dataset.
var croissantRequired = []string{
	"@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished", "distribution",
}

func TestCroissant(t *testing.T) {
	dir, m := withHistory(t)
	var c map[string]any
	readJSON(t, filepath.Join(dir, dataset.CroissantFile), &c)
	for _, name := range croissantRequired {
		if v, ok := c[name]; !ok || fmt.Sprint(v) == "" {
			t.Errorf("required property %s is missing", name)
		}
	}
	if c["@type"] != "sc:Dataset" || !slices.Contains(c["conformsTo"].([]any), "http://mlcommons.org/croissant/1.1") {
		t.Errorf("@type %v, conformsTo %v", c["@type"], c["conformsTo"])
	}
	if published, err := time.Parse(time.RFC3339, c["datePublished"].(string)); err != nil || !published.Equal(m.Created) {
		t.Errorf("datePublished %v", c["datePublished"])
	}
	// Rows were taken out: the first number grew.
	if !regexp.MustCompile(`^2\.0\.0$`).MatchString(c["version"].(string)) {
		t.Errorf("version %v", c["version"])
	}
	for _, name := range []string{"prov:wasGeneratedBy", "prov:wasAttributedTo", "prov:wasDerivedFrom", "usageInfo"} {
		if c[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	checkContext(t, c)
	ids := checkDistribution(t, dir, m, c["distribution"].([]any))
	checkRecordSets(t, c["recordSet"].([]any), ids)
}

// checkContext: every prefix that is used is declared.
func checkContext(t *testing.T, c map[string]any) {
	t.Helper()
	context := c["@context"].(map[string]any)
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"([a-z]+):[A-Za-z]+":`).FindAllSubmatch(raw, -1) {
		if context[string(found[1])] == nil {
			t.Errorf("prefix %s is not declared", found[1])
		}
	}
}

// checkDistribution: every file of the version but the sums, the manifest and
// the file itself is there with its digest.
func checkDistribution(t *testing.T, dir string, m *dataset.Manifest, list []any) (ids map[string]bool) {
	t.Helper()
	ids = map[string]bool{}
	digests := map[string]string{}
	for _, one := range list {
		o := one.(map[string]any)
		id := o["@id"].(string)
		if ids[id] {
			t.Errorf("@id %s twice", id)
		}
		ids[id] = true
		if o["@type"] == "cr:FileSet" {
			found, err := filepath.Glob(filepath.Join(dir, strings.Replace(o["includes"].(string), "**/", "", 1)))
			if err != nil || len(found) != len(m.Shards) {
				t.Errorf("the file set finds %v, %v", found, err)
			}
			continue
		}
		for _, name := range []string{"name", "contentUrl", "encodingFormat", "sha256"} {
			if o[name] == nil {
				t.Errorf("file object %s has no %s", id, name)
			}
		}
		digests[o["contentUrl"].(string)] = o["sha256"].(string)
	}
	for _, f := range m.Files {
		if f.Path == dataset.CroissantFile || f.Path == dataset.SumsFile {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(raw); digests[f.Path] != hex.EncodeToString(sum[:]) {
			t.Errorf("digest of %s is %q", f.Path, digests[f.Path])
		}
	}
	return ids
}

func checkRecordSets(t *testing.T, sets []any, files map[string]bool) {
	t.Helper()
	columns := 0
	for _, one := range sets {
		set := one.(map[string]any)
		for _, f := range set["field"].([]any) {
			field := f.(map[string]any)
			source := field["source"].(map[string]any)
			from, ok := source["fileSet"].(map[string]any)
			if !ok {
				from = source["fileObject"].(map[string]any)
			}
			if !files[from["@id"].(string)] || field["description"] == "" {
				t.Errorf("field %v comes from %v", field["@id"], from)
			}
			if set["@id"] == "records" {
				if name := dataset.Schema().Field(columns).Name; field["name"] != name || source["extract"].(map[string]any)["column"] != name {
					t.Errorf("field %d is %v, the column is %s", columns, field["name"], name)
				}
				columns++
			}
		}
	}
	if columns != len(dataset.Schema().Fields()) {
		t.Errorf("%d fields for %d columns", columns, len(dataset.Schema().Fields()))
	}
}

func TestProvenance(t *testing.T) {
	dir, m := withHistory(t)
	var p struct {
		Router, Schema string
		Former         struct {
			Version int
			Root    string
		}
		Shards []struct {
			File, SHA256, Committed string
			Rows                    int64
			Rewritten               bool
			New                     bool `json:"new_in_this"`
		}
		Takedowns []dataset.Notice
	}
	readJSON(t, filepath.Join(dir, dataset.ProvenanceFile), &p)
	former := mustOpen(t, filepath.Join(filepath.Dir(dir), "v2")).Manifest
	if p.Router != m.Router || p.Schema != m.Schema || p.Former.Version != 2 || p.Former.Root != former.Root.String() || len(p.Shards) != 2 || len(p.Takedowns) != 1 {
		t.Errorf("%+v", p)
	}
	for i, s := range p.Shards {
		if s.SHA256 != m.Shards[i].SHA256 || s.Committed != former.Shards[i].SHA256 || !s.Rewritten || s.New || s.Rows != m.Shards[i].Rows {
			t.Errorf("shard %+v", s)
		}
	}
}

func TestTrainingSummary(t *testing.T) {
	dir, m := withHistory(t)
	var s struct {
		Records  int64
		Sites    int64
		TopSites []struct {
			Site    string
			Records int64
		} `json:"top_sites"`
		OptOuts struct {
			RefusedRobots int64 `json:"addresses_not_fetched_robots"`
			RefusedOptOut int64 `json:"pages_left_out_opt_out"`
		} `json:"opt_outs"`
		Removal struct{ Rows int64 }
	}
	readJSON(t, filepath.Join(dir, dataset.SummaryFile), &s)
	sites, err := mustOpen(t, dir).Sites()
	if err != nil {
		t.Fatal(err)
	}
	if s.Records != m.Rows || s.Sites != int64(len(sites)) || len(s.TopSites) != 2 || s.OptOuts.RefusedRobots != 7 || s.OptOuts.RefusedOptOut != 3 || s.Removal.Rows != m.Removed {
		t.Errorf("%+v of %d sites", s, len(sites))
	}
	for site, rows := range sites {
		if rows > s.TopSites[1].Records && site != s.TopSites[0].Site {
			t.Errorf("%s with %d rows is not among %v", site, rows, s.TopSites)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, dataset.SummaryText))
	if err != nil || !bytes.Contains(text, []byte("| "+s.TopSites[0].Site+" |")) || !bytes.Contains(text, []byte("7 addresses")) {
		t.Errorf("text: %v\n%s", err, text)
	}
}

func TestSample(t *testing.T) {
	dir, m := withHistory(t)
	rows := rowsOf(t, dir)
	n := 0
	err := dataset.ReadShard(filepath.Join(dir, filepath.FromSlash(dataset.SampleFile)), func(_ int64, r *dataset.Record) error {
		if whole, ok := rows[r.ID]; !ok || whole.Leaf != r.Leaf {
			t.Errorf("row %s is not of the version", r.ID)
		}
		n++
		return nil
	})
	if err != nil || n != 100 || m.Rows < 200 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// TestSums: what sha256sum -c reads names every file but itself and the manifest.
func TestSums(t *testing.T) {
	dir, m := withHistory(t)
	raw, err := os.ReadFile(filepath.Join(dir, dataset.SumsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	if len(lines) != len(m.Files)-1 {
		t.Errorf("%d lines for %d files", len(lines), len(m.Files))
	}
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if got := sha256.Sum256(content); err != nil || hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: %v", line, err)
		}
	}
}
