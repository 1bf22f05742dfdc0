package meter_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// bench is a meter with a clock, a router's key and a book on disk.
type bench struct {
	t        *testing.T
	now      time.Time
	dir      string
	router   ed25519.PrivateKey
	identity ed25519.PrivateKey
	book     *journal.Receipts
	meter    *meter.Meter
	cfg      meter.Config
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Unix(1_800_000_000, 0), dir: t.TempDir()}
	_, b.router, _ = ed25519.GenerateKey(nil)
	_, b.identity, _ = ed25519.GenerateKey(nil)
	b.start()
	t.Cleanup(func() { _ = b.book.Close() })
	return b
}

// start begins anew with what is on disk, as an agent does.
func (b *bench) start() {
	b.t.Helper()
	if b.book != nil {
		_ = b.book.Close()
	}
	var err error
	if b.book, err = journal.OpenReceipts(slog.New(slog.DiscardHandler), func() time.Time { return b.now }, b.dir); err != nil {
		b.t.Fatal(err)
	}
	b.meter = meter.New(func() time.Time { return b.now }, b.book, b.identity, b.cfg)
}

func (b *bench) open(job string) *meter.Tunnel {
	b.t.Helper()
	tunnel, err := b.meter.Tunnel(wire.KeyOf(b.router), job)
	if err != nil {
		b.t.Fatal(err)
	}
	return tunnel
}

// carry is a whole tunnel, long over.
func (b *bench) carry(down, up int, clean bool) {
	b.t.Helper()
	tunnel := b.open("job")
	tunnel.Down(down)
	tunnel.Up(up)
	tunnel.End(clean)
	b.now = b.now.Add(time.Minute)
}

func (b *bench) receipt(epoch, sequence uint64, down, up uint64) wire.Receipt {
	return wire.Receipt{
		Router: wire.KeyOf(b.router), Node: wire.KeyOf(b.identity), Epoch: epoch, Job: "job",
		Sequence: sequence, BytesDown: down, BytesUp: up,
	}
}

func (b *bench) propose(r wire.Receipt) (*pb.ReceiptAnswer, error) {
	r.SignRouter(b.router)
	return b.meter.Answer(wire.KeyOf(b.router), &pb.ReceiptProposal{Receipt: r.Encode(), RouterSignature: r.RouterSig})
}

func (b *bench) accepts(what string, r wire.Receipt) {
	b.t.Helper()
	answer, err := b.propose(r)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	r.NodeSig = answer.GetNodeSignature()
	if answer.GetReason() != pb.Reason_OK || r.VerifyNode() != nil {
		b.t.Fatalf("%s: answered %v", what, answer)
	}
}

func (b *bench) disputes(what string, r wire.Receipt) {
	b.t.Helper()
	answer, err := b.propose(r)
	if !errors.Is(err, meter.ErrDispute) || answer.GetReason() != pb.Reason_RECEIPT_DISPUTED || answer.GetNodeSignature() != nil {
		b.t.Fatalf("%s: answered %v, %v; want a dispute", what, answer, err)
	}
}

func TestCountsAreCompared(t *testing.T) {
	b := newBench(t)
	b.carry(10*mib, mib, true)
	b.accepts("exact", b.receipt(1, 1, 10*mib, mib))
	b.carry(10*mib, mib, true)
	slack := uint64(64*kib + 20*mib/100)
	b.disputes("too little down", b.receipt(1, 2, 20*mib-slack-100, 2*mib))
	b.disputes("too much down", b.receipt(1, 2, 20*mib+slack+100, 2*mib))
	b.disputes("too little up", b.receipt(1, 2, 20*mib, 2*mib-64*kib-21*kib))
	b.disputes("too much up", b.receipt(1, 2, 20*mib, 2*mib+64*kib+21*kib))
	b.accepts("within the slack", b.receipt(1, 2, 20*mib-slack+100, 2*mib+64*kib))
}

