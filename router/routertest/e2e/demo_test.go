//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// summary is the last line of `demo --json` as others rely on it. It is written
// down here once more, so that a change over there is noticed.
type summary struct {
	Pages      *int64 `json:"pages"`
	Records    *int64 `json:"records"`
	Duplicates *struct {
		Exact *int64 `json:"exact"`
		Near  *int64 `json:"near"`
	} `json:"duplicates"`
	Skipped   map[string]int64 `json:"skipped"`
	Forbidden *int64           `json:"forbidden"`
	Failed    map[string]int64 `json:"failed"`
	Bytes     *uint64          `json:"bytes"`
	Seconds   *float64         `json:"seconds"`
	Nodes     []struct {
		ID        string  `json:"id"`
		Pages     *int64  `json:"pages"`
		BytesDown *uint64 `json:"bytes_down"`
		BytesUp   *uint64 `json:"bytes_up"`
		Points    *int64  `json:"points"`
	} `json:"nodes"`
	Dataset *struct {
		Dir     string `json:"dir"`
		Version *int   `json:"version"`
		Shards  *int   `json:"shards"`
		Root    string `json:"root"`
	} `json:"dataset"`
	Epoch *struct {
		Number *uint64 `json:"number"`
		Root   string  `json:"root"`
		File   string  `json:"file"`
		Pool   *int64  `json:"pool"`
		Paid   *int64  `json:"paid"`
	} `json:"epoch"`
	Settlement *struct {
		Skipped    string `json:"skipped"`
		Treasury   string `json:"treasury"`
		Mint       string `json:"mint"`
		Rate       string `json:"rate"`
		Commitment string `json:"commitment"`
		Paid       int64  `json:"paid"`
		Payouts    []struct {
			Node        string `json:"node"`
			Units       int64  `json:"units"`
			Transaction string `json:"transaction"`
		} `json:"payouts"`
	} `json:"settlement"`
	Judge *struct {
		Requests   *int  `json:"requests"`
		Disallowed *int  `json:"disallowed"`
		Complete   *bool `json:"complete"`
	} `json:"judge"`
	Console string `json:"console"`
}

// The demo is what everybody tries first.
func TestDemo(t *testing.T) {
	dir := folder(t)
	out := run(t, "fallow-router", "demo", "--pages", "200", "--nodes", "3", "--json", "--out", filepath.Join(dir, "out"))
	out.expect(t, "demo", 0)
	lines := strings.Split(strings.TrimSpace(out.stdout), "\n")
	s := parseSummary(t, lines[len(lines)-1])
	t.Logf("%d pages in %.1f s", *s.Pages, *s.Seconds)
	s.check(t)

	t.Run("dataset verifies", func(t *testing.T) { flipOneByte(t, s.Dataset.Dir) })
	t.Run("epoch verifies", func(t *testing.T) { alterEpoch(t, s.Epoch.File) })
	t.Run("folder in use", func(t *testing.T) {
		run(t, "fallow-router", "demo", "--out", filepath.Join(dir, "out")).expect(t, "demo", 2, "is not empty", "--out")
	})
}

func parseSummary(t *testing.T, line string) summary {
	t.Helper()
	var s summary
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		t.Fatalf("last line of standard output: %v\n%s", err, line)
	}
	var whole map[string]any
	if err := json.Unmarshal([]byte(line), &whole); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{
		"pages", "records", "duplicates", "skipped", "forbidden", "failed", "bytes", "seconds", "nodes", "dataset", "epoch", "judge", "console",
	} {
		if whole[field] == nil {
			t.Fatalf("the summary has no %s: %s", field, line)
		}
	}
	if s.Duplicates.Exact == nil || s.Duplicates.Near == nil || s.Dataset.Version == nil || s.Dataset.Shards == nil ||
		s.Epoch.Number == nil || s.Epoch.Pool == nil || s.Epoch.Paid == nil || s.Judge.Requests == nil || s.Judge.Disallowed == nil || s.Judge.Complete == nil {
		t.Fatalf("the summary lacks a part: %s", line)
	}
	for _, n := range s.Nodes {
		if n.ID == "" || n.Pages == nil || n.BytesDown == nil || n.BytesUp == nil || n.Points == nil {
			t.Fatalf("a node of the summary lacks a part: %s", line)
		}
	}
	return s
}

