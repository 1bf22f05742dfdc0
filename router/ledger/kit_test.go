package ledger_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func private(id byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), id))
}

// clump is a tag with a name that people can tell apart; "" is none.
func clump(name string) (t ledger.Tag) {
	copy(t[:], name)
	return t
}

// head is that of an epoch of an hour with these parameters.
func head(p ledger.Params) *ledger.Head {
	return &ledger.Head{Epoch: 1, Start: start, End: start.Add(time.Hour), Seconds: 3600, Params: p}
}

// did is a node that carried and was online in one clump.
func did(key byte, at string, bytes, seconds uint64) ledger.Statement {
	s := ledger.Statement{Node: wire.Key{key}, Standing: 1000, BytesSigned: bytes}
	if seconds > 0 {
		s.Presence = []ledger.Presence{{Clump: clump(at), Seconds: seconds}}
	}
	return s
}

// crowd is n nodes with random but well-formed work, by key.
func crowd(rng *rand.Rand, n int) []ledger.Statement {
	clumps := []string{"", "c1", "c2", "c3"}
	countries := []string{"", "DE", "BR", "IN"}
	nodes := make([]ledger.Statement, n)
	for i := range nodes {
		s := ledger.Statement{
			Node: wire.Key{byte(i >> 16), byte(i >> 8), byte(i), byte(rng.Uint32())}, Standing: 1000, Country: countries[rng.IntN(len(countries))],
			BytesSigned: rng.Uint64N(1 << rng.UintN(60)), BytesUnsigned: rng.Uint64N(1 << 20),
		}
		for left, at := uint64(3600), 0; at < len(clumps) && left > 0; at += 1 + rng.IntN(3) {
			seconds := 1 + rng.Uint64N(left)
			s.Presence = append(s.Presence, ledger.Presence{Clump: clump(clumps[at]), Seconds: seconds})
			left -= seconds
		}
		if rng.IntN(4) == 0 {
			s.Standing, s.Reasons = rng.IntN(1000), []wire.Reason{wire.TLSForged}
		}
		nodes[i] = s
	}
	return nodes
}

func mustCompute(t testing.TB, h *ledger.Head, nodes []ledger.Statement) *ledger.Result {
	t.Helper()
	r, err := ledger.Compute(h, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// worker is a node that signs receipts of one epoch together with a router.
type worker struct {
	router, key ed25519.PrivateKey
	epoch       uint64
}

func (w worker) node() wire.Key { return wire.KeyOf(w.key) }

// receipt is one of w; countersigned if agreed.
func (w worker) receipt(job string, sequence uint64, c ledger.Counts, agreed bool) wire.Receipt {
	r := ledger.Entry{Sequence: sequence, Counts: c}.Receipt(wire.KeyOf(w.router), w.node(), w.epoch, job)
	r.SignRouter(w.router)
	if agreed {
		r.SignNode(w.key)
	}
	return *r
}

// desk is a ledger over a real database, with a clock that the test sets.
type desk struct {
	*ledger.Ledger
	store  *store.Store
	dir    string
	now    time.Time
	params ledger.Params
}

func openDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{dir: t.TempDir(), now: start, params: ledger.DefaultParams()}
	s, err := store.Open(t.Context(), filepath.Join(d.dir, "router.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d.store = s
	d.Ledger = d.restart(t, s)
	return d
}

// restart is a new ledger over the same folder, talking to db.
func (d *desk) restart(t testing.TB, db ledger.DB) *ledger.Ledger {
	t.Helper()
	cfg := ledger.Config{Dir: filepath.Join(d.dir, "epochs"), Params: d.params}
	l, err := ledger.New(slog.New(slog.DiscardHandler), func() time.Time { return d.now }, db, cfg, private(1))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// work saves receipts of two nodes in an epoch and what is known of them.
func (d *desk) work(t testing.TB, epoch, bytes uint64) {
	t.Helper()
	for i := range byte(2) {
		w := worker{private(1), private(10 + i), epoch}
		err := d.store.SeeNode(t.Context(), store.Node{Key: w.node(), LastSeen: d.now, Country: "DE", Clump: clump(string('a' + rune(i))).String()})
		if err != nil {
			t.Fatal(err)
		}
		d.save(t, w.receipt("j-1", 1, ledger.Counts{BytesDown: bytes}, true),
			w.receipt("j-1", 2, ledger.Counts{BytesDown: bytes * 2}, false),
			w.receipt("", 1, ledger.Counts{OnlineSeconds: 10}, true))
	}
}

func (d *desk) save(t testing.TB, receipts ...wire.Receipt) {
	t.Helper()
	if err := d.store.SaveReceipts(t.Context(), receipts); err != nil {
		t.Fatal(err)
	}
}

// shut closes an epoch a minute later.
func (d *desk) shut(t testing.TB, number uint64) ledger.Epoch {
	t.Helper()
	d.now = d.now.Add(time.Minute)
	e, err := d.Close(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// verify checks both forms of an epoch's file, the receipts behind it, and the
// file before.
func (d *desk) verify(t testing.TB, l *ledger.Ledger, number uint64) *ledger.File {
	t.Helper()
	router := wire.KeyOf(private(1))
	o := ledger.VerifyOptions{RouterKey: &router}
	var err error
	if number > 1 {
		if o.Previous, err = ledger.ReadFile(l.Path(number - 1)); err != nil {
			t.Fatal(err)
		}
	}
	var f *ledger.File
	for _, path := range []string{l.ParquetPath(number), l.Path(number)} {
		if f, err = ledger.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		r := f.Verify(o)
		if err := f.VerifyReceipts(&r, func(yield func(ledger.Evidence) error) error { return f.EachReceipt(path, yield) }, nil); err != nil {
			t.Fatal(err)
		}
		if !r.Valid() {
			t.Fatalf("epoch %d, %s: %+v", number, path, r.Problems)
		}
	}
	return f
}

// breaking is a DB that works for some calls and then is gone, either before
// or after it did what the last one asked.
type breaking struct {
	ledger.DB
	left  int
	after bool
}

var errGone = errors.New("the process is gone")

func (b *breaking) call(do func() error) error {
	b.left--
	switch {
	case b.left < 0 || b.left == 0 && !b.after:
		return errGone
	case b.left == 0:
		return errors.Join(do(), errGone)
	}
	return do()
}

func (b *breaking) Epoch(ctx context.Context, n uint64) (e ledger.Epoch, err error) {
	err = b.call(func() (err error) { e, err = b.DB.Epoch(ctx, n); return err })
	return e, err
}

func (b *breaking) StartEpoch(ctx context.Context, next ledger.Epoch) error {
	return b.call(func() error { return b.DB.StartEpoch(ctx, next) })
}

func (b *breaking) EpochInputs(ctx context.Context, n uint64) (in *ledger.Inputs, err error) {
	err = b.call(func() (err error) { in, err = b.DB.EpochInputs(ctx, n); return err })
	return in, err
}

func (b *breaking) CloseEpoch(ctx context.Context, e ledger.Epoch, f *ledger.File) error {
	return b.call(func() error { return b.DB.CloseEpoch(ctx, e, f) })
}

func (b *breaking) EachEvidence(ctx context.Context, n uint64, yield func(ledger.Evidence) error) error {
	return b.call(func() error { return b.DB.EachEvidence(ctx, n, yield) })
}
