package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

func TestFramesLeaveWhatFollows(t *testing.T) {
	var stream bytes.Buffer
	first := &pb.TunnelStatus{Reason: pb.Reason_OK, Address: "192.0.2.7:443"}
	for _, m := range []proto.Message{first, &pb.TunnelStatus{Reason: pb.Reason_BUSY}} {
		if err := wire.WriteFrame(&stream, m, wire.MaxTunnelStatus); err != nil {
			t.Fatal(err)
		}
	}
	stream.WriteString("raw bytes")
	reader := iotest.OneByteReader(&stream)
	var got pb.TunnelStatus
	if err := wire.ReadFrame(reader, &got, wire.MaxTunnelStatus); err != nil || !proto.Equal(&got, first) {
		t.Fatalf("first frame %v, %v", &got, err)
	}
	if err := wire.ReadFrame(reader, &got, wire.MaxTunnelStatus); err != nil || got.Reason != pb.Reason_BUSY {
		t.Fatalf("second frame %v, %v", &got, err)
	}
	if rest, _ := io.ReadAll(reader); string(rest) != "raw bytes" {
		t.Errorf("left %q", rest)
	}
}

func TestFrameBounds(t *testing.T) {
	long := &pb.TunnelStatus{Address: strings.Repeat("a", wire.MaxTunnelStatus)}
	var sent bytes.Buffer
	if err := wire.WriteFrame(&sent, long, wire.MaxTunnelStatus); !errors.Is(err, wire.ErrFrame) || sent.Len() > 0 {
		t.Errorf("a long frame was sent: %v, %d bytes", err, sent.Len())
	}
	tests := map[string]struct {
		bytes string
		want  error
	}{
		"nothing":          {"", io.EOF},
		"half a length":    {"\x80", io.ErrUnexpectedEOF},
		"half a message":   {"\x05ab", io.ErrUnexpectedEOF},
		"no message":       {"\x05", io.ErrUnexpectedEOF},
		"length over":      {"\x81\x02", wire.ErrFrame},
		"endless length":   {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", wire.ErrFrame},
		"not the message":  {"\x02\xff\xff", wire.ErrFrame},
		"gigantic length":  {"\xff\xff\xff\xff\x0f", wire.ErrFrame},
		"unclosed varints": {strings.Repeat("\x80", 64), wire.ErrFrame},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var m pb.TunnelStatus
			if err := wire.ReadFrame(strings.NewReader(test.bytes), &m, wire.MaxTunnelStatus); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// A later version's fields must not trouble this one.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	raw := []byte{0x08, 0x01, 0xfa, 0x7f, 0x03, 'n', 'e', 'w'} // reason 1, then field 2047
	var m pb.TunnelStatus
	if err := wire.ReadFrame(bytes.NewReader(append([]byte{byte(len(raw))}, raw...)), &m, wire.MaxTunnelStatus); err != nil {
		t.Fatal(err)
	}
	if m.Reason != pb.Reason_OK || len(m.ProtoReflect().GetUnknown()) != 0 {
		t.Errorf("read %v with unknown %x", &m, m.ProtoReflect().GetUnknown())
	}
}

// The largest messages we write must fit their own bounds.
func TestLargestMessagesFit(t *testing.T) {
	lease := newLease()
	lease.Host = strings.Repeat("a.", 125) + "aaa"
	lease.Job = strings.Repeat("j", wire.MaxJob)
	lease.Purpose = strings.Repeat("p", wire.MaxPurpose)
	lease.Dataset = strings.Repeat("d", wire.MaxDataset)
	signature, err := lease.Sign(routerKey)
	if err != nil {
		t.Fatal(err)
	}
	open := &pb.TunnelOpen{Lease: lease.Encode(), Signature: signature}
	if err := wire.WriteFrame(io.Discard, open, wire.MaxTunnelOpen); err != nil {
		t.Error(err)
	}
	activity := &pb.Activity{Serial: make([]byte, 16)}
	for range wire.MaxActivityURLs {
		activity.Urls = append(activity.Urls, strings.Repeat("u", wire.MaxActivityURL))
	}
	message := &pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: activity}}
	if err := wire.WriteFrame(io.Discard, message, wire.MaxSessionMessage); err != nil {
		t.Error(err)
	}
}

func FuzzReadFrame(f *testing.F) {
	var seed bytes.Buffer
	_ = wire.WriteFrame(&seed, &pb.NodeMessage{Body: &pb.NodeMessage_Pong{Pong: &pb.Pong{Nonce: 7}}}, wire.MaxSessionMessage)
	f.Add(seed.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, m := range []proto.Message{new(pb.NodeMessage), new(pb.RouterMessage), new(pb.TunnelOpen), new(pb.TunnelStatus)} {
			_ = wire.ReadFrame(bytes.NewReader(raw), m, wire.MaxSessionMessage)
		}
	})
}
