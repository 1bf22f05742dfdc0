package dedupe_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/dedupe"
)

func TestDigest(t *testing.T) {
	base := dedupe.Digest("Straße nach Zürich, 3 km")
	for name, text := range map[string]string{
		"decomposed":   "Straße nach Zu\u0308rich, 3 km",
		"white space":  "\n Straße\t\tnach\u00a0Zürich,\r\n\u20033 km  ",
		"controls":     "Stra\u00adße na\x00ch Zür\u200bich, 3\x7f km\ufeff",
		"mark between": "Straße nach Zu\u2060\u0308rich, 3 km",
	} {
		if dedupe.Digest(text) != base {
			t.Errorf("%s: digest differs", name)
		}
	}
	for name, text := range map[string]string{
		"case":        "straße nach Zürich, 3 km",
		"punctuation": "Straße nach Zürich 3 km",
		"joined":      "Straße nachZürich, 3 km",
		"joiner":      "Straße nach Zür\u200cich, 3 km", // changes how Persian reads
	} {
		if dedupe.Digest(text) == base {
			t.Errorf("%s: digest is the same", name)
		}
	}
	if dedupe.Digest("") != dedupe.Digest(" \n") || dedupe.Digest("\xff") != dedupe.Digest("\ufffd") {
		t.Error("empty or broken text")
	}
}

