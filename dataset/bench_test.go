package dataset_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"

	"github.com/fallow-network/fallow/dataset"
)

const benchRows = 4000

func BenchmarkWriteShard(b *testing.B) {
	records := synthetic(benchRows, 1)
	path := filepath.Join(b.TempDir(), "a.parquet")
	var shard dataset.Shard
	for b.Loop() {
		var err error
		if shard, err = dataset.WriteShard(path, records, dataset.WriterOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(shard.TextBytes)
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(shard.Bytes)/float64(shard.TextBytes), "size/text")
}

func BenchmarkVerify(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.parquet")
	shard := writeShard(b, path, synthetic(benchRows, 1)).Shard
	for b.Loop() {
		if report, err := dataset.Verify(path, dataset.VerifyOptions{}); err != nil || !report.Valid {
			b.Fatal(report, err)
		}
	}
	b.SetBytes(shard.TextBytes)
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkCodec compares the registered codec with an encoder for every page,
// which is what Arrow's own does.
func BenchmarkCodec(b *testing.B) {
	var text strings.Builder
	for _, r := range synthetic(400, 1) {
		text.WriteString(r.Text)
	}
	page := []byte(text.String())
	b.Run("pooled", func(b *testing.B) {
		codec, err := compress.GetCodec(compress.Codecs.Zstd)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, codec.CompressBound(int64(len(page))))
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			codec.EncodeLevel(dst, page, 3)
		}
	})
	b.Run("anew", func(b *testing.B) {
		dst := make([]byte, 0, 2*len(page))
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			e, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)))
			if err != nil {
				b.Fatal(err)
			}
			e.EncodeAll(page, dst)
		}
	})
}

// TestOurCodecIsUsed: Arrow's would pass every other test, only slower.
func TestOurCodecIsUsed(t *testing.T) {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil || fmt.Sprintf("%T", codec) != "*dataset.pooledZstd" {
		t.Errorf("zstd is %T, %v", codec, err)
	}
	// Parquet writers elsewhere in the process may ask for any level.
	for level := -1; level <= 22; level++ {
		packed := codec.EncodeLevel(nil, []byte("some bytes"), level)
		if got := codec.Decode(make([]byte, 10), packed); string(got) != "some bytes" {
			t.Errorf("level %d gives back %q", level, got)
		}
	}
}
