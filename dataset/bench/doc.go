// Package bench measures the writing and verifying of shards, in records of
// real text, beside DuckDB and bare zstd in the same run. `make bench` runs it.
//
// The text is what every Go installation has: sources and documents of the
// toolchain and of the module cache. Figures are per second of CPU time, as the
// kernel counts it for the process that works. FALLOW_BENCH_ROWS sets how many
// records are written, 200,000 if it is not set.
//
// It holds benchmarks only; nothing imports it.
package bench
