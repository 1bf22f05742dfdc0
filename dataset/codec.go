package dataset

import (
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// zstdLevel is the level shards are written at, on the scale of zstd itself.
const zstdLevel = 3

// pooledZstd is the Parquet codec for zstd with kept encoders. Arrow's own
// builds an encoder for every page, each with a goroutine per core and a
// window of several megabytes; BenchmarkCodec shows the difference.
type pooledZstd struct {
	encoders [zstd.SpeedBestCompression + 1]sync.Pool
	decoders sync.Pool
}

// init is where Arrow wants codecs registered: its registry is a plain map,
// not safe to change once files are being written.
func init() { compress.RegisterCodec(compress.Codecs.Zstd, &codec) }

// codec compresses the pages of this package, and of whoever else writes
// Parquet in this process.
var codec pooledZstd

func (p *pooledZstd) encoder(level zstd.EncoderLevel) *zstd.Encoder {
	if e, ok := p.encoders[level].Get().(*zstd.Encoder); ok {
		return e
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // only wrong options fail, and they are constants
	}
	return e
}

func encoderLevel(level int) zstd.EncoderLevel {
	if level == compress.DefaultCompressionLevel {
		level = zstdLevel
	}
	return zstd.EncoderLevelFromZstd(level)
}

// EncodeLevel appends nothing to dst but overwrites it, as Arrow expects.
func (p *pooledZstd) EncodeLevel(dst, src []byte, level int) []byte {
	speed := encoderLevel(level)
	e := p.encoder(speed)
	defer p.encoders[speed].Put(e)
	return e.EncodeAll(src, dst[:0])
}

func (p *pooledZstd) Encode(dst, src []byte) []byte {
	return p.EncodeLevel(dst, src, compress.DefaultCompressionLevel)
}

// Decode panics on a broken frame, the only way Arrow's interface leaves.
// Readers of this package do not come here, see inflate.
func (p *pooledZstd) Decode(dst, src []byte) []byte {
	d, ok := p.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
			panic(err)
		}
	}
	defer p.decoders.Put(d)
	out, err := d.DecodeAll(src, dst[:0])
	if err != nil {
		panic(err)
	}
	return out
}

// CompressBound is zstd's own worst case: incompressible blocks are stored.
func (*pooledZstd) CompressBound(n int64) int64 {
	const block = 128 << 10
	margin := int64(0)
	if n < block {
		margin = (block - n) >> 11
	}
	return n + n>>8 + margin + 64
}

func (*pooledZstd) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return d.IOReadCloser()
}

func (p *pooledZstd) NewWriter(w io.Writer) io.WriteCloser {
	e, err := p.NewWriterLevel(w, compress.DefaultCompressionLevel)
	if err != nil {
		panic(err)
	}
	return e
}

func (*pooledZstd) NewWriterLevel(w io.Writer, level int) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(encoderLevel(level)), zstd.WithEncoderConcurrency(1))
}
