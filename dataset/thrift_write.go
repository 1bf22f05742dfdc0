package dataset

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/parquet"
)

// appendPageHeader appends the header of a page of version 1 in Thrift's
// compact protocol: kind, sizes, number of values and encoding.
func appendPageHeader(dst []byte, h pageHeader) []byte {
	dst = appendI32(dst, 1, h.kind)
	dst = appendI32(dst, 1, h.inflated)
	dst = appendI32(dst, 1, h.stored)
	if h.kind == dictionaryPage {
		dst = append(dst, 4<<4|thriftStruct) // field 7
		dst = appendI32(dst, 1, h.values)
		dst = appendI32(dst, 1, int32(h.encoding))
	} else {
		dst = append(dst, 2<<4|thriftStruct) // field 5
		dst = appendI32(dst, 1, h.values)
		dst = appendI32(dst, 1, int32(h.encoding))
		dst = appendI32(dst, 1, int32(parquet.Encodings.RLE)) // definition levels
		dst = appendI32(dst, 1, int32(parquet.Encodings.RLE)) // repetition levels
	}
	return append(dst, thriftStop, thriftStop)
}

// appendI32 appends a field whose id is the last one's plus step.
func appendI32(dst []byte, step byte, v int32) []byte {
	return binary.AppendUvarint(append(dst, step<<4|thriftI32), uint64(uint32(v)<<1^uint32(v>>31)))
}
