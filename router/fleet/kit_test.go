package fleet_test

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
)

const wait = 5 * time.Second // for anything that should happen at once

// clock stands still unless told to move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// book is the fleet's database and its meter.
type book struct {
	mu      sync.Mutex
	saves   int
	events  []fleet.Event
	online  time.Duration
	pending uint64
	due     []wire.Receipt
	answers []*pb.ReceiptAnswer
	taken   bool
	halt    *wire.Halt
	err     error
}

func (b *book) SaveNode(context.Context, fleet.Member) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saves++
	return nil
}

func (b *book) SaveStanding(_ context.Context, e fleet.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return nil
}

func (b *book) Standing(_ context.Context, node wire.Key, limit int) ([]fleet.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []fleet.Event
	for _, e := range slices.Backward(b.events) {
		if e.Node == node && len(list) < limit {
			list = append(list, e)
		}
	}
	return list, nil
}

func (b *book) AppendHalt(_ context.Context, h *wire.Halt) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.halt = h
	}
	return b.err
}

func (b *book) Halt(context.Context) (*wire.Halt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.halt, nil
}

func (b *book) Epoch() uint64 { return 7 }

func (b *book) Propose(context.Context, wire.Key) ([]wire.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.due, nil
}

func (b *book) Countersign(_ context.Context, _ wire.Key, a *pb.ReceiptAnswer) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers = append(b.answers, a)
	return b.taken, b.err
}

func (b *book) Pending(wire.Key) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pending
}

func (b *book) Online(_ context.Context, _ wire.Key, _, _ string, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.online += d
	return nil
}

func (b *book) reasons() []wire.Reason {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []wire.Reason{}
	for _, e := range b.events {
		list = append(list, e.Reason)
	}
	return list
}

func (b *book) credited() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.online
}

// kit is a fleet on a real host.
type kit struct {
	*fleet.Fleet
	t     *testing.T
	clock *clock
	book  *book
	cfg   fleet.Config
	host  host.Host
	stop  func()
}

func newKit(t *testing.T, change func(*fleet.Config)) *kit {
	t.Helper()
	cfg := fleet.DefaultConfig()
	cfg.Lab = true
	if change != nil {
		change(&cfg)
	}
	k := &kit{t: t, cfg: cfg, book: new(book), clock: &clock{now: time.Unix(1_800_000_000, 0)}}
	k.start()
	return k
}

// start starts a fleet on the kit's database, for the first time or as after a
// restart.
func (k *kit) start() {
	k.t.Helper()
	private := newKey(k.t)
	k.host = newHost(k.t, private, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	log := slog.New(slog.DiscardHandler)
	k.Fleet = fleet.New(log, k.clock.Now, k.book, k.book, private, fleet.NewMetrics(prometheus.NewRegistry()), k.cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Serve(ctx, k.host) }()
	k.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			k.t.Errorf("serve: %v", err)
		}
	})
	k.t.Cleanup(k.stop)
	for !slices.Contains(k.host.Mux().Protocols(), wire.SessionProtocol) { // until Serve answers
		time.Sleep(time.Millisecond)
	}
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newHost(t *testing.T, private ed25519.PrivateKey, listen libp2p.Option) host.Host {
	t.Helper()
	key, err := crypto.UnmarshalEd25519PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key), listen, libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ResourceManager(&network.NullResourceManager{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// node is a node's end, which says only what it is told to.
type node struct {
	t      *testing.T
	key    wire.Key
	host   host.Host
	stream network.Stream
	said   chan *pb.RouterMessage // closed when the router ends the session
}

func (k *kit) newNode() *node {
	k.t.Helper()
	private := newKey(k.t)
	return &node{t: k.t, key: wire.KeyOf(private), host: newHost(k.t, private, libp2p.NoListenAddrs)}
}

// dial opens a session stream.
func (k *kit) dial(n *node) {
	k.t.Helper()
	if err := n.host.Connect(k.t.Context(), peer.AddrInfo{ID: k.host.ID(), Addrs: k.host.Addrs()}); err != nil {
		k.t.Fatal(err)
	}
	stream, err := n.host.NewStream(k.t.Context(), k.host.ID(), wire.SessionProtocol)
	if err != nil {
		k.t.Fatal(err)
	}
	n.stream, n.said = stream, make(chan *pb.RouterMessage, 1024)
	go func(said chan *pb.RouterMessage) {
		defer close(said)
		for {
			m := new(pb.RouterMessage)
			if wire.ReadFrame(stream, m, wire.MaxSessionMessage) != nil {
				return
			}
			said <- m
		}
	}(n.said)
}

func (n *node) tell(m *pb.NodeMessage) {
	n.t.Helper()
	if err := wire.WriteFrame(n.stream, m, wire.MaxSessionMessage); err != nil {
		n.t.Fatalf("tell router: %v", err)
	}
}

// hear is the next message, or nil at the end of the session.
func (n *node) hear() *pb.RouterMessage {
	n.t.Helper()
	select {
	case m := <-n.said:
		return m
	case <-time.After(wait):
		n.t.Fatal("the router says nothing")
		return nil
	}
}

func hello(tunnels uint32) *pb.NodeMessage {
	return &pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{MaxTunnels: tunnels, Lab: true, Sharing: pb.Reason_OK}}}
}

func pong() *pb.NodeMessage { return &pb.NodeMessage{Body: &pb.NodeMessage_Pong{Pong: new(pb.Pong)}} }

func pause(reason wire.Reason) *pb.NodeMessage {
	return &pb.NodeMessage{Body: &pb.NodeMessage_Pause{Pause: &pb.Pause{Reason: pb.Reason(reason)}}}
}

func resume() *pb.NodeMessage {
	return &pb.NodeMessage{Body: &pb.NodeMessage_Resume{Resume: new(pb.Resume)}}
}

// join opens a session and sees it welcome.
func (k *kit) join(n *node, tunnels uint32) *node {
	k.t.Helper()
	changed := k.Changed()
	k.dial(n)
	n.tell(hello(tunnels))
	welcome := n.hear().GetWelcome()
	if welcome == nil || welcome.Epoch != 7 || welcome.AddressClass != "loopback" {
		k.t.Fatalf("not welcome: %v", welcome)
	}
	select {
	case <-changed:
	case <-time.After(wait):
		k.t.Fatal("nobody was told that a node came")
	}
	return n
}

func (k *kit) nodes(count int, tunnels uint32) []*node {
	k.t.Helper()
	var list []*node
	for range count {
		list = append(list, k.join(k.newNode(), tunnels))
	}
	return list
}

func (k *kit) pick(w fleet.Wish) *fleet.Grip {
	k.t.Helper()
	g, err := k.Pick(w)
	if err != nil {
		k.t.Fatalf("pick %+v: %v", w, err)
	}
	return g
}

// view is what the operator sees of a connected node.
func (k *kit) view(key wire.Key) (fleet.Connected, bool) {
	for _, c := range k.Connected() {
		if c.Key == key {
			return c, true
		}
	}
	return fleet.Connected{}, false
}

func (k *kit) await(what string, done func() bool) {
	k.t.Helper()
	for deadline := time.Now().Add(wait); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			k.t.Fatalf("%s: not within %s", what, wait)
		}
	}
}
