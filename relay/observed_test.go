package relay_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

func TestObservedAddresses(t *testing.T) {
	var told []netip.Addr
	o := relay.NewObserved(func(addrs []netip.Addr) { told = addrs })
	now := time.Unix(1_800_000_000, 0)
	expect := func(what string, want ...string) {
		t.Helper()
		got := make([]string, len(told))
		for i, a := range told {
			got[i] = a.String()
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	honest, liar := wire.Key{1}, wire.Key{2}
	for _, address := range []string{
		"", "8.8.8.8/24", "8.8.8", "192.168.0.1", "127.0.0.1", "100.64.0.1", "fd00::1", "fe80::1%eth0", "::", "224.0.0.1",
	} {
		o.See(honest, address, now)
		expect(fmt.Sprintf("%q", address))
	}
	o.See(honest, "::ffff:62.1.1.1", now)
	expect("mapped", "62.1.1.1")
	for i := range 100 {
		o.See(liar, fmt.Sprintf("5.5.5.%d", i), now.Add(time.Second))
	}
	expect("a hundred of one router", "5.5.5.93", "5.5.5.94", "5.5.5.95", "5.5.5.96", "5.5.5.97", "5.5.5.98", "5.5.5.99", "62.1.1.1")
	o.See(honest, "2a00::1", now.Add(25*time.Hour))
	expect("a day later", "2a00::1")
}

type atRest struct{}

func (atRest) Look(time.Time, uint64) presence.Snapshot { return presence.Snapshot{} }

// onTheWeb starts a node that is in no lab and has its router say welcome.
func onTheWeb(t *testing.T, welcome *pb.Welcome) (n node, public chan []netip.Addr) {
	t.Helper()
	r := startRouter(t, newKey(t), "")
	r.greet = &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: welcome}}
	cfg := config(t, r.addr())
	cfg.Lab, cfg.LabDNS, cfg.Presence = false, "", atRest{}
	public = make(chan []netip.Addr, 16)
	n = startNode(t, cfg, func(n *relay.Node) { n.WatchPublic(func(addrs []netip.Addr) { public <- addrs }) })
	consent(t, n)
	receive(t, "hello", r.hellos)
	return n, public
}

// Behind a home router a node learns its public address from its router alone.
func TestOwnPublicAddressIsTold(t *testing.T) {
	_, public := onTheWeb(t, &pb.Welcome{ObservedAddress: "62.1.1.1", UnixMilli: time.Now().UnixMilli()})
	if got := receive(t, "own address", public); len(got) != 1 || got[0] != netip.MustParseAddr("62.1.1.1") {
		t.Errorf("never dialled: %v", got)
	}
}

func TestLabsAreNotMixed(t *testing.T) {
	n, _ := onTheWeb(t, &pb.Welcome{Lab: true})
	refused := func() bool { return n.Status().Routers[0].Reason == wire.LabMismatch }
	eventually(t, "a lab's router refused by a node of the web", refused)

	r := startRouter(t, newKey(t), "")
	r.greet = &pb.RouterMessage{Body: &pb.RouterMessage_Welcome{Welcome: new(pb.Welcome)}}
	n = startNode(t, config(t, r.addr()))
	consent(t, n)
	eventually(t, "a router of the web refused by a lab's node", refused)

	n = startNode(t, config(t, "/ip4/93.184.216.34/tcp/4001/p2p/"+r.host.ID().String()))
	consent(t, n)
	eventually(t, "an address outside refused", func() bool {
		return strings.Contains(n.Status().Routers[0].Problem, "lab mode")
	})
}
