package fleet_test

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
)

// A node of the version before says hello without what came since, passes over
// what it does not know, and is served.
func TestNodeOfTheVersionBefore(t *testing.T) {
	k := newKit(t, nil)
	n := k.newNode()
	k.dial(n)
	old := &pb.Hello{Lab: true, MaxTunnels: 2} // neither version nor platform nor a word on sharing
	old.Sharing = pb.Reason_OK
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: old}})
	if n.hear().GetWelcome() == nil {
		t.Fatal("not welcome")
	}
	k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltRouter, Reason: "x"})) //nolint:errcheck // the node's end is looked at
	k.Halt(t.Context(), stops())                                               //nolint:errcheck // likewise
	g := k.pick(fleet.Wish{Site: "a.example"})
	if g.Node != n.key {
		t.Errorf("picked %s", g.Node)
	}
}

func TestNodeOfALaterVersion(t *testing.T) {
	k := newKit(t, nil)
	n := k.newNode()
	k.dial(n)
	m := hello(3)
	m.GetHello().ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 700, protowire.VarintType), 1))
	n.tell(m)
	if n.hear().GetWelcome() == nil {
		t.Fatal("not welcome")
	}
	later := new(pb.NodeMessage)
	later.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 701, protowire.VarintType), 1))
	n.tell(later)
	n.tell(pause(wire.Reason(9999)))
	deadline := time.Now().Add(wait)
	for view, _ := k.view(n.key); view.Sharing != wire.Paused; view, _ = k.view(n.key) {
		if time.Now().After(deadline) {
			t.Fatalf("a reason of a later version: %+v", view)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Which of several session protocols is taken, and what becomes of those without
// one in common. Nobody waits.
func TestProtocolsAreNegotiated(t *testing.T) {
	k := newKit(t, nil)
	for name, test := range map[string]struct {
		offers  []protocol.ID
		takes   protocol.ID // "" none
		welcome bool
	}{
		"later and ours":   {[]protocol.ID{"/fallow/session/2", wire.SessionProtocol}, wire.SessionProtocol, true},
		"ours and retired": {[]protocol.ID{wire.SessionProtocol, wire.RetiredSession}, wire.SessionProtocol, true},
		"retired alone":    {[]protocol.ID{wire.RetiredSession}, wire.RetiredSession, false},
		"later alone":      {[]protocol.ID{"/fallow/session/2"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			n := k.newNode()
			if err := n.host.Connect(t.Context(), peer.AddrInfo{ID: k.host.ID(), Addrs: k.host.Addrs()}); err != nil {
				t.Fatal(err)
			}
			stream, err := n.host.NewStream(network.WithNoDial(t.Context(), "test"), k.host.ID(), test.offers...)
			if test.takes == "" {
				if err == nil {
					t.Errorf("took %s", stream.Protocol())
				}
				return
			}
			if err != nil || stream.Protocol() != test.takes {
				t.Fatalf("%v, %v", stream, err)
			}
			_ = stream.SetDeadline(time.Now().Add(wait))
			if err := wire.WriteFrame(stream, hello(1), wire.MaxSessionMessage); err != nil {
				t.Fatal(err)
			}
			answer := new(pb.RouterMessage)
			if err := wire.ReadFrame(stream, answer, wire.MaxSessionMessage); err != nil {
				t.Fatalf("no answer: %v", err)
			}
			if test.welcome != (answer.GetWelcome() != nil) || !test.welcome && wire.Reason(answer.GetNotice().GetReason()) != wire.AgentTooOld {
				t.Errorf("answer %v", answer)
			}
		})
	}
}
