package dataset_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/fallow-network/fallow/dataset"
)

var update = flag.Bool("update", false, "rewrite SCHEMA.md")

func TestSchemaDocument(t *testing.T) {
	want := dataset.SchemaDocument()
	if *update {
		if err := os.WriteFile("SCHEMA.md", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("SCHEMA.md")
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("SCHEMA.md is stale (%v): run go generate ./dataset", err)
	}
}

func TestFineWebColumnsComeFirst(t *testing.T) {
	want := []string{"text", "id", "dump", "url", "date", "file_path", "language", "language_script", "language_score", "token_count", "minhash_cluster_size"}
	var got []string
	for _, f := range dataset.Schema().Fields() {
		got = append(got, f.Name)
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("columns begin with %v", got[:len(want)])
	}
	if got[len(got)-1] != "leaf" {
		t.Errorf("the last column is %s", got[len(got)-1])
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	for _, s := range []*arrow.Schema{dataset.Schema(), dataset.RawSchema(), dataset.DuplicatesSchema()} {
		for _, f := range s.Fields() {
			for _, key := range []string{"description", "source", "since"} {
				if value, ok := f.Metadata.GetValue(key); !ok || value == "" {
					t.Errorf("field %s has no %s", f.Name, key)
				}
			}
		}
	}
}

// Every field must change the leaf: a column that the encoding forgot could
// be altered unseen.
func TestEveryFieldChangesTheLeaf(t *testing.T) {
	base := synthetic(3, 1)[2]
	seen := map[string]string{dataset.RowLeaf(&base).String(): "nothing"}
	for name, change := range changes() {
		r := base
		change(&r)
		leaf := dataset.RowLeaf(&r).String()
		if other, ok := seen[leaf]; ok {
			t.Errorf("changing %s gives the leaf of changing %s", name, other)
		}
		seen[leaf] = name
	}
	if n := len(dataset.Schema().Fields()) - 1; len(changes()) < n {
		t.Errorf("%d changes for %d fields", len(changes()), n)
	}
}

// changes alters each field of a record once.
func changes() map[string]func(*dataset.Record) {
	type R = dataset.Record
	return map[string]func(*R){
		"text": func(r *R) { r.Text += "x" }, "id": func(r *R) { r.ID += "x" }, "dump": func(r *R) { r.Dump += "x" },
		"url": func(r *R) { r.URL += "x" }, "date": func(r *R) { r.Date += "x" }, "file_path": func(r *R) { r.FilePath += "x" },
		"language": func(r *R) { r.Language += "x" }, "script": func(r *R) { r.LanguageScript += "x" },
		"score": func(r *R) { r.LanguageScore += 1e-9 }, "tokens": func(r *R) { r.TokenCount++ }, "cluster": func(r *R) { r.MinhashClusterSize++ },
		"host": func(r *R) { r.Host += "x" }, "site": func(r *R) { r.Site += "x" }, "surt": func(r *R) { r.SURT += "x" }, "title": func(r *R) { r.Title += "x" },
		"fetched": func(r *R) { r.FetchedAt = r.FetchedAt.Add(1000) }, "status": func(r *R) { r.Status++ }, "mime": func(r *R) { r.MIME += "x" },
		"charset": func(r *R) { r.Charset += "x" }, "digest": func(r *R) { r.TextDigest[15]++ }, "country": func(r *R) { r.NodeCountry += "x" },
		"job": func(r *R) { r.Job += "x" }, "lease": func(r *R) { r.Lease[15]++ }, "robots": func(r *R) { r.Robots += "x" }, "rule": func(r *R) { r.RobotsRule += "x" },
		"train": func(r *R) { r.AITrain += "x" }, "signal": func(r *R) { r.Signals = append(slices.Clone(r.Signals), dataset.Signal{}) },
		"signal text": func(r *R) { s := slices.Clone(r.Signals); s[0].Text += "x"; r.Signals = s },
		"signal cut": func(r *R) {
			s := slices.Clone(r.Signals)
			s[0].Source, s[0].Text = s[0].Source+s[0].Text[:1], s[0].Text[1:]
			r.Signals = s
		},
		"extractor": func(r *R) { r.Extractor += "x" }, "extractor version": func(r *R) { r.ExtractorVersion += "x" },
		"transport": func(r *R) { r.Transport += "x" }, "tls": func(r *R) { r.TLSVersion += "x" }, "certificate": func(r *R) { r.TLSCertSHA256[31]++ },
		"cluster id": func(r *R) { r.DuplicateCluster += "x" }, "license": func(r *R) { r.License += "x" }, "license source": func(r *R) { r.LicenseSource += "x" },
		"email": func(r *R) { r.PIIEmail++ }, "phone": func(r *R) { r.PIIPhone++ }, "iban": func(r *R) { r.PIIIBAN++ }, "national id": func(r *R) { r.PIINationalID++ },
		"collector": func(r *R) { r.Collector += "x" }, "fields": func(r *R) { r.Fields += "x" }, "body": func(r *R) { r.BodySHA256[31]++ },
		"body bytes": func(r *R) { r.BodyBytes++ }, "epoch": func(r *R) { r.Epoch++ },
	}
}
