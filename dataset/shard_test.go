package dataset_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/merkle"
)

// Small pages and row groups make every column cross their borders, where
// Arrow's DELTA_BYTE_ARRAY goes wrong.
func TestShardReadsBackAsWritten(t *testing.T) {
	small := dataset.DefaultLimits()
	small.PageBytes, small.RowGroupBytes = 4<<10, 300<<10
	for name, limits := range map[string]dataset.Limits{"one row group": dataset.DefaultLimits(), "many pages and row groups": small} {
		t.Run(name, func(t *testing.T) {
			records := synthetic(1500, 1)
			records[7].Text, records[8].Title = strings.Repeat("long ", 200_000), ""
			path := filepath.Join(t.TempDir(), "a.parquet")
			shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{Limits: limits})
			if err != nil {
				t.Fatal(err)
			}
			byID := map[string]dataset.Record{}
			for _, r := range records {
				byID[r.ID] = r
			}
			var tree merkle.Builder
			last := ""
			err = dataset.ReadShard(path, func(row int64, r *dataset.Record) error {
				if !reflect.DeepEqual(*r, byID[r.ID]) {
					t.Fatalf("row %d: got %+v, want %+v", row, *r, byID[r.ID])
				}
				if r.SURT < last || uint64(row) != tree.Len() {
					t.Fatalf("row %d out of order", row)
				}
				last = r.SURT
				tree.Add(dataset.RowLeaf(r))
				return nil
			})
			if err != nil || tree.Len() != 1500 || shard.Rows != 1500 || tree.Root() != shard.Root {
				t.Fatalf("%d rows, shard %+v, %v", tree.Len(), shard, err)
			}
		})
	}
}

// After a crash the router writes the same records again over what was left.
func TestShardIsWrittenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	if err := os.WriteFile(path+".tmp", bytes.Repeat([]byte("left over"), 1e6), 0o644); err != nil {
		t.Fatal(err)
	}
	first := writeShard(t, path, synthetic(100, 1)).Shard
	again := writeShard(t, path, synthetic(100, 1)).Shard
	if !reflect.DeepEqual(first, again) {
		t.Errorf("the same records made %+v, then %+v", first, again)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v", entries, err)
	}
}

func TestBadRecordsAreRefused(t *testing.T) {
	tests := map[string]func(*dataset.Record){
		"no id":            func(r *dataset.Record) { r.ID = "" },
		"no url":           func(r *dataset.Record) { r.URL = "" },
		"no text":          func(r *dataset.Record) { r.Text = "" },
		"text not UTF-8":   func(r *dataset.Record) { r.Text = "a\xff" },
		"signal not UTF-8": func(r *dataset.Record) { r.Signals = []dataset.Signal{{Text: "\xff"}} },
		"long text":        func(r *dataset.Record) { r.Text = strings.Repeat("a", dataset.DefaultLimits().TextBytes+1) },
		"long title":       func(r *dataset.Record) { r.Title = strings.Repeat("a", dataset.DefaultLimits().FieldBytes+1) },
		"many signals":     func(r *dataset.Record) { r.Signals = make([]dataset.Signal, dataset.DefaultLimits().Signals+1) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			records := synthetic(3, 1)
			spoil(&records[1])
			path := filepath.Join(t.TempDir(), "a.parquet")
			if _, err := dataset.WriteShard(path, records, dataset.WriterOptions{}); !errors.Is(err, dataset.ErrRecord) {
				t.Errorf("error %v", err)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("a file was left")
			}
		})
	}
	if _, err := dataset.WriteShard(filepath.Join(t.TempDir(), "a"), nil, dataset.WriterOptions{}); !errors.Is(err, dataset.ErrRecord) {
		t.Errorf("no records: %v", err)
	}
}

func TestReadShardStopsAtDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	writeShard(t, path, synthetic(200, 1))
	flip(t, path, 5000, 0x10)
	var damage *dataset.Damage
	err := dataset.ReadShard(path, func(int64, *dataset.Record) error { return nil })
	if !errors.As(err, &damage) || damage.Column != "text" {
		t.Errorf("error %v", err)
	}
}

// FuzzReadShard flips, cuts and replaces bytes of a real shard, and feeds
// whatever else the fuzzer finds.
func FuzzReadShard(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.parquet")
	small := dataset.DefaultLimits()
	small.PageBytes = 1 << 10
	if _, err := dataset.WriteShard(path, synthetic(12, 1), dataset.WriterOptions{Limits: small}); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f.parquet")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		readErr := dataset.ReadShard(path, func(int64, *dataset.Record) error { return nil })
		report, err := dataset.Verify(path, dataset.VerifyOptions{})
		if err != nil {
			t.Fatalf("a readable file must get a verdict: %v", err)
		}
		if report.Valid && readErr != nil {
			t.Fatalf("valid, yet reading fails: %v", readErr)
		}
	})
}
