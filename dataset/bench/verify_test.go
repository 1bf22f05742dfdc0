package bench_test

import (
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// BenchmarkVerify verifies shards of real text, in megabytes of text per second
// of CPU time: every page inflated and decoded, every row hashed and compared.
// SHA-256 over the same texts alone, and with the files they are in, is the
// least that a proof of each row costs.
func BenchmarkVerify(b *testing.B) {
	path := filepath.Join(b.TempDir(), "fallow.parquet")
	var floor, fallow float64
	var text int64
	stop := profile(b)
	parts(b, func(_ int, records []dataset.Record) {
		shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		text += shard.TextBytes
		before := cpu(b)
		for i := range records {
			if sha256.Sum256([]byte(records[i].Text)) == ([32]byte{}) {
				b.Fatal("no digest")
			}
		}
		floor += cpu(b) - before
		before = cpu(b)
		if report, err := dataset.Verify(path, dataset.VerifyOptions{}); err != nil || !report.Valid {
			b.Fatal(report, err)
		}
		fallow += cpu(b) - before
	})
	stop()
	report := func(cpu float64) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportMetric(float64(text)/1e6/cpu, "MB/cpu-s")
			b.ReportMetric(0, "ns/op")
		}
	}
	b.Run("floor-sha256", report(floor))
	b.Run("fallow", report(fallow))
}
