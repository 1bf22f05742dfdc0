package fleet_test

import (
	"testing"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
)

// A node behind a home router must not dial its own public address, and learns
// it here alone.
func TestNodesAreToldTheirAddress(t *testing.T) {
	web := newKit(t, func(c *fleet.Config) { c.Lab = false })
	for addr, want := range map[string]string{
		"/ip4/62.1.1.1/tcp/4001":            "62.1.1.1",
		"/ip6/2a00:1::7/udp/4001/quic-v1":   "2a00:1::7",
		"/ip6/::ffff:62.1.1.1/tcp/4001":     "62.1.1.1",
		"/ip4/127.0.0.1/tcp/4001":           "",
		"/ip6/::1/tcp/4001":                 "",
		"/dns4/router.example.org/tcp/4001": "",
	} {
		if got := web.Observed(ma.StringCast(addr)); got != want {
			t.Errorf("%s: told %q, want %q", addr, got, want)
		}
	}
	lab := newKit(t, nil)
	if got := lab.Observed(ma.StringCast("/ip4/62.1.1.1/tcp/4001")); got != "" {
		t.Errorf("in a lab: told %q", got)
	}
}

func TestWelcomeSaysWhetherThisIsALab(t *testing.T) {
	for _, lab := range []bool{true, false} {
		k := newKit(t, func(c *fleet.Config) { c.Lab = lab })
		n := k.newNode()
		k.dial(n)
		n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{MaxTunnels: 1, Lab: lab, Sharing: pb.Reason_OK}}})
		welcome := n.hear().GetWelcome()
		if welcome == nil || welcome.Lab != lab || welcome.ObservedAddress != "" {
			t.Errorf("lab %t: %v", lab, welcome)
		}
	}
}

// Numbers of no reason are a pause like any other, and no label of their own.
func TestUnknownReasonsArePauses(t *testing.T) {
	k := newKit(t, nil)
	n := k.newNode()
	k.dial(n)
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{MaxTunnels: 1, Lab: true, Sharing: 7777}}})
	reason := func() wire.Reason {
		c, _ := k.view(n.key)
		return c.Sharing
	}
	k.await("hello", func() bool { return reason() == wire.Paused })
	n.tell(resume())
	k.await("resume", func() bool { return reason() == wire.OK })
	n.tell(pause(8888))
	k.await("pause", func() bool { return reason() == wire.Paused })
}
