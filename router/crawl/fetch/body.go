package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// chunk is the most that is read at once, and so the most by which a
	// bound is overstepped before it is noticed.
	chunk = 32 << 10
	// keptBuffer is the largest buffer kept for reuse.
	keptBuffer = 2 << 20
	// sniffBytes is how much of a body http.DetectContentType looks at.
	sniffBytes = 512
	// What of an unwanted body is read, so that its connection can be reused.
	drainBytes = 64 << 10
	drainTime  = time.Second
)

// readBody reads and decodes the body of a 2xx response into the result, and
// gets rid of any other.
func (x *exchange) readBody(ctx context.Context, resp *http.Response) *Failure {
	if resp.StatusCode >= 300 {
		x.drain(resp)
		return nil
	}
	list, failure := x.admit(resp)
	if failure != nil {
		return failure
	}
	w := &wire{ctx: ctx, x: x, r: resp.Body, length: resp.ContentLength}
	failure = x.decode(w, list)
	x.result.WireBytes = w.n
	if failure != nil && failure.Kind == KindTooLarge && x.limits.Cut {
		x.result.Body = x.result.Body[:min(int64(len(x.result.Body)), x.limits.BodyBytes)]
		x.result.Cut = true
		return nil
	}
	return failure
}

// admit refuses by the header alone what would be refused after the body.
func (x *exchange) admit(resp *http.Response) ([]string, *Failure) {
	if closeDelimited(resp) {
		return nil, failuref(KindTruncated, "the body ends only with the connection")
	}
	if x.result.ContentType != "" && !x.limits.accepts(x.result.ContentType) {
		return nil, failuref(KindContentType, "content type %.80q", mediaType(x.result.ContentType))
	}
	list, failure := codings(resp.Header)
	if failure != nil {
		return nil, failure
	}
	most := x.limits.WireBytes
	if len(list) == 0 {
		most = min(most, x.limits.BodyBytes)
	}
	if resp.ContentLength > most && !x.limits.Cut {
		return nil, failuref(KindTooLarge, "body of %d bytes", resp.ContentLength)
	}
	return list, nil
}

// decode reads w through the decoders of list, innermost last, and then to its
// end: only a body that ended as announced is whole.
func (x *exchange) decode(w *wire, list []string) *Failure {
	first := pooled(&x.tools.readers, func() *bufio.Reader { return bufio.NewReaderSize(nil, chunk) })
	first.Reset(w)
	defer func() { first.Reset(nil); x.tools.readers.Put(first) }()

	body := &stage{r: first, w: w}
	if _, err := first.Peek(1); errors.Is(err, io.EOF) && w.failure == nil {
		list = nil // no bytes at all: nothing that could be coded
	}
	source := first
	for i, coding := range list {
		if i > 0 {
			source = bufio.NewReaderSize(body, chunk)
		}
		z, giveBack, err := x.tools.decoder(coding, source)
		defer giveBack()
		if err != nil {
			return w.explain(err)
		}
		body = &stage{r: z, w: w}
	}
	if failure := x.fill(w, body); failure != nil {
		return failure
	}
	if _, err := io.Copy(io.Discard, w); err != nil {
		return w.explain(err)
	}
	return nil
}

// fill reads body into the result.
func (x *exchange) fill(w *wire, body io.Reader) *Failure {
	kept := pooled(&x.tools.buffers, func() *bytes.Buffer { return bytes.NewBuffer(make([]byte, 0, 2*chunk)) })
	kept.Reset()
	sniff := x.result.ContentType == "" && !x.limits.AnyContentType
	for {
		kept.Grow(1)
		room := kept.AvailableBuffer()
		n, err := body.Read(room[:min(cap(room), chunk)])
		kept.Write(room[:n])
		if sniff && (kept.Len() >= sniffBytes || err != nil) && kept.Len() > 0 {
			sniff = false
			if failure := x.sniff(kept.Bytes()); failure != nil {
				x.recycle(kept)
				return failure
			}
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !x.limits.Cut {
			x.recycle(kept)
			return w.explain(err)
		}
		x.result.Body = x.handOver(kept)
		if errors.Is(err, io.EOF) {
			return nil
		}
		return w.explain(err)
	}
}

// handOver gives the caller the bytes: a copy of the right size while the
// buffer is worth keeping, else the buffer itself.
func (x *exchange) handOver(kept *bytes.Buffer) []byte {
	if kept.Cap() > keptBuffer {
		return kept.Bytes()
	}
	body := bytes.Clone(kept.Bytes())
	x.recycle(kept)
	return body
}

func (x *exchange) recycle(b *bytes.Buffer) {
	if b.Cap() <= keptBuffer {
		x.tools.buffers.Put(b)
	}
}

// sniff decides the type of a body that came without one.
func (x *exchange) sniff(head []byte) *Failure {
	x.result.ContentType = mediaType(http.DetectContentType(head))
	x.result.Sniffed = true
	if !x.limits.accepts(x.result.ContentType) {
		return failuref(KindContentType, "content type %q by its first bytes", x.result.ContentType)
	}
	return nil
}

// drain reads a little of a body nobody wants.
func (x *exchange) drain(resp *http.Response) {
	if resp.ContentLength > drainBytes || closeDelimited(resp) {
		return
	}
	x.watch.Reset(drainTime)
	x.result.WireBytes, _ = io.CopyN(io.Discard, resp.Body, drainBytes)
}
