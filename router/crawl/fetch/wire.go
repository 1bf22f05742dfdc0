package fetch

import (
	"context"
	"errors"
	"io"
)

// wire reads the body as sent: it counts, bounds the size and the silence, and
// checks that the end is the announced one.
type wire struct {
	ctx     context.Context
	x       *exchange
	r       io.Reader
	length  int64 // announced; -1 unknown
	n       int64
	failure *Failure
}

func (w *wire) Read(p []byte) (int, error) {
	if w.failure != nil {
		return 0, w.failure
	}
	limits := w.x.limits
	w.x.watch.Reset(limits.Idle)
	n, err := w.r.Read(p[:min(int64(len(p)), limits.WireBytes-w.n+1)])
	w.n += int64(n)
	switch {
	case w.n > limits.WireBytes:
		w.failure = failuref(KindTooLarge, "more than %d bytes on the wire", limits.WireBytes)
	case err == nil:
		return n, nil
	case err != io.EOF: //nolint:errorlint // exactly: a connection torn down may wrap io.EOF, and is no end of a page
		w.failure = classify(w.ctx, err, inBody)
	case w.length >= 0 && w.n != w.length:
		w.failure = failuref(KindTruncated, "%d bytes of %d announced", w.n, w.length)
	default:
		return n, io.EOF
	}
	return n, w.failure
}

// explain says why reading through decoders failed: the wire's own failure
// first, then a bound of ours, else the coding is corrupt.
func (w *wire) explain(err error) *Failure {
	if w.failure != nil {
		return w.failure
	}
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	return &Failure{Kind: KindEncoding, Err: err}
}

// stage bounds the output of one decoder (or of none).
type stage struct {
	r io.Reader
	w *wire
	n int64
}

func (s *stage) Read(p []byte) (int, error) {
	if s.w.ctx.Err() != nil {
		return 0, ended(context.Cause(s.w.ctx))
	}
	n, err := s.r.Read(p[:min(len(p), chunk)])
	s.n += int64(n)
	limits := s.w.x.limits
	if s.n > limits.RatioFloor && s.n/limits.Ratio > s.w.n {
		return n, failuref(KindBomb, "%d bytes out of %d", s.n, s.w.n)
	}
	if s.n > limits.BodyBytes {
		return n, failuref(KindTooLarge, "more than %d bytes decoded", limits.BodyBytes)
	}
	return n, err
}