// quiet keeps Pebble from writing to the test's output.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func openDB(t testing.TB, fs vfs.FS) *pebble.DB {
	t.Helper()
	cache := pebble.NewCache(64 << 20) // as in router/crawl, and so the next
	defer cache.Unref()
	o := &pebble.Options{FS: fs, Logger: quiet{}, Cache: cache, MemTableSize: 16 << 20, FormatMajorVersion: pebble.FormatNewest}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open("crawl", o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func open(t testing.TB, cfg dedupe.Config) (*dedupe.Index, *pebble.DB) {
	t.Helper()
	db := openDB(t, vfs.NewMem())
	x, err := dedupe.Open(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return x, db
}

// want checks a document; kept "" means that it is the first.
func want(t *testing.T, x *dedupe.Index, dataset, id, text, kept string) {
	t.Helper()
	v, err := x.Check(dedupe.Document{Dataset: dataset, ID: id, Text: text})
	expect := dedupe.Verdict{Digest: dedupe.Digest(text)}
	if kept != "" {
		expect.Kind, expect.KeptID, expect.Similarity = dedupe.Exact, kept, 1
	}
	if err != nil || v != expect {
		t.Fatalf("%s: got %+v, %v, want %+v", id, v, err, expect)
	}
}

func commit(t *testing.T, db *pebble.DB, s *dedupe.Staged) {
	t.Helper()
	b := db.NewBatch()
	if err := errors.Join(s.CommitTo(b), b.Commit(pebble.Sync), b.Close()); err != nil {
		t.Fatal(err)
	}
	s.Committed()
	s.Committed()
}

func TestIndexFollowsTheDataset(t *testing.T) {
	x, db := open(t, dedupe.DefaultConfig())
	want(t, x, "d", "1", "one text", "")
	want(t, x, "d", "2", "one  text ", "1") // within the open shard
	want(t, x, "e", "3", "one text", "")    // another dataset
	first := x.Seal("d")
	want(t, x, "d", "4", "one text", "1") // while the shard is written
	want(t, x, "d", "5", "second text", "")
	commit(t, db, first)
	want(t, x, "d", "6", "one text", "1") // from disk

	second := x.Seal("d")
	want(t, x, "d", "7", "second text", "5")
	second.Rollback()
	want(t, x, "d", "8", "second text", "")
	want(t, x, "d", "9", "one text", "1")
	commit(t, db, x.Seal("nothing staged"))
}

func TestIndexSurvivesCrashInStep(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := openDB(t, fs)
	x, err := dedupe.Open(db, dedupe.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	want(t, x, "d", "1", "committed", "")
	commit(t, db, x.Seal("d"))
	want(t, x, "d", "2", "staged", "")
	lost := x.Seal("d")
	b := db.NewBatch()
	if err := lost.CommitTo(b); err != nil {
		t.Fatal(err)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	if err := errors.Join(b.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	db = openDB(t, after)
	defer db.Close()
	if x, err = dedupe.Open(db, dedupe.DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	want(t, x, "d", "3", "committed", "1")
	want(t, x, "d", "4", "staged", "")
}

func TestIndexBounds(t *testing.T) {
	bounds := dedupe.DefaultConfig()
	bounds.MaxStaged, bounds.MaxID = 2, 4
	x, db := open(t, bounds)
	for _, id := range []string{"", "12345"} {
		if _, err := x.Check(dedupe.Document{Dataset: "d", ID: id}); !errors.Is(err, dedupe.ErrID) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	want(t, x, "d", "1", "a", "")
	want(t, x, "e", "2", "b", "")
	if _, err := x.Check(dedupe.Document{Dataset: "d", ID: "3", Text: "c"}); !errors.Is(err, dedupe.ErrFull) {
		t.Errorf("third entry: %v", err)
	}
	want(t, x, "d", "3", "a", "1") // a duplicate takes no place
	commit(t, db, x.Seal("d"))
	want(t, x, "d", "3", "c", "")
	if _, err := dedupe.Open(db, dedupe.Config{}); err == nil {
		t.Error("a zero config was accepted")
	}
}

func TestConcurrentChecks(t *testing.T) {
	x, db := open(t, dedupe.DefaultConfig())
	const texts, workers = 300, 8
	var firsts atomic.Int64
	var checks, seals sync.WaitGroup
	stop := make(chan struct{})
	seals.Go(func() {
		for {
			commit(t, db, x.Seal("d"))
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for w := range workers {
		checks.Go(func() {
			for n := range texts {
				v, err := x.Check(dedupe.Document{Dataset: "d", ID: fmt.Sprintf("%d/%d", w, n), Text: fmt.Sprint("text ", n)})
				if err != nil {
					t.Error(err)
				}
				if v.Kind == dedupe.None {
					firsts.Add(1)
				}
			}
		})
	}
	checks.Wait()
	close(stop)
	seals.Wait()
	if firsts.Load() != texts {
		t.Errorf("%d documents were the first of %d texts", firsts.Load(), texts)
	}
}

func BenchmarkCanonical(b *testing.B) {
	for name, raw := range map[string]string{
		"plain":  "https://www.example.com/news/2026/11/some-long-article-title?id=12345&page=2",
		"parsed": "https://www.example.com/news/2026/11/some-long-article-title?id=%3112345&page=2",
		"dirty":  "HTTPS://www.Example.com:443/news/%7euser/../a?utm_source=x&id=12345&fbclid=abcdef#part",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dedupe.Canonical(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var article = strings.Repeat("The quick brown fox jumps over the lazy dog. Zwölf Boxkämpfer jagen Viktor.\n", 40)

func BenchmarkDigest(b *testing.B) {
	b.SetBytes(int64(len(article)))
	for b.Loop() {
		dedupe.Digest(article)
	}
}

func BenchmarkCheck(b *testing.B) {
	x, db := open(b, dedupe.DefaultConfig())
	n := 0
	for b.Loop() {
		n++
		text := article + fmt.Sprint(n*7919%100_003) // 100,003 different ones, then duplicates
		if _, err := x.Check(dedupe.Document{Dataset: "d", ID: fmt.Sprint(n), Text: text}); err != nil {
			b.Fatal(err)
		}
		if n%5000 == 0 {
			s, batch := x.Seal("d"), db.NewBatch()
			if err := errors.Join(s.CommitTo(batch), batch.Commit(pebble.NoSync), batch.Close()); err != nil {
				b.Fatal(err)
			}
			s.Committed()
		}
	}
}
