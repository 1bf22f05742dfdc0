// Package bench measures the network against floors and peers in the same run:
// tunnels against plain TCP, a crawl against stock colly, an idle node and a
// router full of idle nodes against nothing but themselves. `make bench` runs
// it and prints the table.
//
// Whatever is measured runs in a process of its own, a copy of the test binary
// or the program as it is shipped, so that its CPU time and memory are the
// kernel's figures and not a guess; a figure per cpu-s is per second of CPU time
// of the processes that the benchmark names. The figures need Linux's /proc.
//
// FALLOW_BENCH_PROFILE=DIR makes the measured router write pprof files to DIR.
//
// It holds benchmarks only; nothing imports it.
package bench
