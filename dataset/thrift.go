package dataset

import (
	"errors"
	"fmt"
)

// errCutOff says that bytes end inside what they describe.
var errCutOff = errors.New("cut off")

// The wire types of Thrift's compact protocol that matter here.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftDepth bounds nesting; page headers have two levels.
const thriftDepth = 8

// thrift reads Thrift's compact protocol from bytes that nobody vouches for:
// enough of it for page headers. It allocates nothing.
type thrift struct {
	buf []byte
	pos int
}

func (t *thrift) byte() (byte, error) {
	if t.pos >= len(t.buf) {
		return 0, errCutOff
	}
	b := t.buf[t.pos]
	t.pos++
	return b, nil
}

func (t *thrift) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := t.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errors.New("number is longer than 64 bits")
}

// i32 reads a zigzag number that must fit into 32 bits.
func (t *thrift) i32() (int32, error) {
	u, err := t.varint()
	if err != nil {
		return 0, err
	}
	v := int64(u>>1) ^ -int64(u&1)
	if v != int64(int32(v)) {
		return 0, fmt.Errorf("number %d does not fit into 32 bits", v)
	}
	return int32(v), nil
}

func (t *thrift) discard(n uint64) error {
	if n > uint64(len(t.buf)-t.pos) {
		return errCutOff
	}
	t.pos += int(n)
	return nil
}

// fields calls visit for every field of a struct; visit must consume it.
func (t *thrift) fields(visit func(id int32, typ byte) error) error {
	id := int32(0)
	for {
		head, err := t.byte()
		if err != nil {
			return err
		}
		typ := head & 0x0f
		if typ == thriftStop {
			return nil
		}
		if delta := int32(head >> 4); delta != 0 {
			id += delta
		} else if id, err = t.i32(); err != nil {
			return err
		}
		if err := visit(id, typ); err != nil {
			return err
		}
	}
}

// skip passes over one value.
func (t *thrift) skip(typ byte, depth int) error {
	if depth > thriftDepth {
		return errors.New("nested too deeply")
	}
	switch typ {
	case thriftTrue, thriftFalse:
		return nil
	case thriftByte:
		return t.discard(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := t.varint()
		return err
	case thriftDouble:
		return t.discard(8)
	case thriftBinary:
		n, err := t.varint()
		if err != nil {
			return err
		}
		return t.discard(n)
	case thriftStruct:
		return t.fields(func(_ int32, typ byte) error { return t.skip(typ, depth+1) })
	default: // lists, sets and maps do not occur in page headers
		return fmt.Errorf("unexpected type %d", typ)
	}
}
