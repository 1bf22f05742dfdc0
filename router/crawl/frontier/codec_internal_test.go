package frontier

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// FuzzDecodeItem feeds rows that may have been damaged on disk: no panic, and
// what is accepted is encoded to the same meaning.
func FuzzDecodeItem(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendItem(nil, &Item{}))
	f.Add(appendItem(nil, &Item{
		URL: "https://a.test/", Host: "a.test", SURT: "test,a)/", Depth: 2, Hops: 1, Attempts: 4,
		Priority: 255, NotBefore: time.UnixMilli(1_800_000_000_123),
	}))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		it, err := decodeItem(b)
		if err != nil {
			return
		}
		if len(it.URL) > maxURL || len(it.Host) > maxHost || len(it.SURT) > maxURL || it.Depth < 0 || it.Attempts < 0 {
			t.Fatalf("accepted beyond bounds: %+v", it)
		}
		again, err := decodeItem(appendItem(nil, &it))
		if err != nil || again != it {
			t.Fatalf("got %+v, %v after another turn, want %+v", again, err, it)
		}
	})
}

func FuzzDecodeRows(f *testing.F) {
	f.Add((&siteRow{name: "a.test", wake: time.UnixMilli(5), due: time.UnixMilli(7), interval: time.Second}).encode())
	f.Add((&jobRow{name: "j", paused: true, known: 3, done: 2}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeSite(b); err == nil {
			if again, err := decodeSite(s.encode()); err != nil || again != s {
				t.Fatalf("site: got %+v, %v, want %+v", again, err, s)
			}
		}
		if j, err := decodeJob(b); err == nil {
			if again, err := decodeJob(j.encode()); err != nil || again != j {
				t.Fatalf("job: got %+v, %v, want %+v", again, err, j)
			}
		}
	})
}

// A window over a set of rows must pop them in order, whatever is inserted and
// removed between.
func TestWindow(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		disk := map[string]bool{} // rows not popped
		popped := map[string]bool{}
		w := unread[int](3)
		for range 300 {
			key := string([]byte{byte('a' + rng.IntN(26)), byte('a' + rng.IntN(26))})
			switch rng.IntN(4) {
			case 0, 1:
				if !disk[key] && !popped[key] {
					disk[key] = true
					w.insert(key, 0)
				}
			case 2:
				delete(disk, key)
				w.remove(key)
			default:
				fillFrom(&w, disk)
				if len(w.rows) == 0 {
					if len(disk) != 0 {
						t.Fatalf("seed %d: empty with %d rows on disk", seed, len(disk))
					}
					continue
				}
				got := w.pop().key
				for other := range disk {
					if other < got {
						t.Fatalf("seed %d: popped %s before %s", seed, got, other)
					}
				}
				delete(disk, got)
				popped[got] = true
			}
			if len(w.rows) > 3 {
				t.Fatalf("seed %d: %d rows in memory", seed, len(w.rows))
			}
		}
	}
}

// fillFrom does to a starved window what readAhead does.
func fillFrom(w *window[int], disk map[string]bool) {
	if !w.starved() {
		return
	}
	var keys []string
	for key := range disk {
		if key > w.bound {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	w.more = len(keys) > w.limit
	for _, key := range keys[:min(len(keys), w.limit)] {
		w.rows = append(w.rows, row[int]{key: key})
		w.bound = key
	}
}
