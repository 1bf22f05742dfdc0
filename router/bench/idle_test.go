package bench_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/session"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

const (
	idleCount  = 1000
	idleSettle = 20 * time.Second
	idleWatch  = 30 * time.Second // two pings and one receipt each
)

// BenchmarkIdleNodes is what connected nodes without work cost the router, at
// the intervals of the real network: memory per node as the process stands, and
// after it gave back what it does not use; CPU for being there and for coming.
// It runs once for each -count and takes about a minute.
func BenchmarkIdleNodes(b *testing.B) {
	dir := b.TempDir()
	var ready routerReady
	router := start(b, "router", routerConfig{Dir: filepath.Join(dir, "router"), Patient: true}, &ready)
	router.ask("free", nil)
	empty, _ := router.memory()
	coming := watch(router)
	start(b, "idle nodes", idleConfig{Routers: ready.Nodes, Count: idleCount}, nil)
	clientOf(b, ready, idleCount)
	b.ReportMetric(1000*coming.seconds()/idleCount, "cpu-ms/arrival")
	wait(b, idleSettle)

	idle := watch(router)
	wait(b, idleWatch)
	b.ReportMetric(1e6*idle.seconds()/idleCount/idleWatch.Seconds(), "cpu-us/node-s")
	full, _ := router.memory()
	router.ask("free", nil)
	used, _ := router.memory()
	b.ReportMetric(empty/(1<<20), "MB-RSS-empty")
	b.ReportMetric((full-empty)/idleCount/1024, "kB-RSS/node")
	b.ReportMetric((used-empty)/idleCount/1024, "kB-used/node")
	clientOf(b, ready, idleCount) // they are all still there
	router.stop()                 // before the nodes, so that a profile shows them
}

func wait(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
		b.Fatal(b.Context().Err())
	}
}

// idleConfig is the role of nodes that only keep their sessions: the node's own
// uplink and session, without rules, journal or egress.
type idleConfig struct {
	Routers []string
	Count   int
}

func playIdleNodes(config []byte) (part, error) {
	var told idleConfig
	if err := json.Unmarshal(config, &told); err != nil {
		return part{}, err
	}
	routers, err := uplink.ParseRouters(told.Routers)
	if err != nil {
		return part{}, err
	}
	ctx, stop := context.WithCancel(context.Background())
	var group errgroup.Group
	group.SetLimit(16)
	for range told.Count {
		group.Go(func() error { return idleNode(ctx, routers) })
	}
	if err := group.Wait(); err != nil {
		stop()
		return part{}, err
	}
	return part{stop: func() error { stop(); return nil }}, nil
}

// idleNode opens a session and serves it until ctx ends.
func idleNode(ctx context.Context, routers []uplink.Router) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	up, err := uplink.New(quiet, uplink.Config{Identity: key, Routers: routers, Version: "bench"})
	if err != nil {
		return err
	}
	link, err := up.Dial(ctx, routers[0])
	if err != nil {
		return fmt.Errorf("connect to the router: %w", err)
	}
	hello := &pb.Hello{AgentVersion: "bench", Platform: "bench", MaxTunnels: 8, Lab: true, Sharing: pb.Reason_OK}
	s, _, err := session.Open(ctx, link.Session, hello, session.Limits{})
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	go func() {
		_ = s.Run(ctx, signer{key}) // the benchmark counts who is left
		_ = up.Close()
	}()
	return nil
}

// signer countersigns whatever it is asked to.
type signer struct{ key ed25519.PrivateKey }

var _ session.Handler = signer{}

func (s signer) Receipt(p *pb.ReceiptProposal) *pb.ReceiptAnswer {
	r, err := wire.DecodeReceipt(p.Receipt)
	if err != nil {
		return &pb.ReceiptAnswer{Reason: pb.Reason(wire.ReceiptDisputed)}
	}
	r.SignNode(s.key)
	return &pb.ReceiptAnswer{
		Epoch: r.Epoch, Job: r.Job, Sequence: r.Sequence, Reason: pb.Reason(wire.OK), NodeSignature: r.NodeSig,
	}
}

func (signer) Halt(*pb.Halt) {}

func (signer) Activity(*pb.Activity)          {}
func (signer) Notice(reason wire.Reason) bool { return reason == wire.RouterStopping }
