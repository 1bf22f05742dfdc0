//go:build duckdb

package dataset_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// TestReadOverHTTPRange reads a shard in place, as its readers do over the
// router's API, with a reader that shares no code with the writer: two columns
// cost a part of the file. DuckDB's own extension for HTTP is not in its npm
// package and would have to be fetched from elsewhere. It needs node and npm.
func TestReadOverHTTPRange(t *testing.T) {
	dir := publish(t, 4000)
	v := mustOpen(t, dir)
	shard := v.Manifest.Shards[0]
	var sent, ranged atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.Header.Get("Range") != "" {
			ranged.Add(1)
		}
		http.ServeFile(countedWriter{w, &sent}, r, filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
	}))
	defer server.Close()
	work := t.TempDir()
	if err := os.CopyFS(work, os.DirFS(filepath.Join("testdata", "range"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	read := exec.CommandContext(t.Context(), "node", "read.mjs", server.URL+"/"+shard.File)
	read.Dir = work
	var errs bytes.Buffer
	read.Stderr = &errs
	out, err := read.Output()
	if err != nil {
		t.Fatalf("node read.mjs: %v\n%s", err, errs.Bytes())
	}
	var rows [][2]any
	if err := json.Unmarshal(out, &rows); err != nil || int64(len(rows)) != shard.Rows {
		t.Fatalf("%d rows of %d, %v", len(rows), shard.Rows, err)
	}
	err = dataset.ReadShard(v.Path(shard.File), func(row int64, r *dataset.Record) error {
		if rows[row][0] != r.ID || rows[row][1] != float64(r.TokenCount) {
			t.Fatalf("row %d is %v, written was %s, %d", row, rows[row], r.ID, r.TokenCount)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if ranged.Load() == 0 || sent.Load() > shard.Bytes/2 {
		t.Errorf("%d bytes of %d were sent in %d ranges", sent.Load(), shard.Bytes, ranged.Load())
	}
}

// countedWriter counts the bytes of bodies.
type countedWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countedWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n.Add(int64(n))
	return n, err
}
