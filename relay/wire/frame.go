package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

// ErrFrame says that a peer sent a frame over its bound or one that is not the
// message expected.
var ErrFrame = errors.New("malformed frame")

// WriteFrame writes m behind its length as a varint, in one Write. limit is the
// bound of that message, in bytes; a larger m is ErrFrame and nothing is sent.
func WriteFrame(w io.Writer, m proto.Message, limit int) error {
	size := proto.Size(m)
	if size > limit {
		return fmt.Errorf("%w: %d bytes to send, bound %d", ErrFrame, size, limit)
	}
	buf := binary.AppendUvarint(make([]byte, 0, size+binary.MaxVarintLen32), uint64(size))
	buf, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(buf, m)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	_, err = w.Write(buf)
	return err
}

// ReadFrame reads one frame into m and not one byte more, since raw tunnel
// bytes may follow. A frame over limit bytes or one that does not decode is
// ErrFrame; io.EOF means the peer ended before a frame began.
func ReadFrame(r io.Reader, m proto.Message, limit int) error {
	size, err := readLength(r, limit)
	if err != nil {
		return err
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read frame: %w", err)
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(buf, m); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return nil
}

func readLength(r io.Reader, limit int) (int, error) {
	var one [1]byte
	var size uint64
	for shift := 0; ; shift += 7 {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			if shift > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if shift > 28 {
			return 0, fmt.Errorf("%w: length is too long", ErrFrame)
		}
		size |= uint64(one[0]&0x7f) << shift
		if one[0] < 0x80 {
			break
		}
	}
	if size > uint64(limit) {
		return 0, fmt.Errorf("%w: %d bytes, bound %d", ErrFrame, size, limit)
	}
	return int(size), nil
}
