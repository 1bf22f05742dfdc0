package uplink

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
)

// newHost builds a libp2p host that listens on nothing and speaks TCP with
// libp2p TLS and yamux, or QUIC, or the former within WebSocket, to the peers the
// gate allows. It is put together by hand: the constructor in libp2p's root links
// WebRTC, WebTransport and address discovery into every program, whatever it is asked
// for. close undoes all of it.
func newHost(cfg Config, g *gate) (h host.Host, closeAll func() error, err error) {
	var closers []func() error
	closeAll = func() error {
		var errs []error
		for i := len(closers) - 1; i >= 0; i-- {
			errs = append(errs, closers[i]())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start libp2p: %w", err), closeAll())
		}
	}()
	key, id, err := peerOf(cfg.Identity)
	if err != nil {
		return nil, nil, err
	}
	limits, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limitsFor(cfg)), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, limits.Close)
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, peers.Close)
	if err := errors.Join(peers.AddPrivKey(id, key), peers.AddPubKey(id, key.GetPublic())); err != nil {
		return nil, nil, err
	}
	bus := eventbus.NewBus()
	network, err := swarm.NewSwarm(id, peers, bus,
		swarm.WithConnectionGater(g), swarm.WithResourceManager(limits),
		swarm.WithDialTimeout(cfg.DialTimeout), swarm.WithDialRanker(inTurn(cfg.QUICDelay)),
		swarm.WithUDPBlackHoleSuccessCounter(nil),  // our own back-off decides when to try again
		swarm.WithIPv6BlackHoleSuccessCounter(nil), // likewise
	)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, network.Close)
	ways, closeWays, err := transports(cfg, key, limits, g)
	closers = append(closers, closeWays)
	if err != nil {
		return nil, nil, err
	}
	for _, way := range ways {
		if err := network.AddTransport(way); err != nil {
			return nil, nil, err
		}
	}
	basic, err := basichost.NewHost(network, &basichost.HostOpts{
		EventBus: bus, UserAgent: "fallow-node/" + cfg.Version, EnablePing: true,
		ConnManager: connmgr.NullConnMgr{}, // the session decides what stays open
	})
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, basic.Close)
	basic.Start()
	return basic, closeAll, nil
}

func peerOf(identity ed25519.PrivateKey) (crypto.PrivKey, peer.ID, error) {
	key, err := crypto.UnmarshalEd25519PrivateKey(identity)
	if err != nil {
		return nil, "", fmt.Errorf("read identity: %w", err)
	}
	id, err := peer.IDFromPrivateKey(key)
	return key, id, err
}

// transports are the ways to a router. closeAll is never nil.
func transports(cfg Config, key crypto.PrivKey, limits network.ResourceManager, g *gate) (ways []transport.Transport, closeAll func() error, err error) {
	none := func() error { return nil }
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	secure, err := libp2ptls.New(libp2ptls.ID, key, muxers)
	if err != nil {
		return nil, none, err
	}
	up, err := upgrader.New([]sec.SecureTransport{secure}, muxers, nil, limits, g)
	if err != nil {
		return nil, none, err
	}
	plain, err := tcp.NewTCPTransport(up, limits, nil, tcp.WithConnectionTimeout(cfg.DialTimeout))
	if err != nil {
		return nil, none, err
	}
	web, err := websocket.New(up, limits, nil, websocket.WithHandshakeTimeout(cfg.DialTimeout),
		websocket.WithTLSClientConfig(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.WebRoots}))
	if err != nil {
		return nil, none, err
	}
	var reset, token [32]byte // of a listener, which there is none
	_, _ = rand.Read(reset[:])
	_, _ = rand.Read(token[:])
	sockets, err := quicreuse.NewConnManager(reset, token)
	if err != nil {
		return nil, none, err
	}
	quick, err := libp2pquic.NewTransport(key, sockets, nil, g, limits)
	if err != nil {
		return nil, sockets.Close, err
	}
	return []transport.Transport{plain, quick, web}, sockets.Close, nil
}

// inTurn starts TCP addresses at once, QUIC ones after delay and WebSocket ones
// after as much again; the next kind starts at once when every address before it has
// failed, and a kind that is not there costs no wait. TCP costs both ends least and
// carries most; WebSocket is for networks that let nothing through but the web.
func inTurn(delay time.Duration) network.DialRanker {
	return func(addrs []ma.Multiaddr) []network.AddrDelay {
		var ranked []network.AddrDelay
		wait := time.Duration(0)
		for _, kind := range []carrier{carrierTCP, carrierQUIC, carrierWS} {
			before := len(ranked)
			for _, addr := range addrs {
				if carrierOf(addr) == kind {
					ranked = append(ranked, network.AddrDelay{Addr: addr, Delay: wait})
				}
			}
			if len(ranked) > before {
				wait += delay
			}
		}
		return ranked
	}
}