// check holds the figures against each other.
func (s summary) check(t *testing.T) {
	t.Helper()
	sum := *s.Records + *s.Duplicates.Exact + *s.Duplicates.Near
	for _, n := range s.Skipped {
		sum += n
	}
	if *s.Pages != 200 || sum != 200 {
		t.Errorf("%d pages, %d accounted for, want 200 and 200", *s.Pages, sum)
	}
	var pages, points int64
	var bytes uint64
	for _, n := range s.Nodes {
		if *n.Pages <= 0 || *n.BytesDown == 0 || *n.BytesUp == 0 || *n.Points <= 0 {
			t.Errorf("node %s carried %d pages, %d bytes down, %d up, for %d points", n.ID, *n.Pages, *n.BytesDown, *n.BytesUp, *n.Points)
		}
		pages, points, bytes = pages+*n.Pages, points+*n.Points, bytes+*n.BytesDown+*n.BytesUp
	}
	if len(s.Nodes) != 3 || pages != 200 || bytes != *s.Bytes {
		t.Errorf("%d nodes carried %d pages and %d bytes, want 3, 200 and %d", len(s.Nodes), pages, bytes, *s.Bytes)
	}
	if points != *s.Epoch.Paid || *s.Epoch.Paid > *s.Epoch.Pool || *s.Epoch.Number != 1 {
		t.Errorf("nodes have %d points together; the epoch: %+v", points, *s.Epoch)
	}
	if s.Settlement == nil {
		t.Fatal("the summary has no settlement")
	}
	if s.Settlement.Skipped != "" {
		t.Logf("not settled: %s", s.Settlement.Skipped)
	} else if paid := s.Settlement.Paid; paid <= 0 || len(s.Settlement.Payouts) != len(s.Nodes) || s.Settlement.Commitment == "" {
		t.Errorf("settlement %+v", *s.Settlement)
	}
	if *s.Judge.Disallowed != 0 || !*s.Judge.Complete || *s.Judge.Requests < 200 {
		t.Errorf("judge: %d requests, %d disallowed, complete %v", *s.Judge.Requests, *s.Judge.Disallowed, *s.Judge.Complete)
	}
	if len(s.Dataset.Root) != 64 || len(s.Epoch.Root) != 64 || *s.Dataset.Shards < 2 || !strings.HasPrefix(s.Console, "http://127.0.0.1:") {
		t.Errorf("dataset %+v, epoch %+v, console %s", *s.Dataset, *s.Epoch, s.Console)
	}
}

// flipOneByte has the dataset verified, alters one byte of the text of one
// record, and wants to be told where.
func flipOneByte(t *testing.T, dir string) {
	run(t, "fallow-data", "verify", dir).expect(t, "verify", 0, "valid")
	run(t, "fallow-data", "verify", filepath.Join(dir, "nowhere")).expect(t, "verify what is not there", 2, "check the path")

	shards, err := filepath.Glob(filepath.Join(dir, "data", "*.parquet"))
	if err != nil || len(shards) < 2 {
		t.Fatalf("shards: %v, %v", shards, err)
	}
	shard := shards[1]
	flipIn(t, shard, textOf(t, shard))
	out := run(t, "fallow-data", "verify", dir)
	out.expect(t, "verify with one byte flipped", 1, "not valid", filepath.Join("data", filepath.Base(shard)), "row")
	t.Logf("one byte flipped:\n%s", out.stdout)
}

// textOf finds bytes of a shard's text as they lie in the file. Text columns are
// compressed, but short runs that have not occurred before lie there literally.
func textOf(t *testing.T, shard string) int {
	t.Helper()
	raw, err := os.ReadFile(shard)
	if err != nil {
		t.Fatal(err)
	}
	var found int
	stop := fs.SkipAll
	err = dataset.ReadShard(shard, func(_ int64, r *dataset.Record) error {
		for _, word := range strings.Fields(r.Text) {
			if at := bytes.Index(raw, []byte(word)); len(word) >= 8 && at > 0 && bytes.Count(raw, []byte(word)) == 1 {
				found = at
				return stop
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if found == 0 {
		// All of it is compressed: the middle of the largest part will do.
		found = len(raw) / 3
	}
	return found
}

func flipIn(t *testing.T, path string, at int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[at] ^= 1
	// A shard is hard-linked; only this name of it is to change.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

func alterEpoch(t *testing.T, file string) {
	run(t, "fallow-data", "epoch", "verify", file).expect(t, "verify", 0, "valid")
	run(t, "fallow-data", "epoch", "verify", file+".gone").expect(t, "verify what is not there", 2, "cannot tell")

	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`"bytes_signed":"[1-9]`).FindIndex(raw)[1] - 1
	raw[at] = '1' + (raw[at]-'0')%9 // another digit, and no zero in front
	altered := filepath.Join(t.TempDir(), "altered.json")
	if err := os.WriteFile(altered, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "fallow-data", "epoch", "verify", altered)
	out.expect(t, "verify with one digit altered", 1, "not valid", "statements[")
	t.Logf("one digit altered:\n%s", out.stdout)
}
