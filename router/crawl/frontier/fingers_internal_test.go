package frontier

import (
	"math/rand/v2"
	"testing"
)

// The table must agree with a map through every growth and split, whatever the
// spread of the fingerprints, and keep to its memory.
func TestFingersAgreesWithMap(t *testing.T) {
	for name, draw := range map[string]func(r *rand.Rand) uint64{
		"even":   func(r *rand.Rand) uint64 { return r.Uint64() },
		"twice":  func(r *rand.Rand) uint64 { return r.Uint64() << 45 },
		"crowd":  func(r *rand.Rand) uint64 { return 1<<63 | r.Uint64()>>34 },
		"little": func(r *rand.Rand) uint64 { return r.Uint64N(1000) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			want := map[uint64]bool{}
			var table fingers
			defer table.free()
			rounds := 300_000
			if name == "crowd" {
				rounds = 5_000 // all in one place: every search is long
			}
			for range rounds {
				fp := draw(r)
				if known := want[settle(fp)]; table.has(fp) != known || table.add(fp) == known {
					t.Fatalf("fingerprint %x: known %t", fp, known)
				}
				want[settle(fp)] = true
			}
			for fp := range want {
				if !table.has(fp) {
					t.Fatalf("%x is lost", fp)
				}
			}
			if table.n != len(want) {
				t.Errorf("%d fingerprints, want %d", table.n, len(want))
			}
			if per := float64(table.bytes()) / float64(table.n); name == "even" && per > seenCost {
				t.Errorf("%.1f bytes a fingerprint, want at most %d", per, seenCost)
			}
		})
	}
}

// At its bound the seen set takes nothing more, says so, and goes on knowing
// what it knows.
func TestSeenSetKeepsToItsMemory(t *testing.T) {
	db := memDB(t)
	cfg := DefaultConfig()
	cfg.MaxSeenBytes = 400 * seenCost
	f, err := Open(db, nowFixed, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var first Added
	for i := range 100 {
		added, err := f.Add(numbered("j", i*10, 10))
		if err != nil {
			t.Fatal(err)
		}
		first.New += added.New
		first.Capped += added.Capped
	}
	if first.New != 400 || first.Capped != 600 {
		t.Errorf("%+v of 1000 with room for 400", first)
	}
	again, err := f.Add(numbered("j", 0, 10))
	if err != nil || again.Seen != 10 {
		t.Errorf("what was seen before the bound: %+v %v", again, err)
	}
	if err := f.Drop("j"); err != nil {
		t.Fatal(err)
	}
	if added, err := f.Add(numbered("k", 0, 10)); err != nil || added.New != 10 {
		t.Errorf("after a drop made room: %+v %v", added, err)
	}
}

// What admit refuses is neither queued nor remembered.
func TestAddIf(t *testing.T) {
	f, err := Open(memDB(t), nowFixed, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	asked := 0
	odd := func(*Item) bool { asked++; return asked%2 == 1 }
	got, err := f.AddIf(numbered("j", 0, 10), odd)
	if err != nil || got != (Added{New: 5, Refused: 5}) || asked != 10 {
		t.Fatalf("%+v %v after %d questions", got, err, asked)
	}
	got, err = f.AddIf(numbered("j", 0, 10), func(*Item) bool { return true })
	if err != nil || got != (Added{New: 5, Seen: 5}) {
		t.Fatalf("again: %+v %v", got, err)
	}
}

func TestLimitPerSite(t *testing.T) {
	f, err := Open(memDB(t), nowFixed, DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Limit("j", Terms{PerSite: 3}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Add(numbered("j", 0, 10)); err != nil || got != (Added{New: 3, Capped: 7}) {
		t.Errorf("limited: %+v %v", got, err)
	}
	if got, err := f.Add(numbered("k", 0, 10)); err != nil || got.New != 10 {
		t.Errorf("another job: %+v %v", got, err)
	}
}
