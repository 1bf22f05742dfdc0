package fetch

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	acceptEncoding = "gzip, deflate, br, zstd"
	// maxCodings is how many content codings may lie on each other. Two occur
	// by mistake of misconfigured proxies, more only by intent.
	maxCodings = 2
	// zstdWindow is the largest window a zstd frame may ask for: what RFC 9659
	// allows over HTTP.
	zstdWindow = 8 << 20
)

// tools are the reusable parts of reading bodies. The zero value is ready.
type tools struct {
	buffers, readers, gzips, zlibs, flates, brotlis, zstds sync.Pool
}

// codings lists the content codings of h, outermost (last applied) first.
func codings(h http.Header) ([]string, *Failure) {
	var list []string
	for name := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "", "identity":
		case "gzip", "x-gzip":
			list = append([]string{"gzip"}, list...)
		case "deflate", "br", "zstd":
			list = append([]string{name}, list...)
		default:
			return nil, failuref(KindEncoding, "content coding %.40q was not offered", name)
		}
		if len(list) > maxCodings {
			return nil, failuref(KindEncoding, "more than %d content codings", maxCodings)
		}
	}
	return list, nil
}

// decoder returns a reader of what r holds under the given coding, and a
// function that gives the decoder back for reuse.
func (t *tools) decoder(coding string, r *bufio.Reader) (io.Reader, func(), error) {
	switch coding {
	case "gzip":
		z, fresh := pooled(&t.gzips, func() *gzip.Reader { return new(gzip.Reader) }), func() {}
		if err := z.Reset(r); err != nil {
			return nil, fresh, err
		}
		return z, func() { t.gzips.Put(z) }, nil
	case "br":
		z := pooled(&t.brotlis, func() *brotli.Reader { return brotli.NewReader(nil) })
		return z, func() { t.brotlis.Put(z) }, z.Reset(r)
	case "zstd":
		z := pooled(&t.zstds, newZstd)
		return z, func() { _ = z.Reset(nil); t.zstds.Put(z) }, z.Reset(r)
	default:
		return t.deflate(r)
	}
}

// deflate reads the coding "deflate", which is zlib by the standard and bare
// deflate by the habit of some servers.
func (t *tools) deflate(r *bufio.Reader) (io.Reader, func(), error) {
	if !looksZlib(r) {
		z := pooled(&t.flates, func() io.Reader { return flate.NewReader(r) })
		return z, func() { t.flates.Put(z) }, z.(flate.Resetter).Reset(r, nil)
	}
	z, ok := t.zlibs.Get().(io.Reader)
	if !ok {
		fresh, err := zlib.NewReader(r)
		return fresh, func() { t.zlibs.Put(fresh) }, err
	}
	return z, func() { t.zlibs.Put(z) }, z.(zlib.Resetter).Reset(r, nil)
}

// looksZlib checks the two bytes of a zlib header (RFC 1950, 2.2).
func looksZlib(r *bufio.Reader) bool {
	head, err := r.Peek(2)
	return err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// newZstd makes a decoder that starts no goroutines.
func newZstd() *zstd.Decoder {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		panic(err) // the options are constants
	}
	return z
}

func pooled[T any](pool *sync.Pool, make func() T) T {
	if v, ok := pool.Get().(T); ok {
		return v
	}
	return make()
}
