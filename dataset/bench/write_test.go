package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/fallow-network/fallow/dataset"
)

// cpu is the CPU time of this process so far, seconds.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// spent adds up what one contender did.
type spent struct {
	rows  int
	cpu   float64 // seconds
	bytes int64   // written
}

func (s *spent) add(rows int, cpu float64, bytes int64) {
	s.rows, s.cpu, s.bytes = s.rows+rows, s.cpu+cpu, s.bytes+bytes
}

func (s spent) report(b *testing.B) {
	b.ReportMetric(float64(s.rows)/s.cpu, "rows/cpu-s")
	b.ReportMetric(float64(s.bytes)/1e6, "MB")
	b.ReportMetric(float64(s.bytes)/1e6/s.cpu, "MB/cpu-s")
	b.ReportMetric(0, "ns/op")
}

// rounds measures contenders together and reports them apart, so that -count
// gives each as many figures as there were rounds.
type rounds struct{ measure func() map[string]spent }

func (r rounds) run(b *testing.B, names ...string) {
	var measured []map[string]spent
	for _, name := range names {
		round := -1
		b.Run(name, func(b *testing.B) {
			if b.N == 1 { // how every run of a benchmark begins
				round++
			}
			if round == len(measured) {
				measured = append(measured, r.measure())
			}
			measured[round][name].report(b)
		})
	}
}

// BenchmarkWrite writes the same records in the same order: DuckDB's COPY from a
// table in memory; zstd alone over the texts, in pages as large as ours, which
// is the least any Go writer can do; and WriteShard, which besides sorts, hashes
// every row, syncs, reads the file back and compares. They take turns, part by
// part, so that what else the machine does meets all of them.
func BenchmarkWrite(b *testing.B) {
	d := startDuckDB(b)
	rounds{measure: func() map[string]spent { return race(b, d) }}.run(b, "peer-duckdb", "zstd-alone", "fallow")
}

func race(b *testing.B, d *duckdb) map[string]spent {
	dir := b.TempDir()
	path := filepath.Join(dir, "fallow.parquet")
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	var duck, floor, fallow spent
	stop := profile(b)
	parts(b, func(_ int, records []dataset.Record) {
		before := cpu(b)
		shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		fallow.add(len(records), cpu(b)-before, shard.Bytes)
		d.ask(map[string]string{"load": path})
		got := d.ask(map[string]string{"copy": filepath.Join(dir, "duckdb.parquet")})
		duck.add(len(records), got.CPU, got.Bytes)
		before = cpu(b)
		size := compress(e, records)
		floor.add(len(records), cpu(b)-before, size)
	})
	stop()
	return map[string]spent{"peer-duckdb": duck, "zstd-alone": floor, "fallow": fallow}
}

// profile writes a CPU profile to FALLOW_BENCH_PROFILE if that is set.
func profile(b *testing.B) (stop func()) {
	dir := os.Getenv("FALLOW_BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(filepath.Join(dir, filepath.Base(b.Name())+".pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func compress(e *zstd.Encoder, records []dataset.Record) (size int64) {
	page := int(dataset.DefaultLimits().PageBytes)
	var buf, out []byte
	for i := range records {
		buf = append(buf, records[i].Text...)
		if len(buf) >= page || i == len(records)-1 {
			out = e.EncodeAll(buf, out[:0])
			size += int64(len(out))
			buf = buf[:0]
		}
	}
	return size
}

// duckdb is a process that writes with DuckDB.
type duckdb struct {
	b   *testing.B
	in  io.WriteCloser
	out *bufio.Reader
}

type duckAnswer struct {
	CPU   float64
	Bytes int64
}

func startDuckDB(b *testing.B) *duckdb {
	b.Helper()
	work := b.TempDir()
	if err := os.CopyFS(work, os.DirFS("testdata")); err != nil {
		b.Fatal(err)
	}
	install := exec.CommandContext(b.Context(), "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		b.Skipf("no DuckDB to compare with: npm install: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), "node", "copy.mjs")
	cmd.Dir, cmd.Stderr = work, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("node: %v", err)
		}
	})
	return &duckdb{b: b, in: in, out: bufio.NewReader(out)}
}

func (d *duckdb) ask(question map[string]string) (answer duckAnswer) {
	d.b.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		d.b.Fatal(err)
	}
	if _, err := fmt.Fprintf(d.in, "%s\n", line); err != nil {
		d.b.Fatal(err)
	}
	if line, err = d.out.ReadBytes('\n'); err == nil {
		err = json.Unmarshal(line, &answer)
	}
	if err != nil {
		d.b.Fatalf("answer of DuckDB %q: %v", line, err)
	}
	return answer
}
