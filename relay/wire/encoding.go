package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// errEncoding is wrapped by every error of the fixed encoding.
var errEncoding = errors.New("malformed encoding")

// encoder writes the fixed encoding that signatures cover: a domain line, then
// the fields in order, integers big-endian, strings behind a 16-bit length.
// There is one way to write a value, so equal values have equal bytes.
type encoder struct{ buf []byte }

func newEncoder(domain string) *encoder {
	return &encoder{buf: append(make([]byte, 0, 256), domain...)}
}

func (e *encoder) fixed(b []byte)  { e.buf = append(e.buf, b...) }
func (e *encoder) byte(b byte)     { e.buf = append(e.buf, b) }
func (e *encoder) uint16(v uint16) { e.buf = binary.BigEndian.AppendUint16(e.buf, v) }
func (e *encoder) uint64(v uint64) { e.buf = binary.BigEndian.AppendUint64(e.buf, v) }

// text writes a string whose length the caller has checked against a bound
// below 64 KiB.
func (e *encoder) text(s string) {
	e.uint16(uint16(len(s)))
	e.buf = append(e.buf, s...)
}

// decoder reads what encoder wrote. The first failure sticks; later reads give
// zero values, so a caller checks once, at the end.
type decoder struct {
	rest []byte
	err  error
}

func newDecoder(domain string, b []byte) *decoder {
	d := &decoder{rest: b}
	if got := d.take(len(domain)); d.err == nil && string(got) != domain {
		d.fail("another domain")
	}
	return d
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errEncoding, why)
	}
}

func (d *decoder) take(n int) []byte {
	if d.err != nil {
		return nil
	}
	if len(d.rest) < n {
		d.fail("too short")
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) fixed(into []byte) { copy(into, d.take(len(into))) }

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) text(limit int) string {
	n := int(d.uint16())
	if n > limit {
		d.fail("text over its bound")
		return ""
	}
	b := d.take(n)
	if !utf8.Valid(b) {
		d.fail("text is not UTF-8")
		return ""
	}
	return string(b)
}

func (d *decoder) done() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail("bytes left over")
	}
	return d.err
}
