// Command bench is what `make bench` runs: it measures the benchmarks of
// router/bench and dataset/bench and prints one table in which each figure stands beside its
// ratio to a base from the same run. Ratios travel between machines; absolute
// figures do not.
//
// The base is found by name. Within the sub-benchmarks of one benchmark, the
// first whose name begins with "floor" (what the machine can do at best) or
// "peer" (what somebody else's program does) is the base of the others:
//
//	BenchmarkTunnel/bulk/floor-tcp
//	BenchmarkTunnel/bulk/fallow
//
// It holds no results of its own and judges none.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// run measures and prints: the table to out, the progress to progress. When
// benchmarks fail, what was measured before is printed all the same.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	pattern := flags.String("bench", ".", "which benchmarks, a regular expression as in go test")
	benchtime := flags.String("benchtime", "1s", "how long each runs, or how often, as 100x")
	count := flags.Int("count", 3, "how often each is measured; the table shows medians")
	timeout := flags.Duration("timeout", time.Hour, "give up on a package after this long")
	packages := flags.String("packages", "./router/bench/... ./dataset/bench/...", "where the benchmarks are, apart by spaces")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{
		"test", "-trimpath", "-p", "1", "-run", "^$", // -p 1: one package at a time, or they would measure each other
		"-bench", *pattern, "-benchtime", *benchtime, "-count", strconv.Itoa(*count),
		"-timeout", timeout.String(),
	}, strings.Fields(*packages)...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the programs are shipped

	var raw bytes.Buffer
	both := io.MultiWriter(&raw, progress) // one writer, so that exec copies with one goroutine
	cmd.Stdout, cmd.Stderr = both, both
	before := load()
	failed := cmd.Run()
	results := parse(&raw, runtime.GOMAXPROCS(0))
	if len(results.groups) > 0 {
		fmt.Fprintf(out, "\n%s, %d cores, %s %s/%s, load %s before and %s after; median of %d\n",
			results.cpu, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, before, load(), *count)
		if err := results.print(out); err != nil {
			return fmt.Errorf("print the table: %w", err)
		}
	}
	switch {
	case failed != nil:
		return fmt.Errorf("go test %s: %w", *packages, failed)
	case len(results.groups) == 0:
		return fmt.Errorf("no benchmark in %s matches %q", *packages, *pattern)
	}
	return nil
}

// load is the machine's load average over one minute: other work on it makes
// figures worse, and a reader should see that.
func load() string {
	averages, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(averages)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}
