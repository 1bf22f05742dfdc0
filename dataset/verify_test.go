package dataset_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

func TestFlippedBytesAreFound(t *testing.T) {
	dir := publish(t, 100)
	report, err := dataset.Verify(dir, dataset.VerifyOptions{Key: public(testKey())})
	if err != nil || !report.Valid {
		t.Fatalf("untouched: %+v, %v", report, err)
	}
	var paths []string
	var sizes []int64
	var total int64
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		paths, sizes = append(paths, path), append(sizes, info.Size())
		total += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	located, parquet := 0, 0
	var widths []int64 // rows named at once
	flips := 200
	if soaking() {
		flips = 1000
	}
	for n := range flips {
		// A third of the flips go to the small files, which chance would miss.
		file := n % len(paths)
		if n%3 != 0 {
			at := rng.Int64N(total)
			for file = 0; at >= sizes[file]; file++ {
				at -= sizes[file]
			}
		}
		at := rng.Int64N(sizes[file])
		restore := flip(t, paths[file], at, byte(1+rng.IntN(255)))
		report, err := dataset.Verify(dir, dataset.VerifyOptions{Key: public(testKey())})
		if err != nil || report.Valid || len(report.Problems) == 0 {
			t.Fatalf("byte %d of %s: %+v, %v", at, paths[file], report, err)
		}
		name, _ := filepath.Rel(dir, paths[file])
		if got := report.Problems[0].File; got != filepath.ToSlash(name) {
			t.Fatalf("byte %d of %s: blamed on %s (%s)", at, name, got, report.Problems[0])
		}
		if filepath.Ext(name) == ".parquet" && name != dataset.DuplicatesFile {
			parquet++
			if p := report.Problems[0]; p.Row != nil {
				located++
				widths = append(widths, *p.LastRow-*p.Row+1)
			}
		}
		restore()
	}
	if located*10 < parquet*7 { // footers, which belong to no row, take a fifth of files this small
		t.Errorf("a row was named for %d of %d flips in shards", located, parquet)
	}
	slices.Sort(widths)
	if median := widths[len(widths)/2]; median > 10 {
		t.Errorf("half of the flips were located to more than %d of 150 rows", median)
	}
	t.Logf("%d flips in shards: rows named for %d, at once (sorted) %v", parquet, located, widths)
	if report, err := dataset.Verify(dir, dataset.VerifyOptions{}); err != nil || !report.Valid {
		t.Fatalf("restored: %+v, %v", report, err)
	}
}

