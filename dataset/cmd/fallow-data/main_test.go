package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// published publishes a small version and returns its folder.
func published(t *testing.T) string {
	t.Helper()
	var records []dataset.Record
	for i := range 12 {
		records = append(records, dataset.Record{
			Text: fmt.Sprintf("Text %d\x1b[31m with \u202e tricks. %s", i, strings.Repeat("More of it. ", 30)), ID: fmt.Sprint(i), URL: fmt.Sprintf("https://a.example/%d", i),
			Language: "eng", LanguageScript: "Latn", Site: "a.example", SURT: fmt.Sprintf("example,a)/%02d", i), Title: "Title", Status: 200,
			Transport: "https", FetchedAt: time.Unix(1_790_000_000, 0),
		})
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "shard.parquet")
	shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = dataset.Publish(filepath.Join(dir, "demo"), dataset.VersionSpec{
		Dataset: "demo", Version: 1, Created: time.Unix(1_790_000_000, 0), Shards: []dataset.ShardFile{{Path: path, Shard: shard}},
	}, ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "demo", "v1")
}

// command runs fallow-data as main would.
func command(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestVerify(t *testing.T) {
	dir := published(t)
	key := dataset.Address(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	other := dataset.Address(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)).Public().(ed25519.PublicKey))
	shard := filepath.Join(dir, "data", "train-00000-of-00001.parquet")
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"version", []string{dir}, 0, "valid demo version 1"},
		{"right key", []string{dir, "--key", key}, 0, "valid"},
		{"wrong key", []string{dir, "--key", other}, 1, "not by " + other},
		{"no key", []string{dir, "--key", "x"}, 2, "--key"},
		{"shard", []string{shard}, 0, "12 rows"},
		{"nothing", []string{filepath.Join(dir, "nope")}, 2, "check the path"},
		{"dataset folder", []string{filepath.Dir(dir)}, 2, "latest version is " + dir},
		{"no argument", nil, 2, "accepts 1 arg"},
	}
	for _, test := range tests {
		code, out, errs := command(append([]string{"verify"}, test.args...)...)
		if code != test.code || !strings.Contains(out+errs, test.says) {
			t.Errorf("%s: exit %d, %q, %q", test.name, code, out, errs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := command("verify", dir, "--json")
	var report dataset.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 1 || report.Problems[0].File != "README.md" {
		t.Errorf("changed card: exit %d, %v, %s", code, err, out)
	}
}

func TestProve(t *testing.T) {
	dir := published(t)
	key := dataset.Address(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
	file := filepath.Join(t.TempDir(), "proof.json")
	code, out, errs := command("prove", dir, "--url", "https://a.example/7", "--out", file)
	if code != 0 || out != "" || !strings.Contains(errs, "row 7 of data/train-00000-of-00001.parquet") {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	if code, out, errs = command("verify", file, "--key", key); code != 0 || !strings.Contains(out, "valid proof of a row of demo version 1") {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ = command("prove", dir, "--row", "7"); code != 0 || out != string(raw) {
		t.Errorf("exit %d, to standard output %q", code, out)
	}
	if err := os.WriteFile(file, bytes.Replace(raw, []byte("Text 7"), []byte("Text 8"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ = command("verify", file); code != exitInvalid || !strings.Contains(out, "field text") {
		t.Errorf("exit %d, %q", code, out)
	}
	for _, args := range [][]string{{"prove", dir}, {"prove", dir, "--id", "x"}, {"prove", dir, "--row", "1", "--id", "1"}, {"prove", file, "--row", "1"}} {
		if code, _, errs := command(args...); code != exitCannotTell || errs == "" {
			t.Errorf("%v: exit %d, %q", args, code, errs)
		}
	}
	for _, args := range [][]string{{"--rpc", "http://127.0.0.1:1"}, {"--rpc", "ftp://x", "--memo", "x"}} {
		if code, _, errs := command(append([]string{"verify", dir}, args...)...); code != exitCannotTell || errs == "" {
			t.Errorf("%v: exit %d, %q", args, code, errs)
		}
	}
}

func TestInspect(t *testing.T) {
	dir := published(t)
	for _, path := range []string{dir, filepath.Join(dir, "data", "train-00000-of-00001.parquet")} {
		code, out, errs := command("inspect", path)
		if code != 0 || !strings.Contains(out, "12 rows") || !strings.Contains(out, `\x1b[31m`) || strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("exit %d, %q, %q", code, out, errs)
		}
		code, out, _ = command("inspect", path, "--json", "--rows", "1")
		var o map[string]any
		if err := json.Unmarshal([]byte(out), &o); err != nil || code != 0 || len(o["preview"].([]any)) != 1 {
			t.Errorf("exit %d, %v, %s", code, err, out)
		}
		code, out, errs = command("inspect", path, "--where", "url~A.EXAMPLE/", "--where", "status=200", "--where", "id!=0", "--rows", "2", "--where", "text~with")
		if code != 0 || !strings.Contains(out, "https://a.example/1\n") || strings.Contains(out, "https://a.example/0\n") || strings.Count(out, "of train-00000") != 2 {
			t.Errorf("--where: exit %d, %s, %s", code, out, errs)
		}
	}
	for _, bad := range []string{"title", "=x", "nope=1", "url!x"} {
		if code, _, errs := command("inspect", dir, "--where", bad); code != exitCannotTell || !strings.Contains(errs, "--where") {
			t.Errorf("--where %s: exit %d, %s", bad, code, errs)
		}
	}
}

func TestExport(t *testing.T) {
	dir := published(t)
	code, out, errs := command("export", "--format", "jsonl", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var row map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &row); err != nil || code != 0 || len(lines) != 12 || row["url"] != "https://a.example/0" || len(row) != len(dataset.Schema().Fields()) {
		t.Fatalf("exit %d, %v, %d lines, %v, %s", code, err, len(lines), row, errs)
	}
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	if code, _, errs := command("export", "--format", "jsonl", dir, "--out", file); code != 0 {
		t.Fatal(errs)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != out {
		t.Errorf("--out wrote something else: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "copy")
	if code, _, errs := command("export", "--format", "hf", dir, "--out", folder); code != 0 {
		t.Fatal(errs)
	}
	if code, out, errs := command("verify", folder); code != 0 {
		t.Error(out, errs)
	}
	for _, bad := range [][]string{{"export", dir}, {"export", "--format", "hf", dir}, {"export", "--format", "hf", dir, "--out", folder}} {
		if code, _, errs := command(bad...); code != exitCannotTell || errs == "" {
			t.Errorf("%v: exit %d, %s", bad, code, errs)
		}
	}
}

func TestEpochVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epoch.json")
	if code, _, errs := command("epoch", "verify", path); code != exitCannotTell || errs == "" {
		t.Errorf("no file: exit %d, %s", code, errs)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command("epoch", "verify", path, "--json"); code != exitInvalid || !strings.Contains(out, `"valid": false`) {
		t.Errorf("no epoch: exit %d, %s", code, out)
	}
}

func TestEveryCommandHasExamples(t *testing.T) {
	for _, c := range newRoot().Commands() {
		for _, sub := range append(c.Commands(), c) {
			if sub.Short == "" || (sub.Example == "" && !sub.HasSubCommands()) {
				t.Errorf("%s has no help or no example", sub.CommandPath())
			}
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{"short", []string{"short"}},
		{"one two three", []string{"one two", "three"}},
		{"one two three four five six", []string{"one two", "three", "four f…"}},
		{"äöüäöüäöüäöü", []string{"äöüäöüä", "öüäöü"}},
	}
	for _, test := range tests {
		if got := wrap(test.text, 7, 3); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
