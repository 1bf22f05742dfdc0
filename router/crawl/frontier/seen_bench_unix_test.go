//go:build unix

package frontier

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"golang.org/x/sys/unix"
)

// BenchmarkSeenSet is checks and inserts of a set that grows to its full size
// and is then asked as a crawl asks: 60 addresses a page, seven of ten known. Each
// new one is staged in Pebble in the batch that would queue it. The peer is the
// set as rows of Pebble with bloom filters, which needs no memory of its own. Set
// FALLOW_BENCH_KEYS=100000000 for the size that the figures in ARCHITECTURE are of.
func BenchmarkSeenSet(b *testing.B) {
	keys := 2_000_000
	if n, err := strconv.Atoi(os.Getenv("FALLOW_BENCH_KEYS")); err == nil {
		keys = n
	}
	b.Run("fallow", func(b *testing.B) { benchSeen(b, keys) })
	b.Run("peer-pebble", func(b *testing.B) { benchBarePebble(b, min(keys, 20_000_000)) })
}

const benchPage = 60

// benchPages calls page with the fingerprints of one page after another.
func benchPages(b *testing.B, keys int, page func(fps []uint64)) {
	r := rand.New(rand.NewPCG(3, 4))
	next := uint64(keys)
	fps := make([]uint64, benchPage)
	before := cpuTime()
	for b.Loop() {
		for i := range fps {
			n := r.Uint64N(next)
			if i%10 >= 7 {
				n = next
				next++
			}
			fps[i] = spread(n)
		}
		page(fps)
	}
	b.ReportMetric(float64(b.N)*benchPage/(cpuTime()-before).Seconds(), "checks/cpu-s")
	b.ReportMetric(float64(keys), "keys")
}

// spread makes a fingerprint of a number, each another one.
func spread(n uint64) uint64 {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>32) * 0xd6e8feb86659fd93
	return n ^ n>>32
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchDB(b *testing.B) *pebble.DB {
	b.Helper()
	opts := &pebble.Options{Logger: silent{}, MemTableSize: 16 << 20}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(b.TempDir(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func benchSeen(b *testing.B, keys int) {
	db := benchDB(b)
	s := seen{db: db, tables: map[uint32]*seenTable{}}
	fill, fps := 0, make([]uint64, 0, 20)
	for fill < keys {
		for fps = fps[:0]; len(fps) < cap(fps) && fill < keys; fill++ {
			fps = append(fps, spread(uint64(fill)))
		}
		seenPage(b, &s, fps)
	}
	s.forget(1) // and read it back, as a restart does
	start, before := time.Now(), cpuTime()
	t, err := s.of(1, keys)
	if err != nil || t.n != keys {
		b.Fatalf("read back: %v", err)
	}
	loaded, loadedCPU := time.Since(start), cpuTime()-before
	benchPages(b, keys, func(fps []uint64) { seenPage(b, &s, fps) })
	b.ReportMetric(float64(t.bytes())/float64(t.n), "B/key")
	b.ReportMetric(loaded.Seconds(), "s-to-load")
	b.ReportMetric(loadedCPU.Seconds(), "cpu-s-to-load")
	s.forget(1)
}

func seenPage(b *testing.B, s *seen, fps []uint64) {
	t, err := s.of(1, 0)
	if err != nil {
		b.Fatal(err)
	}
	var fresh []uint64
	for _, fp := range fps {
		if !t.has(fp) {
			fresh = append(fresh, fp)
		}
	}
	if len(fresh) == 0 {
		return
	}
	batch := s.db.NewBatch()
	if err := t.stage(batch, 1, fresh); err != nil {
		b.Fatal(err)
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		b.Fatal(err)
	}
	_ = batch.Close()
	t.commit(fresh)
}

func benchBarePebble(b *testing.B, keys int) {
	db := benchDB(b)
	key := func(fp uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), fp), spread(fp))
	}
	page := func(fps []uint64) {
		batch := db.NewBatch()
		for _, fp := range fps {
			_, closer, err := db.Get(key(fp))
			if err == nil {
				_ = closer.Close()
				continue
			}
			if err := batch.Set(key(fp), nil, nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Commit(pebble.NoSync); err != nil {
			b.Fatal(err)
		}
		_ = batch.Close()
	}
	for from := 0; from < keys; from += 1000 {
		batch := db.NewBatch()
		for i := from; i < min(from+1000, keys); i++ {
			if err := batch.Set(key(spread(uint64(i))), nil, nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Commit(pebble.NoSync); err != nil {
			b.Fatal(err)
		}
		_ = batch.Close()
	}
	if err := db.Compact(b.Context(), nil, []byte{0xff}, true); err != nil {
		b.Fatal(err)
	}
	benchPages(b, keys, page)
}
