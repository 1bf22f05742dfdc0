//go:build duckdb

package dataset_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/fallow-network/fallow/dataset"
)

const polarsVersion = "0.26.1"

// polarsNative are the packages with Polars itself. npm leaves them out where
// they want a newer Node than there is, though they run; so they are asked for.
var polarsNative = map[string]string{
	"linux/amd64": "nodejs-polars-linux-x64-gnu", "linux/arm64": "nodejs-polars-linux-arm64-gnu",
	"darwin/amd64": "nodejs-polars-darwin-x64", "darwin/arm64": "nodejs-polars-darwin-arm64", "windows/amd64": "nodejs-polars-win32-x64-msvc",
}

// TestPolarsAgrees reads shards with Polars, which shares no code with the
// writer nor with DuckDB, and compares every value but the bytes of binaries,
// which its binding for Node does not hand out. Times it gives in milliseconds.
func TestPolarsAgrees(t *testing.T) {
	native, ok := polarsNative[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		t.Skipf("there is no Polars for %s/%s on npm", runtime.GOOS, runtime.GOARCH)
	}
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(filepath.Join("testdata", "polars"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-save", "--force", "--no-audit", "--no-fund", "--loglevel=error",
		"nodejs-polars@"+polarsVersion, native+"@"+polarsVersion)
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	v, err := dataset.OpenVersion(publish(t, 1000))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range v.Manifest.Shards {
		comparePolars(t, work, v.Path(s.File))
	}
}

func comparePolars(t *testing.T, work, shard string) {
	t.Helper()
	args := []string{"read.mjs", shard}
	fields := dataset.Schema().Fields()
	for _, f := range fields {
		if f.Type.ID() == arrow.BINARY {
			args = append(args, f.Name)
		}
	}
	read := exec.CommandContext(t.Context(), "node", args...)
	read.Dir = work
	var errs bytes.Buffer
	read.Stderr = &errs
	out, err := read.Output()
	if err != nil {
		t.Fatalf("node read.mjs: %v\n%s", err, errs.Bytes())
	}
	lines := json.NewDecoder(bytes.NewReader(out))
	lines.UseNumber()
	var head struct {
		Rows    int64
		Columns []string
	}
	if err := lines.Decode(&head); err != nil || len(head.Columns) != len(fields) {
		t.Fatalf("%v, %v", head, err)
	}
	n := int64(0)
	err = dataset.ReadShard(shard, func(row int64, r *dataset.Record) error {
		var got map[string]any
		if err := lines.Decode(&got); err != nil {
			return err
		}
		want := columnsOf(t, r)
		want["fetched_at"] = r.FetchedAt.Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
		for _, binary := range args[2:] {
			delete(want, binary)
		}
		for name, value := range want {
			if polarsText(got[name]) != polarsText(value) {
				t.Fatalf("row %d, column %s: Polars has %.300v, written was %.300v", row, name, got[name], value)
			}
		}
		if n++; len(got) != len(want) {
			t.Fatalf("row %d has %d columns", row, len(got))
		}
		return nil
	})
	if err != nil || n != head.Rows || lines.More() {
		t.Errorf("%d rows, Polars has %d: %v", n, head.Rows, err)
	}
}

// polarsText prints a value; numbers by what they are, not how they are written.
func polarsText(value any) string {
	if number, ok := value.(json.Number); ok {
		if f, err := number.Float64(); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return fmt.Sprint(value)
}
