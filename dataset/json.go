package dataset

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// MarshalJSON writes the record as one object with the names and the order of
// the columns: binaries in hex, times after RFC 3339, signals as a list of
// objects with source and text.
func (r *Record) MarshalJSON() ([]byte, error) {
	dst := append(make([]byte, 0, len(r.Text)+2048), '{')
	var err error
	t := recordsTable()
	for i := range t.columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(strconv.AppendQuote(dst, t.columns[i].name), ':')
		if dst, err = t.columns[i].appendJSON(dst, r); err != nil {
			return nil, fmt.Errorf("column %q: %w", t.columns[i].name, err)
		}
	}
	return append(dst, '}'), nil
}

func (c *column[T]) appendJSON(dst []byte, row *T) ([]byte, error) {
	switch c.kind {
	case kindText:
		return appendMarshalled(dst, *c.text(row))
	case kindBinary:
		return append(hex.AppendEncode(append(dst, '"'), c.binary(row)), '"'), nil
	case kindBytes:
		return appendMarshalled(dst, *c.bytes(row)) // base64
	case kindInt64:
		return strconv.AppendInt(dst, *c.long(row), 10), nil
	case kindInt32:
		return strconv.AppendInt(dst, int64(*c.short(row)), 10), nil
	case kindFloat:
		if v := *c.real(row); math.IsNaN(v) || math.IsInf(v, 0) {
			return append(dst, "null"...), nil
		}
		return appendMarshalled(dst, *c.real(row))
	case kindTime:
		return append(c.when(row).AppendFormat(append(dst, '"'), time.RFC3339Nano), '"'), nil
	default:
		signals := *c.signals(row)
		dst = append(dst, '[')
		for i, s := range signals {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendMarshalled(append(dst, `{"source":`...), s.Source); err != nil {
				return nil, err
			}
			if dst, err = appendMarshalled(append(dst, `,"text":`...), s.Text); err != nil {
				return nil, err
			}
			dst = append(dst, '}')
		}
		return append(dst, ']'), nil
	}
}

func appendMarshalled(dst []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(dst, text...), err
}
