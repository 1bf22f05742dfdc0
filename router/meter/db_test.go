package meter_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/meter"
)

var errDisk = errors.New("disk is full")

// memory is a meter.DB with the rules of the real one: within an epoch a job's
// sequence and counts only grow, and what was stored under a sequence stays.
type memory struct {
	mu       sync.Mutex
	receipts map[place]wire.Receipt
	places   map[place]meter.Place
	sites    map[place]meter.SiteBytes
	ran      time.Duration
	disputes []meter.Dispute
	writes   int
	failing  bool // writes fail
	lying    bool // writes fail, and yet are kept
}

type place struct {
	node  wire.Key
	epoch uint64
	job   string
}

func newMemory() *memory {
	return &memory{
		receipts: make(map[place]wire.Receipt), places: make(map[place]meter.Place), sites: make(map[place]meter.SiteBytes),
	}
}

func (m *memory) SaveCounts(_ context.Context, b meter.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.failing {
		return errDisk
	}
	for _, p := range b.Places {
		m.places[place{p.Node, p.Epoch, ""}] = p
	}
	for _, s := range b.Sites {
		m.sites[place{s.Node, s.Epoch, s.Site}] = s
	}
	m.ran = max(m.ran, b.Ran)
	for _, r := range b.Receipts {
		at := place{r.Node, r.Epoch, r.Job}
		last, ok := m.receipts[at]
		switch {
		case ok && r.Sequence < last.Sequence, ok && (r.BytesDown < last.BytesDown || r.OnlineSeconds < last.OnlineSeconds):
			return errors.New("a receipt went back")
		case ok && r.Sequence == last.Sequence && !bytes.Equal(r.Encode(), last.Encode()):
			return errors.New("two receipts of one sequence")
		}
		m.receipts[at] = r
	}
	if m.lying {
		return errDisk
	}
	return nil
}

func (m *memory) Stored(_ context.Context, node wire.Key, _ uint64) (meter.Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b meter.Batch
	for at, p := range m.places {
		if at.node == node {
			b.Places = append(b.Places, p)
		}
	}
	for at, s := range m.sites {
		if at.node == node {
			b.Sites = append(b.Sites, s)
		}
	}
	for at, r := range m.receipts {
		if at.node == node {
			b.Receipts = append(b.Receipts, r) // of every epoch: the meter picks
		}
	}
	return b, nil
}

func (m *memory) SaveDispute(_ context.Context, d meter.Dispute) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes++
	if m.failing {
		return errDisk
	}
	m.disputes = append(m.disputes, d)
	return nil
}

func (m *memory) set(failing, lying bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing, m.lying = failing, lying
}

// sum is what is stored of a node over all epochs.
func (m *memory) sum() (down, online uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.receipts {
		down += r.BytesDown
		online += r.OnlineSeconds
	}
	return down, online
}

// kit is a meter with one node.
type kit struct {
	*meter.Meter
	t      *testing.T
	db     *memory
	router ed25519.PrivateKey
	node   ed25519.PrivateKey
	key    wire.Key
	now    time.Time
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{t: t, db: newMemory(), router: newKey(t), node: newKey(t), now: time.Unix(1_800_000_000, 0)}
	k.key = wire.KeyOf(k.node)
	k.restart(1)
	return k
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// restart makes a new meter on the same database, as after a crash.
func (k *kit) restart(epoch uint64) {
	k.Meter = meter.New(slog.New(slog.DiscardHandler), func() time.Time { return k.now }, k.db, k.router, epoch)
}

func (k *kit) account(job string) *meter.Account {
	k.t.Helper()
	a, err := k.Account(k.t.Context(), k.key, job)
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

// propose wants exactly count receipts.
func (k *kit) propose(count int) []wire.Receipt {
	k.t.Helper()
	due, err := k.Propose(k.t.Context(), k.key)
	if err != nil {
		k.t.Fatal(err)
	}
	if len(due) != count {
		k.t.Fatalf("%d proposals, want %d: %+v", len(due), count, due)
	}
	return due
}

func (k *kit) rotate(next uint64) {
	k.t.Helper()
	if err := k.Rotate(k.t.Context(), next); err != nil {
		k.t.Fatal(err)
	}
}

// sign is the right answer to a proposal.
func (k *kit) sign(r wire.Receipt) *pb.ReceiptAnswer {
	return &pb.ReceiptAnswer{
		Epoch: r.Epoch, Job: r.Job, Sequence: r.Sequence, Reason: pb.Reason_OK, NodeSignature: ed25519.Sign(k.node, r.Encode()),
	}
}

func dispute(r wire.Receipt) *pb.ReceiptAnswer {
	return &pb.ReceiptAnswer{Epoch: r.Epoch, Job: r.Job, Sequence: r.Sequence, Reason: pb.Reason_RECEIPT_DISPUTED, OwnBytesDown: 1 << 40}
}

// answer wants an answer to be taken, or passed over.
func (k *kit) answer(a *pb.ReceiptAnswer, taken bool) {
	k.t.Helper()
	got, err := k.Countersign(k.t.Context(), k.key, a)
	if err != nil || got != taken {
		k.t.Fatalf("answer %+v: taken %t, error %v; want taken %t", a, got, err, taken)
	}
}