// flip changes one byte and returns how to undo it.
func flip(t *testing.T, path string, at int64, mask byte) (restore func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	put := func(v byte) {
		if _, err := f.WriteAt([]byte{v}, at); err != nil {
			t.Fatal(err)
		}
	}
	put(b[0] ^ mask)
	return func() {
		put(b[0])
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// verdict verifies and returns the problems; it must be able to tell.
func verdict(t *testing.T, path string, o dataset.VerifyOptions) dataset.Report {
	t.Helper()
	report, err := dataset.Verify(path, o)
	if err != nil || report.Valid == (len(report.Problems) > 0) {
		t.Fatalf("verify %s: %+v, %v", path, report, err)
	}
	return report
}

func TestBrokenVersionsGetTheirName(t *testing.T) {
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	shard := func(dir string) string { return filepath.Join(dir, "data", "train-00000-of-00002.parquet") }
	tests := map[string]struct {
		spoil      func(dir string) error
		key        ed25519.PrivateKey
		kind, file string
	}{
		"shard gone":       {func(d string) error { return os.Remove(shard(d)) }, nil, dataset.ProblemMissing, "data/train-00000-of-00002.parquet"},
		"shard cut off":    {func(d string) error { return os.Truncate(shard(d), 20_000) }, nil, dataset.ProblemFormat, "data/train-00000-of-00002.parquet"},
		"shard empty":      {func(d string) error { return os.Truncate(shard(d), 0) }, nil, dataset.ProblemFormat, "data/train-00000-of-00002.parquet"},
		"shards swapped":   {swapShards, nil, dataset.ProblemRoot, "data/train-00000-of-00002.parquet"},
		"shard slipped in": {func(d string) error { return os.Link(shard(d), filepath.Join(d, "data", "extra.parquet")) }, nil, dataset.ProblemUnexpected, "data/extra.parquet"},
		"card rewritten":   {func(d string) error { return os.WriteFile(filepath.Join(d, "README.md"), []byte("free!"), 0o644) }, nil, dataset.ProblemDigest, "README.md"},
		"manifest cut":     {func(d string) error { return os.Truncate(filepath.Join(d, "manifest.json"), 100) }, nil, dataset.ProblemManifest, "manifest.json"},
		"another router":   {func(string) error { return nil }, other, dataset.ProblemKey, "manifest.json"},
		"row rewritten":    {rewriteShard, nil, dataset.ProblemRoot, "data/train-00000-of-00002.parquet"},
		"link leads out": {func(d string) error {
			return errors.Join(os.Remove(filepath.Join(d, "sites.json")), os.Symlink("/etc/hostname", filepath.Join(d, "sites.json")))
		}, nil, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := publish(t, 60)
			if err := test.spoil(dir); err != nil {
				t.Fatal(err)
			}
			o := dataset.VerifyOptions{}
			if test.key != nil {
				o.Key = public(test.key)
			}
			if test.kind == "" { // not to be judged, and not followed
				if report, err := dataset.Verify(dir, o); err == nil || report.Valid {
					t.Fatalf("%+v, %v", report, err)
				}
				return
			}
			report := verdict(t, dir, o)
			if report.Valid || report.Problems[0].Kind != test.kind || report.Problems[0].File != test.file {
				t.Errorf("%+v", report.Problems)
			}
		})
	}
}

func swapShards(dir string) error {
	a, b := filepath.Join(dir, "data", "train-00000-of-00002.parquet"), filepath.Join(dir, "data", "train-00001-of-00002.parquet")
	return errors.Join(os.Rename(a, a+".x"), os.Rename(b, a), os.Rename(a+".x", b))
}

// rewriteShard alters one text and computes all leaves anew, as a forger would.
func rewriteShard(dir string) error {
	records := synthetic(60, 1)
	records[5].Text = "forged"
	path := filepath.Join(dir, "data", "train-00000-of-00002.parquet")
	_, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
	return err
}

func TestShardAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeShard(t, path, synthetic(50, 1))
	if report := verdict(t, path, dataset.VerifyOptions{}); !report.Valid || report.Rows != 50 || report.Router != "" {
		t.Errorf("%+v", report)
	}
	if _, err := dataset.Verify(path, dataset.VerifyOptions{Key: public(testKey())}); !errors.Is(err, dataset.ErrCannotTell) {
		t.Errorf("a key without a signature: %v", err)
	}
	inside := filepath.Join(publish(t, 50), "data", "train-00001-of-00002.parquet")
	if report := verdict(t, inside, dataset.VerifyOptions{Key: public(testKey())}); !report.Valid || report.Router == "" || report.Rows != 25 {
		t.Errorf("inside a version: %+v", report)
	}
	flip(t, inside, 9000, 4)
	if report := verdict(t, inside, dataset.VerifyOptions{}); report.Valid || report.Problems[0].Field != "text" {
		t.Errorf("flipped inside a version: %+v", report)
	}
}

func TestOtherFilesAreNotShards(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "text": "hello, world, this is no Parquet", "magic": "PAR1\xff\xff\xff\x7fPAR1", "zeros": string(make([]byte, 4096))} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if report := verdict(t, path, dataset.VerifyOptions{}); report.Valid || report.Problems[0].Kind != dataset.ProblemFormat {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

func TestCannotTell(t *testing.T) {
	for name, path := range map[string]string{"nothing there": "no/such/path", "folder of something else": t.TempDir(), "device": os.DevNull} {
		if report, err := dataset.Verify(path, dataset.VerifyOptions{}); !errors.Is(err, dataset.ErrCannotTell) || report.Valid {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
}

// A byte of a column without compression concerns one row and one field, and
// both must be named. No checksum of Parquet's helps here: only the leaf does.
func TestRowAndFieldAreNamed(t *testing.T) {
	records := synthetic(80, 1)
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeShard(t, path, records)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	err = dataset.ReadShard(path, func(row int64, r *dataset.Record) error {
		want[r.ID] = row
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string][]byte{"text_digest": records[33].TextDigest[:], "leaf": records[33].Leaf[:]} {
		at := int64(bytes.Index(raw, value))
		if at < 0 {
			t.Fatalf("%s is not stored as it is", field)
		}
		restore := flip(t, path, at+3, 1)
		p := verdict(t, path, dataset.VerifyOptions{}).Problems
		if len(p) != 1 || p[0].Row == nil || *p[0].Row != want[records[33].ID] || *p[0].LastRow != *p[0].Row || p[0].Field != field {
			t.Errorf("%s of row %d: %v", field, want[records[33].ID], p)
		}
		var damage *dataset.Damage
		if err := dataset.ReadShard(path, func(int64, *dataset.Record) error { return nil }); !errors.As(err, &damage) || damage.First != want[records[33].ID] {
			t.Errorf("reading on after a changed %s: %v", field, err)
		}
		restore()
	}
}
