package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func fixed() time.Time { return noon }

func open(t testing.TB, dir string, now func() time.Time, change ...func(*journal.Config)) *journal.Journal {
	t.Helper()
	cfg := journal.DefaultConfig()
	for _, f := range change {
		f(&cfg)
	}
	j, err := journal.Open(slog.New(slog.DiscardHandler), now, dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func small(c *journal.Config) { c.SegmentBytes, c.MaxBytes = 64<<10, 1<<20 }

func entry(n int) journal.Entry {
	return journal.Entry{
		Kind: journal.Closed, Serial: wire.Serial{byte(n)}, Router: wire.Key{1, 2, 3},
		Host: fmt.Sprintf("www.site%d.example", n%3), Port: 443,
		Address: netip.MustParseAddrPort("[2606:4700::1111]:443"),
		Job:     "job", Purpose: "open data", Dataset: "docs",
		Lease: []byte{1, 2}, LeaseSig: []byte{3, 4},
		BytesUp: uint64(n), BytesDown: uint64(n) << 40, Reason: wire.OK,
		URLs: []string{"https://www.site.example/?a=<b>&ü"}, Note: "",
	}
}

func fill(t testing.TB, j *journal.Journal, n int) {
	t.Helper()
	for i := range n {
		if _, err := j.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// short writes entries that are, for tests that go byte by byte.
func short(t testing.TB, j *journal.Journal, n int) {
	t.Helper()
	for range n {
		if _, err := j.Append(journal.Entry{Kind: journal.Closed, Host: "site.example"}); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "journal-*.log"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestEntriesComeBackAsWritten(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	want := entry(7)
	seq, err := j.Append(want)
	if err != nil || seq != 1 {
		t.Fatalf("entry %d, %v", seq, err)
	}
	want.Seq, want.Time = 1, noon
	for name, read := range map[string]func() ([]journal.Entry, error){
		"while open":    func() ([]journal.Entry, error) { return j.Read(journal.Filter{}) },
		"from the side": func() ([]journal.Entry, error) { return journal.Read(dir, journal.Filter{}) },
	} {
		got, err := read()
		if err != nil || len(got) != 1 || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestChainGoesOnAcrossSegmentsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	for range 4 {
		j := open(t, dir, fixed, small)
		fill(t, j, 100)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(entry(0)); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	r, err := journal.Verify(dir)
	if err != nil || r.Entries != 400 || r.First != 1 || r.Last != 400 || r.Head == (journal.Hash{}) {
		t.Errorf("%+v, %v", r, err)
	}
	if n := len(files(t, dir)); n < 3 {
		t.Errorf("%d segments", n)
	}
}

func TestFilter(t *testing.T) {
	now := noon
	j := open(t, t.TempDir(), func() time.Time { return now }, small)
	for i := range 300 {
		now = noon.Add(time.Duration(i) * time.Minute)
		e := entry(i)
		if i%2 == 0 {
			e.Kind = journal.Opened
		}
		if _, err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		f           journal.Filter
		n           int
		first, last uint64
	}{
		"all":        {journal.Filter{}, 300, 1, 300},
		"newest":     {journal.Filter{Limit: 10}, 10, 291, 300},
		"since":      {journal.Filter{Since: noon.Add(290 * time.Minute)}, 10, 291, 300},
		"site":       {journal.Filter{Site: "Site1.example."}, 100, 2, 299},
		"host":       {journal.Filter{Site: "www.site1.example", Limit: 2}, 2, 296, 299},
		"no suffix":  {journal.Filter{Site: "ite1.example"}, 0, 0, 0},
		"kind":       {journal.Filter{Kinds: []journal.Kind{journal.Opened}, Limit: 3}, 3, 295, 299},
		"the future": {journal.Filter{Since: noon.AddDate(1, 0, 0)}, 0, 0, 0},
	} {
		got, err := j.Read(c.f)
		if err != nil || len(got) != c.n {
			t.Errorf("%s: %d entries, %v; want %d", name, len(got), err, c.n)
			continue
		}
		if c.n > 0 && (got[0].Seq != c.first || got[c.n-1].Seq != c.last) {
			t.Errorf("%s: entries %d to %d, want %d to %d", name, got[0].Seq, got[c.n-1].Seq, c.first, c.last)
		}
	}
}

// A power cut leaves any prefix of what was not yet synced: at every byte, the
// whole entries before it survive, the rest is set aside, and writing goes on.
func TestTornAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, dir, fixed)
	short(t, j, 2)
	_ = j.Close()
	whole, err := os.ReadFile(files(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := bytes.IndexByte(whole, '\n') - 20; cut < len(whole); cut++ {
		torn := t.TempDir()
		path := filepath.Join(torn, filepath.Base(files(t, dir)[0]))
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, torn, fixed)
		entries := bytes.Count(whole[:cut], []byte("\n"))
		tail := cut - bytes.LastIndexByte(whole[:cut], '\n') - 1
		if got := j.Torn(); got.Bytes != int64(tail) {
			t.Fatalf("cut at %d: %d bytes torn, want %d", cut, got.Bytes, tail)
		}
		if tail > 0 {
			entries++ // the journal's own note
			if kept, err := os.ReadFile(j.Torn().Kept); err != nil || !bytes.Equal(kept, whole[cut-tail:cut]) {
				t.Fatalf("cut at %d: kept %d bytes, %v", cut, len(kept), err)
			}
		}
		if seq, err := j.Append(entry(9)); err != nil || seq != uint64(entries)+1 {
			t.Fatalf("cut at %d: entry %d, %v; want %d", cut, seq, err, entries+1)
		}
		if _, err := j.Verify(); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		_ = j.Close()
	}
}

// File systems may leave zeros where data had not arrived.
func TestTornEndOfZeros(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	fill(t, j, 3)
	_ = j.Close()
	f, err := os.OpenFile(files(t, dir)[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write(make([]byte, 200_000))
	_ = f.Close()
	j = open(t, dir, fixed)
	if r, err := j.Verify(); err != nil || r.Last != 4 || j.Torn().Bytes != 200_000 {
		t.Errorf("%+v, %v, torn %+v", r, err, j.Torn())
	}
}

func TestEmptyNewSegmentAfterPowerCut(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	fill(t, j, 3)
	_ = j.Close()
	if err := os.WriteFile(filepath.Join(dir, "journal-00000000000000000004.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, fixed)
	fill(t, j, 2)
	if r, err := j.Verify(); err != nil || r.Entries != 5 || r.Last != 5 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEveryFlippedBitIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, dir, fixed)
	short(t, j, 3)
	_ = j.Close()
	path := files(t, dir)[0]
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		broken := bytes.Clone(whole)
		broken[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		want := uint64(bytes.Count(whole[:at], []byte("\n"))) + 1
		_, err := journal.Verify(dir)
		damage, ok := errors.AsType[*journal.Damage](err)
		if !ok || damage.Entry != want {
			t.Fatalf("bit flipped at %d, in entry %d: %v", at, want, err)
		}
	}
}

func TestDamageInTheMiddleIsNotCutOff(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	fill(t, j, 5)
	_ = j.Close()
	path := files(t, dir)[0]
	whole, _ := os.ReadFile(path)
	whole[bytes.IndexByte(whole, '\n')+200] ^= 1 // in entry 2
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, fixed)
	fill(t, j, 1)
	_, err := j.Verify()
	damage, ok := errors.AsType[*journal.Damage](err)
	if !ok || damage.Entry != 2 || j.Torn().Bytes != 0 {
		t.Errorf("%v, torn %+v", err, j.Torn())
	}
	if got, err := j.Read(journal.Filter{}); err != nil || len(got) != 5 || got[4].Seq != 6 {
		t.Errorf("%d entries readable, %v", len(got), err)
	}
}

func TestRemovedAndReplacedEntriesAreNamed(t *testing.T) {
	lines := func(t *testing.T, n int, change func(*journal.Entry)) (string, [][]byte) {
		dir := t.TempDir()
		j := open(t, dir, fixed)
		for i := range n {
			e := entry(i)
			change(&e)
			if _, err := j.Append(e); err != nil {
				t.Fatal(err)
			}
		}
		_ = j.Close()
		whole, _ := os.ReadFile(files(t, dir)[0])
		return files(t, dir)[0], bytes.SplitAfter(whole, []byte("\n"))
	}
	path, original := lines(t, 5, func(*journal.Entry) {})
	_, forged := lines(t, 5, func(e *journal.Entry) { e.Host = "harmless.example" })
	for name, c := range map[string]struct {
		lines [][]byte
		want  uint64
	}{
		"removed":        {slices.Concat(original[:2], original[3:]), 3},
		"first removed":  {original[1:], 1},
		"swapped":        {slices.Concat(original[:1], original[2:3], original[1:2], original[3:]), 2},
		"replaced":       {slices.Concat(original[:2], forged[2:3], original[3:]), 3},
		"all after it":   {slices.Concat(original[:2], forged[2:]), 3},
		"added to front": {slices.Concat(original[:1], original), 2},
	} {
		if err := os.WriteFile(path, bytes.Join(c.lines, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := journal.Verify(filepath.Dir(path))
		if damage, ok := errors.AsType[*journal.Damage](err); !ok || damage.Entry != c.want {
			t.Errorf("%s: %v, want entry %d named", name, err, c.want)
		}
	}
}

// Retention may have taken the front, but not a part of a segment.
func TestRemovedFrontOfASegmentIsNamed(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed)
	short(t, j, 4)
	_ = j.Close()
	whole, _ := os.ReadFile(files(t, dir)[0])
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for first, want := range map[int]uint64{2: 0, 3: 2} {
		dir := t.TempDir()
		path := filepath.Join(dir, "journal-00000000000000000002.log")
		if err := os.WriteFile(path, bytes.Join(lines[first-1:], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := journal.Verify(dir)
		damage, ok := errors.AsType[*journal.Damage](err)
		if ok != (want > 0) || ok && damage.Entry != want {
			t.Errorf("from entry %d on: %v", first, err)
		}
	}
}

func TestRemovedSegmentIsNamed(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, fixed, small)
	fill(t, j, 400)
	_ = j.Close()
	all := files(t, dir)
	if len(all) < 3 {
		t.Fatalf("%d segments", len(all))
	}
	if err := os.Remove(all[1]); err != nil {
		t.Fatal(err)
	}
	_, err := journal.Verify(dir)
	if _, ok := errors.AsType[*journal.Damage](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestRetention(t *testing.T) {
	t.Run("size", func(t *testing.T) {
		dir := t.TempDir()
		j := open(t, dir, fixed, func(c *journal.Config) { c.SegmentBytes, c.MaxBytes = 64<<10, 128<<10 })
		fill(t, j, 400)
		total := int64(0)
		for _, path := range files(t, dir) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > 192<<10 {
			t.Errorf("%d bytes are kept", total)
		}
		if r, err := j.Verify(); err != nil || r.Last != 400 || r.First == 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("age", func(t *testing.T) {
		dir := t.TempDir()
		now := time.Now()
		j := open(t, dir, func() time.Time { return now })
		for day := range 5 {
			now = time.Now().AddDate(0, 0, day)
			fill(t, j, 1)
			if err := os.Chtimes(files(t, dir)[len(files(t, dir))-1], now, now); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(files(t, dir)); n < 3 {
			t.Fatalf("%d segments after five days", n)
		}
		now = time.Now().AddDate(0, 0, 100)
		fill(t, j, 1)
		if n := len(files(t, dir)); n != 1 {
			t.Errorf("%d segments after a hundred days", n)
		}
		if r, err := j.Verify(); err != nil || r.Entries != 1 || r.Last != 6 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestTooLargeAnEntryIsRefusedAndHarmless(t *testing.T) {
	j := open(t, t.TempDir(), fixed)
	e := entry(1)
	e.Purpose = string(make([]byte, 64<<10))
	if _, err := j.Append(e); err == nil {
		t.Error("accepted")
	}
	fill(t, j, 1)
	if r, err := j.Verify(); err != nil || r.Entries != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	j := open(t, t.TempDir(), fixed, small, func(c *journal.Config) { c.SyncEvery = time.Millisecond })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 50 {
				if _, err := j.Append(entry(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 10 {
				if _, err := j.Verify(); err != nil {
					t.Error(err)
				}
				if _, err := j.Read(journal.Filter{Limit: 5}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if r, err := j.Verify(); err != nil || r.Entries != 400 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Whatever lies in a segment, opening neither panics nor loses what is whole,
// and what is written afterwards can be read.
func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	j := open(f, dir, fixed)
	fill(f, j, 2)
	_ = j.Close()
	whole, _ := os.ReadFile(files(f, dir)[0])
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add(append(bytes.Clone(whole), "\n\n{}\n"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "journal-00000000000000000001.log"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		before, err := journal.Read(dir, journal.Filter{Limit: journal.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		j := open(t, dir, fixed)
		if _, err := j.Append(entry(5)); err != nil {
			t.Fatal(err)
		}
		after, err := j.Read(journal.Filter{Limit: journal.MaxLimit})
		if err != nil || len(after) <= len(before) {
			t.Fatalf("%d entries before, %d after, %v", len(before), len(after), err)
		}
	})
}
