package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const output = `goos: linux
goarch: amd64
pkg: example.org/m/router/bench
cpu: A Processor @ 2.00GHz
BenchmarkTunnel/bulk/floor-tcp-4         	     100	  2000 ns/op	 5671 MB/cpu-s
BenchmarkTunnel/bulk/fallow-4            	      10	 20000 ns/op	  524 MB/cpu-s
BenchmarkTunnel/bulk/fallow-4            	      10	 24000 ns/op	  500 MB/cpu-s
BenchmarkTunnel/bulk/fallow-4            	      10	 22000 ns/op	  576 MB/cpu-s
BenchmarkIdle-4                          	       1	1000000000 ns/op	 58123 B-RSS/node
some log line
Benchmark that is prose, and not a result
BenchmarkBroken-4 	 x 12 ns/op
--- BENCH: BenchmarkIdle-4
PASS
ok  	example.org/m/router/bench	4.2s
`

func TestTable(t *testing.T) {
	res := parse(strings.NewReader(output), 4)
	if res.cpu != "A Processor @ 2.00GHz" {
		t.Errorf("cpu %q", res.cpu)
	}
	var out bytes.Buffer
	if err := res.print(&out); err != nil {
		t.Fatal(err)
	}
	const want = `
Tunnel/bulk   ns/op             MB/cpu-s
  floor-tcp   2,000             5,671
  fallow      22,000 ±9%  11x   524 ±7%  0.0924x

Idle   ns/op           B-RSS/node
       1,000,000,000   58,123
`
	if got := trimLines(out.String()); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.5: "0.5", 12.345: "12.3", 999.4: "999", 1000: "1,000",
		1234567.8: "1,234,568", 0.00123: "0.00123", 100: "100", -1500: "-1,500", -250000: "-250,000",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}

// TestRun measures real benchmarks, of a module made for it.
func TestRun(t *testing.T) {
	root := t.TempDir()
	for name, src := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26.0\n",
		"a_test.go": `package a
import "testing"
func BenchmarkGood(b *testing.B) { for b.Loop() {}; b.ReportMetric(42, "pages/cpu-s") }
func BenchmarkBad(b *testing.B) { b.Fatal("no") }
`,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for _, test := range []struct{ pattern, out, err string }{
		{"Good", "42", ""},
		{"Bad", "", "exit status 1"},
		{"None", "", `no benchmark in ./... matches "None"`},
	} {
		t.Run(test.pattern, func(t *testing.T) {
			var out, progress bytes.Buffer
			err := run(t.Context(), []string{"-bench", test.pattern, "-benchtime", "1x", "-count", "1", "-packages", "./..."}, &out, &progress)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q\n%s", err, test.err, &progress)
			}
			if !strings.Contains(out.String(), test.out) {
				t.Errorf("no %q in:\n%s", test.out, &out)
			}
		})
	}
}
