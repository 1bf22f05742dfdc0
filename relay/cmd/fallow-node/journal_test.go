package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/journal"
)

// writeJournal writes n entries into the journal of dir and returns its file.
func writeJournal(t *testing.T, dir string, n int) string {
	t.Helper()
	path := filepath.Join(dir, relay.JournalDir)
	j, err := journal.Open(slog.New(slog.DiscardHandler), time.Now, path, journal.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		host := []string{"www.a.example", "b.example"}[i%2]
		e := journal.Entry{Kind: journal.Closed, Host: host, Port: 443, Purpose: "=HYPERLINK(\"x\")\x1b[2J", BytesDown: 7}
		if _, err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(path, "journal-*.log"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0]
}

func TestJournalVerify(t *testing.T) {
	dir := shortDir(t)
	if out, _, code := cli(t, "journal", "verify", "--data", dir); code != 0 || !strings.Contains(out, "no entries") {
		t.Errorf("without a journal: exit %d, %q", code, out)
	}
	file := writeJournal(t, dir, 5)
	if out, _, code := cli(t, "journal", "verify", "--data", dir); code != 0 || !strings.Contains(out, "entries 1 to 5") {
		t.Errorf("sound: exit %d, %q", code, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, []byte(`"seq":3`), []byte(`"seq":8`), 1)
	removed := bytes.Join(append(bytes.SplitAfter(text, []byte("\n"))[:1:1], bytes.SplitAfter(text, []byte("\n"))[3:]...), nil)
	for _, tt := range []struct {
		name string
		text []byte
		says string
	}{
		{"changed", changed, "journal entry 3 "},
		{"removed", removed, "journal entry 2 "},
		{"torn", text[:len(text)-9], "put aside when the agent starts"},
	} {
		if err := os.WriteFile(file, tt.text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := cli(t, "journal", "verify", "--data", dir); code != 1 || !strings.Contains(stderr, tt.says) {
			t.Errorf("%s: exit %d, %q", tt.name, code, stderr)
		}
	}
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code := cli(t, "journal", "verify", "--json", "--data", dir)
	var v struct {
		Valid   bool   `json:"valid"`
		Entries uint64 `json:"entries"`
		Damage  struct {
			Entry uint64 `json:"entry"`
		} `json:"damage"`
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 1 || v.Valid || v.Entries != 2 || v.Damage.Entry != 3 {
		t.Errorf("exit %d, %v, %s", code, err, out)
	}
}

func TestJournalExport(t *testing.T) {
	dir := shortDir(t)
	file := writeJournal(t, dir, 6)
	out, stderr, code := cli(t, "journal", "export", "--data", dir)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 6 || !json.Valid([]byte(lines[5])) {
		t.Fatalf("jsonl: exit %d, %q %q", code, out, stderr)
	}
	to := filepath.Join(dir, "out.csv")
	args := []string{"journal", "export", "--format", "csv", "--site", "a.example", "--since", "1h", "--out", to, "--data", dir}
	if out, stderr, code := cli(t, append(args, "--json")...); code != 0 || !strings.Contains(out, `"entries": 3`) {
		t.Fatalf("csv: exit %d, %q %q", code, out, stderr)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v, %q", err, text)
	}
	for _, row := range rows[1:] {
		if row[3] != "www.a.example" || row[10] != `'=HYPERLINK("x")?[2J` {
			t.Errorf("row %q", row)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	// A damaged line is left out, and said so.
	journalText, _ := os.ReadFile(file)
	if err := os.WriteFile(file, bytes.Replace(journalText, []byte(`"seq":3`), []byte(`"seq":8`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, stderr, code := cli(t, "journal", "export", "--data", dir); code != 0 || strings.Count(out, "\n") != 5 || !strings.Contains(stderr, "1 damaged") {
		t.Errorf("damaged: exit %d, %q, %q", code, out, stderr)
	}
	for _, wrong := range [][]string{{"--format", "xml"}, {"--since", "never"}, {"--format", "csv", "--json"}} {
		if _, stderr, code := cli(t, append([]string{"journal", "export", "--data", dir}, wrong...)...); code != 2 {
			t.Errorf("%v: exit %d, %q", wrong, code, stderr)
		}
	}
	if _, _, code := cli(t, "journal", "export", "--data", dir, "--out", filepath.Join(dir, "no", "such")); code != 1 {
		t.Errorf("out in no folder: exit %d", code)
	}
}