// A router that resets every tunnel has had all but what its window holds: the
// node could not have sent more.
func TestResettingDoesNotMakeBytesFree(t *testing.T) {
	b := newBench(t)
	b.accepts("first", b.receipt(1, 1, 0, 0))
	b.carry(60*mib, 0, false)
	b.disputes("nothing of 60 MiB", b.receipt(1, 2, 0, 0))
	b.disputes("less than the window leaves", b.receipt(1, 2, 43*mib, 0))
	b.accepts("all but the window", b.receipt(1, 2, 44*mib, 0))
	open := b.open("job")
	open.Down(60 * mib)
	b.disputes("nothing of an open tunnel", b.receipt(1, 3, 44*mib, 0))
	open.End(true)
	b.disputes("nothing of one just closed", b.receipt(1, 3, 44*mib, 0))
	b.accepts("all but the window again", b.receipt(1, 3, 88*mib, 0))
}

func TestSlackDoesNotAddUp(t *testing.T) {
	b := newBench(t)
	b.accepts("first", b.receipt(1, 1, 0, 0))
	var total, signed uint64
	for sequence := uint64(2); sequence < 50; sequence++ {
		b.carry(mib, 0, true)
		total += mib
		next := b.receipt(1, sequence, signed+mib-60*kib, 0) // shaves a little every time
		if _, err := b.propose(next); err != nil {
			next.BytesDown = total
			b.accepts("the truth", next)
		}
		signed = next.BytesDown
		if short := total - signed; short > 64*kib+total/100 {
			t.Fatalf("signed for %d bytes less than the %d carried", short, total)
		}
	}
}

func TestWhatIsOnItsWayIsNotDisputed(t *testing.T) {
	b := newBench(t)
	b.carry(mib, 0, true)
	b.accepts("first", b.receipt(1, 1, mib, 0))
	open := b.open("job")
	open.Down(8 * mib)
	b.accepts("nothing of an open tunnel", b.receipt(1, 2, mib, 0))
	open.End(true)
	b.accepts("nothing of one just closed", b.receipt(1, 3, mib+1, 0))
	b.now = b.now.Add(6 * time.Second)
	b.disputes("nothing of one closed long ago", b.receipt(1, 4, mib+2, 0))
	b.accepts("all of it", b.receipt(1, 4, 9*mib, 0))
}

func TestTunnelsCutOff(t *testing.T) {
	b := newBench(t)
	b.carry(mib, 0, true)
	b.accepts("first", b.receipt(1, 1, mib, 0))
	b.carry(8*mib, 10*kib, false)
	b.accepts("half of what was cut off", b.receipt(1, 2, 5*mib, 100*kib))
	b.carry(mib, 0, true)
	b.disputes("what was settled does not come up again", b.receipt(1, 3, 5*mib+10, 100*kib))
	b.accepts("from there on", b.receipt(1, 3, 6*mib, 100*kib))
}

