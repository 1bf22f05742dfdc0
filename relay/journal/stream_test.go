package journal_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
)

// An auditor with the streamed lines alone can follow the chain.
func TestStreamGivesTheChain(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed, small)
	fill(t, j, 1000) // several segments, more than one Read gives
	if len(files(t, dir)) < 2 {
		t.Fatal("the test wants several segments")
	}
	var want journal.Hash
	n := 0
	damaged, err := journal.Stream(dir, journal.Filter{Limit: 1}, func(w journal.Written) error {
		n++
		sum := journal.Hash(sha256.Sum256(append([]byte("fallow-journal-v1\n"), w.JSON...)))
		if w.Entry.Seq != uint64(n) || w.Entry.Prev != want || sum != w.Hash {
			t.Fatalf("entry %d: seq %d, prev %s, want %s; hash %s, computed %s", n, w.Entry.Seq, w.Entry.Prev, want, w.Hash, sum)
		}
		want = sum
		return nil
	})
	if err != nil || damaged != 0 || n != 1000 {
		t.Errorf("%d entries, %d damaged, %v", n, damaged, err)
	}
	n = 0
	_, err = journal.Stream(dir, journal.Filter{Site: "Site1.Example.", Since: noon.Add(-time.Hour)}, func(w journal.Written) error {
		if n++; w.Entry.Host != "www.site1.example" {
			t.Fatalf("host %s", w.Entry.Host)
		}
		return nil
	})
	if err != nil || n != 333 {
		t.Errorf("filtered: %d, %v", n, err)
	}
	full := errors.New("disk full")
	if _, err := journal.Stream(dir, journal.Filter{}, func(journal.Written) error { return full }); !errors.Is(err, full) {
		t.Errorf("yield's error: %v", err)
	}
}

func TestStreamCountsDamageButNotTheEndBeingWritten(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	short(t, j, 3)
	path := files(t, dir)[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	half := lines[0][:len(lines[0])/2]
	changed := bytes.Replace(text, []byte(`"seq":2`), []byte(`"seq":3`), 1)
	for _, tt := range []struct {
		text    []byte
		n, lost int
		torn    bool
	}{
		{text, 3, 0, false},
		{append(bytes.Clone(text), half...), 3, 0, true},
		{changed, 2, 1, false},
	} {
		if err := os.WriteFile(path, tt.text, 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		lost, err := journal.Stream(dir, journal.Filter{}, func(journal.Written) error { n++; return nil })
		if err != nil || n != tt.n || lost != tt.lost {
			t.Errorf("%d entries and %d lost, want %d and %d: %v", n, lost, tt.n, tt.lost, err)
		}
		var damage *journal.Damage
		if _, err := journal.Verify(dir); errors.As(err, &damage) && damage.Torn != tt.torn {
			t.Errorf("damage %v, torn %v, want %v", err, damage.Torn, tt.torn)
		} else if tt.torn && damage == nil {
			t.Error("a torn end is no damage")
		}
	}
}
