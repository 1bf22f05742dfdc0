package dedupe_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/dedupe"
)

const near = 0.8

// plantedSize is originals a site; each brings about 1.6 more documents.
func plantedSize() int {
	if os.Getenv("FALLOW_SOAK") != "" {
		return 2000
	}
	return 60
}

// TestPlantedCorpus checks the whole index against a corpus whose truth is known.
func TestPlantedCorpus(t *testing.T) {
	t.Parallel()
	x, db := open(t, dedupe.DefaultConfig())
	docs := plant(7, plantedSize())
	byID := map[string]planted{}
	var exact, exactFound, alike, alikeFound, flagged, right, low, twins, mixed int
	for i, d := range docs {
		byID[d.id] = d
		v, err := x.Check(dedupe.Document{Dataset: "d", ID: d.id, Text: d.text, Site: d.site, Near: near})
		if err != nil {
			t.Fatal(err)
		}
		switch d.kind {
		case exactCopy:
			exact++
			if v.Kind == dedupe.Exact && v.KeptID == docs[d.of].id {
				exactFound++
			}
		case nearCopy:
			if d.jaccard >= near {
				alike++
				if v.Kind != dedupe.None {
					alikeFound++
				} else if testing.Verbose() {
					t.Logf("missed: %s at %.3f, language %d", d.id, d.jaccard, d.language)
				}
			}
		case twin:
			twins++
		case original:
		}
		if v.Kind == dedupe.Near {
			flagged++
			kept := byID[v.KeptID]
			truth := jaccard(d.language, d.text, kept.text)
			switch {
			case d.kind == twin || kept.kind == twin:
				mixed++
				t.Logf("%s is taken for %s (%.3f): two pages on one template", d.id, kept.id, truth)
			case truth >= near:
				right++
			case truth < 0.6:
				low++
			}
		}
		if i%997 == 996 {
			commit(t, db, x.Seal("d"))
		}
	}
	recall, precision := float64(alikeFound)/float64(alike), float64(right)/float64(flagged)
	t.Logf("%d documents: %d of %d exact copies; near: recall %.4f of %d, precision %.4f of %d, %d below 0.6; %d of %d template pages merged",
		len(docs), exactFound, exact, recall, alike, precision, flagged, low, mixed, twins)
	if exactFound != exact || recall < 0.99 || precision < 0.99 || low != 0 || mixed != 0 {
		t.Error("worse than promised: exact recall 1, near recall and precision 0.99 at 0.8, nothing below 0.6, no template pages merged")
	}
}

// changed is text with every step-th word replaced.
func changed(text string, step int) string {
	words := strings.Fields(text)
	for i := step; i < len(words); i += step {
		words[i] = fmt.Sprint("changed", i)
	}
	return strings.Join(words, " ")
}

func prose(seed uint64, words int) string {
	p := planter{r: newRand(seed)}
	return strings.Join(p.prose(0, words), " ")
}

func checkNear(t *testing.T, x *dedupe.Index, dataset, id, site, text, kept string) {
	t.Helper()
	v, err := x.Check(dedupe.Document{Dataset: dataset, ID: id, Site: site, Text: text, Near: near})
	if err != nil || v.KeptID != kept || (v.Kind == dedupe.Near) != (kept != "") {
		t.Fatalf("%s: got %+v, %v, want %q", id, v, err, kept)
	}
	if kept != "" && (v.Similarity < near || v.Similarity >= 1) {
		t.Fatalf("%s: similarity %v", id, v.Similarity)
	}
}

func TestNearDuplicatesFollowTheDataset(t *testing.T) {
	x, db := open(t, dedupe.DefaultConfig())
	a, b := prose(1, 300), prose(2, 300)
	checkNear(t, x, "d", "1", "", a, "")
	checkNear(t, x, "d", "2", "", changed(a, 90), "1")
	checkNear(t, x, "e", "3", "", changed(a, 90), "") // another dataset
	commit(t, db, x.Seal("d"))
	checkNear(t, x, "d", "4", "", changed(a, 80), "1")
	checkNear(t, x, "d", "5", "", b, "")
	x.Seal("d").Rollback()
	checkNear(t, x, "d", "6", "", changed(b, 90), "") // 5 never was
	checkNear(t, x, "d", "7", "", changed(changed(b, 90), 110), "6")
	// Neither looked for nor found by who wants exact duplicates only.
	want(t, x, "d", "8", changed(a, 85), "")
	checkNear(t, x, "d", "9", "", changed(a, 20), "")
}

