package relay_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// A router of a later version that has dropped this agent's protocol.
func TestRouterThatSpeaksNoneOfOurVersions(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	r.host.RemoveStreamHandler(wire.SessionProtocol)
	r.host.SetStreamHandler("/fallow/session/2", r.serve)
	n := startNode(t, config(t, r.addr()))
	consent(t, n)
	eventually(t, "status says so", func() bool {
		s := n.Status().Routers[0]
		return strings.Contains(s.Problem, "newer version of this agent")
	})
	// Its operator updates it, or it was only starting: the node is back soon.
	r.host.SetStreamHandler(wire.SessionProtocol, r.serve)
	receive(t, "hello", r.hellos)
}

// What a later version adds to version 1 is passed over, and the session goes on.
func TestRouterOfALaterVersion(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, nil)
	welcome := &pb.Welcome{Lab: true, Epoch: 1, UnixMilli: time.Now().UnixMilli()}
	welcome.ProtoReflect().SetUnknown(unknownField(900))
	r.greet = &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: welcome}}
	later := new(pb.RouterMessage) // a message of a kind this version has no name for
	later.ProtoReflect().SetUnknown(unknownField(901))
	r.then = later
	n := sharing(t, r, config(t, r.addr()))
	r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Notice{Notice: &pb.Notice{Reason: 9999}}}) // a reason of later
	r.say(later)
	if _, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s))); reason != wire.OK {
		t.Errorf("refused: %s", reason)
	}
	if status := n.Status(); !status.Sharing.OK || !status.Routers[0].Connected {
		t.Errorf("status: %q", status.Sentence)
	}
}

func unknownField(number protowire.Number) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), "of a later version")
}