func TestMonotoneAndIdempotent(t *testing.T) {
	b := newBench(t)
	b.carry(mib, mib, true)
	first := b.receipt(1, 5, mib, mib)
	first.Tunnels, first.Failures = 3, 2
	b.accepts("first", first)
	answer, err := b.propose(first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.propose(first)
	if err != nil || !bytes.Equal(answer.GetNodeSignature(), again.GetNodeSignature()) {
		t.Errorf("the same again: %v, %v", again, err)
	}
	for what, spoil := range map[string]func(*wire.Receipt){
		"same sequence, other counts": func(r *wire.Receipt) { r.Sequence, r.BytesDown = 5, mib+1 },
		"older sequence":              func(r *wire.Receipt) { r.Sequence = 4 },
		"down went down":              func(r *wire.Receipt) { r.BytesDown-- },
		"up went down":                func(r *wire.Receipt) { r.BytesUp-- },
		"tunnels went down":           func(r *wire.Receipt) { r.Tunnels-- },
		"failures went down":          func(r *wire.Receipt) { r.Failures-- },
		"another node":                func(r *wire.Receipt) { r.Node[0] ^= 1 },
	} {
		next := first
		next.Sequence = 6
		spoil(&next)
		b.disputes(what, next)
	}
}

func TestSignatureAndRouter(t *testing.T) {
	b := newBench(t)
	r := b.receipt(1, 1, 0, 0)
	r.SignRouter(b.router)
	r.RouterSig[0] ^= 1
	answer, err := b.meter.Answer(r.Router, &pb.ReceiptProposal{Receipt: r.Encode(), RouterSignature: r.RouterSig})
	if answer.GetReason() != pb.Reason_RECEIPT_SIGNATURE || !errors.Is(err, wire.ErrReceiptSignature) {
		t.Errorf("broken signature: %v, %v", answer, err)
	}
	r.SignRouter(b.router)
	other := wire.KeyOf(b.identity)
	answer, err = b.meter.Answer(other, &pb.ReceiptProposal{Receipt: r.Encode(), RouterSignature: r.RouterSig})
	if answer.GetReason() != pb.Reason_RECEIPT_DISPUTED || !errors.Is(err, meter.ErrDispute) {
		t.Errorf("from another router: %v, %v", answer, err)
	}
	if _, err := b.meter.Answer(other, &pb.ReceiptProposal{Receipt: []byte("x")}); !errors.Is(err, meter.ErrDispute) {
		t.Errorf("no receipt at all: %v", err)
	}
}

func TestRestart(t *testing.T) {
	b := newBench(t)
	b.carry(4*mib, 0, true)
	b.accepts("before", b.receipt(1, 1, 4*mib, 0))
	b.start()
	b.carry(mib, 0, true)
	b.disputes("less than both runs", b.receipt(1, 2, 4*mib+100*kib, 0))
	b.accepts("what a kill made us forget", b.receipt(1, 2, 9*mib, 0))
	b.carry(mib, 0, true)
	b.disputes("but only once", b.receipt(1, 3, 30*mib, 0))
	b.accepts("from there on", b.receipt(1, 3, 10*mib, 0))
}

func TestEpochsShareTheBytes(t *testing.T) {
	b := newBench(t)
	b.carry(8*mib, 0, true)
	b.accepts("epoch 1", b.receipt(1, 1, 8*mib, 0))
	b.carry(4*mib, 0, true) // the router may count these in either epoch
	b.disputes("more than is left", b.receipt(2, 1, 8*mib, 0))
	b.accepts("start of epoch 2", b.receipt(2, 1, 10, 0))
	b.accepts("rest of epoch 1", b.receipt(1, 2, 12*mib, 0))
	b.carry(4*mib, 0, true)
	b.disputes("bytes of epoch 1 again", b.receipt(2, 2, 8*mib, 0))
	b.disputes("and they no longer excuse less", b.receipt(2, 2, mib, 0))
	b.accepts("epoch 2", b.receipt(2, 2, 4*mib, 0))
	for epoch := uint64(3); epoch < 9; epoch++ {
		b.accepts("later", b.receipt(epoch, 1, 0, 0))
	}
	b.disputes("an epoch long over", b.receipt(1, 9, 12*mib, 0))
}

func TestOnlineTime(t *testing.T) {
	b := newBench(t)
	online := func(sequence, seconds uint64) wire.Receipt {
		r := b.receipt(1, sequence, 0, 0)
		r.Job, r.OnlineSeconds = "", seconds
		return r
	}
	b.meter.Epoch(wire.KeyOf(b.router), 1)
	b.now = b.now.Add(100 * time.Second)
	b.accepts("the time since welcome", online(1, 100))
	b.disputes("more than the clock", online(2, 161))
	b.accepts("within the grace", online(2, 159))
	b.start()
	b.now = b.now.Add(10 * time.Second)
	b.accepts("after a restart", online(3, 169))
	b.disputes("after a restart, too much", online(4, 300))
}

func TestNotSignedUnlessStored(t *testing.T) {
	b := newBench(t)
	if err := b.book.Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := b.propose(b.receipt(1, 1, 0, 0))
	if err == nil || answer.GetReason() == pb.Reason_OK || answer.GetNodeSignature() != nil {
		t.Errorf("answered %v, %v with no disk to store it on", answer, err)
	}
	if _, err := b.propose(b.receipt(1, 1, 0, 0)); err == nil {
		t.Error("and took it for stored the second time")
	}
}

func TestJobsAreBounded(t *testing.T) {
	b := newBench(t)
	b.cfg.MaxJobs = 3
	b.start()
	first := b.open("job-0")
	for i := range 9 {
		b.now = b.now.Add(time.Second)
		b.open(fmt.Sprint("job-", i+1)).End(true)
	}
	b.open("x")
	b.open("y")
	if _, err := b.meter.Tunnel(wire.KeyOf(b.router), "z"); !errors.Is(err, meter.ErrFull) {
		t.Errorf("a fourth job with open tunnels: %v", err)
	}
	first.Down(5)
	if got := b.meter.Stats().BytesDown; got != 5 {
		t.Errorf("the oldest job, still open, counts %d", got)
	}
}
