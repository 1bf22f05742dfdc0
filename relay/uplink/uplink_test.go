package uplink_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

const id = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"

func TestParseRouters(t *testing.T) {
	other := wire.Key{1}.PeerID().String()
	routers, err := uplink.ParseRouters([]string{
		"/ip4/192.0.2.1/tcp/4001/p2p/" + id,
		"/dns4/router.example/tcp/4001/p2p/" + other,
		"/ip6/2001:db8::1/udp/4001/quic-v1/p2p/" + id,
	})
	if err != nil || len(routers) != 2 || len(routers[0].Addrs) != 2 || len(routers[1].Addrs) != 1 {
		t.Fatalf("%+v, %v", routers, err)
	}
	bad := []string{
		"", "router.example:4001", "/ip4/192.0.2.1/tcp/4001", "/p2p/" + id, "/ip4/192.0.2.1/udp/4001/p2p/" + id,
		"/ip4/192.0.2.1/udp/4001/quic-v1/webtransport/p2p/" + id, "/ip4/192.0.2.1/tcp/4001/p2p/" + id + "/p2p-circuit/p2p/" + id,
		"/unix/tmp/x/p2p/" + id, "/ip4/192.0.2.1/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
	}
	for _, text := range bad {
		if _, err := uplink.ParseRouters([]string{text}); !errors.Is(err, uplink.ErrAddress) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var many []string
	for i := range 9 {
		many = append(many, "/ip4/192.0.2.1/tcp/4001/p2p/"+wire.Key{byte(i)}.PeerID().String())
	}
	if _, err := uplink.ParseRouters(many); !errors.Is(err, uplink.ErrAddress) {
		t.Errorf("nine routers: %v", err)
	}
}

func FuzzParseRouters(f *testing.F) {
	f.Add("/ip4/192.0.2.1/tcp/4001/p2p/" + id)
	f.Add("/dns4/a/udp/1/quic-v1/p2p/" + id)
	f.Fuzz(func(t *testing.T, text string) {
		routers, err := uplink.ParseRouters([]string{text})
		if err == nil && (len(routers) != 1 || routers[0].Key.IsZero() && !strings.Contains(text, wire.Key{}.PeerID().String())) {
			t.Errorf("%q: %+v", text, routers)
		}
	})
}

// A router that announces an address in the home network must not make the node
// dial it.
func TestAnnouncedAddressesAreNotDialled(t *testing.T) {
	canary, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = canary.Close() })
	var touched atomic.Int64
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			_ = conn.Close()
		}
	}()
	elsewhere := ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", canary.Addr().(*net.TCPAddr).Port))
	r := newRouter(t, libp2p.AddrsFactory(func([]ma.Multiaddr) []ma.Multiaddr { return []ma.Multiaddr{elsewhere} }))
	real := r.Network().ListenAddresses()[0]
	up := newUplink(t, []string{fmt.Sprintf("%s/p2p/%s", real, r.ID())})
	link, err := up.node.Dial(t.Context(), up.routers[0])
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // for identify
	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		link, err := up.node.Dial(t.Context(), up.routers[0])
		if err != nil {
			t.Fatal(err)
		}
		if link.Address != real.String() {
			t.Errorf("dialled %s", link.Address)
		}
		_ = link.Close()
	}
	if n := touched.Load(); n != 0 {
		t.Errorf("%d connections to the announced address", n)
	}
}

func TestStrangersAreNotDialled(t *testing.T) {
	r, stranger := newRouter(t), newRouter(t)
	up := newUplink(t, []string{fmt.Sprintf("%s/p2p/%s", r.Addrs()[0], r.ID())})
	key, err := wire.KeyFromPeer(stranger.ID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := up.node.Dial(t.Context(), uplink.Router{Key: key, Addrs: stranger.Addrs()}); err == nil {
		t.Error("dialled a peer that is not configured")
	}
	if len(stranger.Network().Conns()) != 0 {
		t.Error("the stranger has a connection")
	}
}

// The router of one end must not be able to open anything but tunnels.
func TestOnlyTunnelsAreServed(t *testing.T) {
	r := newRouter(t)
	up := newUplink(t, []string{fmt.Sprintf("%s/p2p/%s", r.Addrs()[0], r.ID())})
	if _, err := up.node.Dial(t.Context(), up.routers[0]); err != nil {
		t.Fatal(err)
	}
	ctx := network.WithNoDial(t.Context(), "test")
	eventually(t, func() bool {
		protocols, err := r.Peerstore().GetProtocols(up.id)
		if err != nil || len(protocols) == 0 {
			return false
		}
		for _, p := range protocols {
			switch p {
			case wire.TunnelProtocol, "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0":
			default:
				t.Errorf("serves %s", p)
			}
		}
		return true
	})
	if _, err := r.NewStream(ctx, up.id, "/libp2p/circuit/relay/0.2.0/hop", "/libp2p/autonat/1.0.0", wire.SessionProtocol); err == nil {
		t.Error("a stream of another protocol was served")
	}
}

func TestLabDialsNobodyOutside(t *testing.T) {
	r := newRouter(t)
	_, private, _ := ed25519.GenerateKey(nil)
	for addresses, want := range map[string]error{
		"/ip4/93.184.216.34/tcp/4001": uplink.ErrNotLab, "/ip6/2606:2800:220:1::1/tcp/4001": uplink.ErrNotLab,
		"/ip4/169.254.169.254/tcp/4001": uplink.ErrNotLab, r.Addrs()[0].String(): nil,
	} {
		routers, err := uplink.ParseRouters([]string{fmt.Sprintf("%s/p2p/%s", addresses, r.ID())})
		if err != nil {
			t.Fatal(err)
		}
		up, err := uplink.New(slog.New(slog.DiscardHandler), uplink.Config{
			Identity: private, Routers: routers, Lab: true, DialTimeout: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := up.Dial(t.Context(), routers[0]); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", addresses, err, want)
		}
		_ = up.Close()
	}
}

type testUplink struct {
	node    *uplink.Uplink
	routers []uplink.Router
	id      peer.ID
}

func newUplink(t *testing.T, addresses []string) testUplink {
	t.Helper()
	routers, err := uplink.ParseRouters(addresses)
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(nil)
	up, err := uplink.New(slog.New(slog.DiscardHandler), uplink.Config{Identity: private, Routers: routers})
	if err != nil {
		t.Fatal(err)
	}
	up.HandleTunnels(func(_ wire.Key, s uplink.Stream) { _ = s.Close() })
	t.Cleanup(func() { _ = up.Close() })
	return testUplink{up, routers, wire.KeyOf(private).PeerID()}
}

func newRouter(t *testing.T, options ...libp2p.Option) host.Host {
	t.Helper()
	h, err := libp2p.New(append(options,
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.Transport(tcp.NewTCPTransport),
		libp2p.DisableRelay(), libp2p.DisableMetrics())...)
	if err != nil {
		t.Fatal(err)
	}
	h.SetStreamHandler(wire.SessionProtocol, func(s network.Stream) {
		_, _ = io.Copy(io.Discard, s) // keep it open
	})
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("not within two seconds")
}