func TestNearDuplicatesSurviveACrashInStep(t *testing.T) {
	fs := vfs.NewCrashableMem()
	db := openDB(t, fs)
	x, err := dedupe.Open(db, dedupe.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	a, b := prose(1, 300), prose(2, 300)
	checkNear(t, x, "d", "1", "", a, "")
	checkNear(t, x, "d", "2", "", b, "")
	staged := x.Seal("d")
	// All that was written reaches the disk, but for the commit.
	if err := db.Flush(); err != nil {
		t.Fatal(err)
	}
	lost := fs.CrashClone(vfs.CrashCloneCfg{})
	commit(t, db, staged)
	kept := fs.CrashClone(vfs.CrashCloneCfg{})
	x.Close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		disk vfs.FS
		kept string
	}{"before the commit": {lost, ""}, "after it": {kept, "1"}} {
		t.Run(name, func(t *testing.T) {
			db := openDB(t, c.disk)
			x, err := dedupe.Open(db, dedupe.DefaultConfig())
			if err != nil {
				t.Fatal(err)
			}
			checkNear(t, x, "d", "3", "", changed(a, 90), c.kept)
			x.Close()
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestShortTextsAreComparedExactly: a few words in common make no page a copy.
func TestShortTextsAreComparedExactly(t *testing.T) {
	x, _ := open(t, dedupe.DefaultConfig())
	text := prose(3, 35) // 31 shingles
	checkNear(t, x, "d", "1", "", text, "")
	checkNear(t, x, "d", "2", "", text+" more", "")
	if v, err := x.Check(dedupe.Document{Dataset: "d", ID: "3", Text: text, Near: near}); err != nil || v.Kind != dedupe.Exact {
		t.Errorf("the same short text: %+v, %v", v, err)
	}
}

// TestTemplatesDoNotMergePages: two pages of one site that share nine tenths are
// two pages; the same difference between two sites is a copy that was touched up.
func TestTemplatesDoNotMergePages(t *testing.T) {
	x, _ := open(t, dedupe.DefaultConfig())
	above, below := prose(4, 150), prose(5, 200)
	page := func(own string) string { return above + " " + own + " " + below }
	checkNear(t, x, "d", "1", "shop.example", page(prose(6, 24)), "")
	checkNear(t, x, "d", "3", "mirror.example", page(prose(8, 24)), "1")
	checkNear(t, x, "d", "2", "shop.example", page(prose(7, 24)), "")
	checkNear(t, x, "d", "4", "shop.example", page(changed(prose(6, 24), 9)), "1")
	checkNear(t, x, "d", "5", "shop.example", above+" "+below, "2") // nothing of its own
}

// TestCandidatesAreBounded: thousands of pages on one template fill its bands;
// a check looks at a bounded number of them and still finds the right one.
func TestCandidatesAreBounded(t *testing.T) {
	cfg := dedupe.DefaultConfig()
	cfg.MaxBand, cfg.MaxVerify = 4, 8
	x, _ := open(t, cfg)
	template := prose(9, 300)
	own := func(i int) string { return prose(uint64(100+i), 40) }
	for i := range 400 {
		checkNear(t, x, "d", fmt.Sprint(i), "shop.example", template+" "+own(i), "")
	}
	checkNear(t, x, "d", "again", "shop.example", template+" "+changed(own(250), 20), "250")
}

// BenchmarkNear is the whole index on documents of 3 KB: two thirds new ones, the
// rest near copies; commits and Pebble's own work in the background included. The
// exact digest alone, on the same texts, is the floor.
func BenchmarkNear(b *testing.B) {
	p := planter{r: newRand(1)}
	texts := make([]string, 30_000)
	var bytes int
	for i := range texts {
		if i%3 == 2 {
			texts[i] = changed(texts[i-1], 70)
		} else {
			texts[i] = strings.Join(p.prose(0, 480), " ")
		}
		bytes += len(texts[i])
	}
	for _, mode := range []struct {
		name string
		near float64
	}{{"floor-exact", 0}, {"near", near}} {
		b.Run(mode.name, func(b *testing.B) {
			var found, seconds float64
			for range b.N {
				x, db := open(b, dedupe.DefaultConfig())
				before := cpuSeconds(b)
				for i, text := range texts {
					v, err := x.Check(dedupe.Document{Dataset: "d", ID: fmt.Sprint(i), Text: text, Near: mode.near})
					if err != nil {
						b.Fatal(err)
					}
					if v.Kind != dedupe.None {
						found++
					}
					if i%5000 == 4999 {
						s, batch := x.Seal("d"), db.NewBatch()
						if err := errors.Join(s.CommitTo(batch), batch.Commit(pebble.NoSync), batch.Close()); err != nil {
							b.Fatal(err)
						}
						s.Committed()
					}
				}
				if err := db.Flush(); err != nil {
					b.Fatal(err)
				}
				seconds += cpuSeconds(b) - before
			}
			n := float64(b.N * len(texts))
			b.ReportMetric(n/seconds, "docs/cpu-s")
			b.ReportMetric(found/n, "duplicates/doc")
			b.ReportMetric(float64(bytes)/float64(len(texts)), "B/doc")
			b.ReportMetric(0, "ns/op")
		})
	}
}
