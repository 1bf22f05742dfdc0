package bench_test

import (
	"crypto/sha256"
	"io"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

// BenchmarkVerify verifies shards of real text, in megabytes of text per second
// of CPU time: every page inflated and decoded, every row hashed and compared.
// SHA-256 over the same texts alone is the least that a proof of each row costs.
func BenchmarkVerify(b *testing.B) {
	rounds{measure: func() map[string]spent { return check(b) }}.run(b, "floor-sha256", "fallow")
}

func check(b *testing.B) map[string]spent {
	path := filepath.Join(b.TempDir(), "fallow.parquet")
	var floor, fallow spent
	stop := profile(b)
	parts(b, func(_ int, records []dataset.Record) {
		shard, err := dataset.WriteShard(path, records, dataset.WriterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		before, d := cpu(b), sha256.New()
		for i := range records {
			_, _ = io.WriteString(d, records[i].Text)
		}
		floor.add(len(records), cpu(b)-before, shard.TextBytes)
		before = cpu(b)
		if report, err := dataset.Verify(path, dataset.VerifyOptions{}); err != nil || !report.Valid {
			b.Fatal(report, err)
		}
		fallow.add(len(records), cpu(b)-before, shard.TextBytes)
	})
	stop()
	return map[string]spent{"floor-sha256": floor, "fallow": fallow}
}
