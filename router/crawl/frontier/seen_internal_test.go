package frontier

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func memDB(t testing.TB) *pebble.DB {
	t.Helper()
	db, err := pebble.Open("", &pebble.Options{FS: vfs.NewMem(), Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func nowFixed() time.Time { return time.Unix(1_700_000_000, 0) }

func numbered(job string, from, n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{URL: fmt.Sprintf("https://a.test/%d", from+i), Host: "a.test", Site: "a.test", Job: job}
	}
	return items
}

// A process that dies between any two writes must find each URL either both
// seen and queued or neither.
func TestSeenAndQueueSurviveTogether(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db, err := pebble.Open("", &pebble.Options{FS: fs, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(db, nowFixed, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := f.Add(numbered("j", i*7, 7)); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 20 {
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(1, uint64(round)))})
		checkSeenMatchesQueue(t, crashed)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func checkSeenMatchesQueue(t *testing.T, fs vfs.FS) {
	t.Helper()
	db, err := pebble.Open("", &pebble.Options{FS: fs, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, err := Open(db, nowFixed, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	queued := 0
	err = scan(db, []byte(prefixQueue), after([]byte(prefixQueue)), func(_, _ []byte) (bool, error) { queued++; return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Add(numbered("j", 0, 350))
	if err != nil || got.Seen != queued || queued < 21*7 {
		t.Errorf("after a crash %d are queued and %d seen (%v), at least %d were synced", queued, got.Seen, err, 21*7)
	}
}
