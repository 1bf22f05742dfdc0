package settle_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/store"
)

// double is a chain in memory that keeps settle.Chain's promise, and fails in
// the ways a test wants. The real runtime is in router/solana's tests.
type double struct {
	mu       sync.Mutex
	height   uint64
	units    settle.Units
	lamports int64
	accounts map[wire.Key]settle.AccountState // by address; missing if not here
	held     map[wire.Key]settle.Units        // by token account
	markers  map[uint64]settle.Landing
	pool     map[string]sent // sent, not in a block
	status   map[string]settle.Outcome
	signed   int

	drop    int               // transactions lost
	refuse  map[wire.Key]bool // token accounts the chain takes nothing for
	deaf    int               // answers that fail
	undone  int               // transactions that fail in their block
	lieBy   settle.Units      // by how much the treasury's change differs from what was asked
	forgets bool              // markers without history
	before  func()            // called once, before the next signature
}

type sent struct {
	batch settle.Batch
	s     settle.Signed
}

var _ settle.Chain = (*double)(nil)

const perPayout, sizeLimit = 100, 450 // so that four fit

func newDouble() *double {
	return &double{
		height: 1000, units: 1_000_000_000, lamports: 1_000_000_000, accounts: map[wire.Key]settle.AccountState{}, held: map[wire.Key]settle.Units{},
		markers: map[uint64]settle.Landing{}, pool: map[string]sent{}, status: map[string]settle.Outcome{}, refuse: map[wire.Key]bool{},
	}
}

func (d *double) Treasury() wire.Key { return wire.Key{0xff} }

func (d *double) Account(address wire.Key) wire.Key { return sha256.Sum256(address[:]) }

func (d *double) Size(b settle.Batch) (int, int) { return len(b.Payouts) * perPayout, sizeLimit }

var errDeaf = errors.New("no answer")

// hear makes blocks with every question, and fails some.
func (d *double) hear() error {
	d.height += 10
	for signature, p := range d.pool {
		delete(d.pool, signature)
		d.land(p)
	}
	if d.deaf > 0 {
		d.deaf--
		return errDeaf
	}
	return nil
}

func (d *double) land(p sent) {
	_, taken := d.markers[p.batch.Seq]
	if taken || d.undone > 0 {
		d.undone--
		d.status[p.s.Signature] = settle.Outcome{State: settle.Failed, Reason: "custom program error"}
		return
	}
	l := settle.Landing{Signature: p.s.Signature, Memo: p.batch.Memo, Spent: p.batch.Sum() + d.lieBy}
	for _, o := range p.batch.Payouts {
		l.Transfers = append(l.Transfers, settle.Transfer{Account: o.Account, Units: o.Units, New: o.New})
		d.held[o.Account] += o.Units
		d.accounts[o.Address] = settle.AccountReady
	}
	d.units -= p.batch.Sum()
	d.markers[p.batch.Seq] = l
	d.status[p.s.Signature] = settle.Outcome{State: settle.Final}
}

func (d *double) Look(_ context.Context, addresses []wire.Key) (settle.View, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := settle.View{Height: d.height, Units: d.units, Lamports: d.lamports, Fee: 5000, AccountRent: 2_000_000, MarkerRent: 900_000}
	for _, a := range addresses {
		v.Accounts = append(v.Accounts, d.accounts[a])
	}
	return v, d.hear()
}

func (d *double) Sign(_ context.Context, b settle.Batch) (settle.Signed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before != nil {
		before := d.before
		d.before = nil
		before()
	}
	for i, p := range b.Payouts {
		if d.refuse[p.Account] {
			return settle.Signed{}, &settle.RefusedError{Payout: i, Reason: "account frozen"}
		}
	}
	if err := d.hear(); err != nil {
		return settle.Signed{}, err
	}
	d.signed++
	s := settle.Signed{Signature: fmt.Sprintf("signature-%d", d.signed), LastValid: d.height + 100, Wire: []byte(b.Memo)}
	signedBatches.Store(s.Signature, b)
	return s, nil
}

// signedBatches are what stands in a transaction's bytes elsewhere.
var signedBatches sync.Map

func (d *double) Send(_ context.Context, s settle.Signed) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.drop > 0 {
		d.drop--
		return nil
	}
	if _, known := d.status[s.Signature]; known || d.height > s.LastValid {
		return nil
	}
	b, _ := signedBatches.Load(s.Signature)
	d.pool[s.Signature] = sent{b.(settle.Batch), s}
	return nil
}

func (d *double) Outcome(_ context.Context, s settle.Signed) (settle.Outcome, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.hear(); err != nil {
		return settle.Outcome{}, err
	}
	if o, known := d.status[s.Signature]; known {
		return o, nil
	}
	if d.height > s.LastValid {
		return settle.Outcome{State: settle.Expired}, nil
	}
	return settle.Outcome{Reason: "not seen"}, nil
}

func (d *double) Landed(_ context.Context, seq uint64) (settle.Landing, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.hear(); err != nil {
		return settle.Landing{}, false, err
	}
	l, ok := d.markers[seq]
	if ok && d.forgets {
		return settle.Landing{}, true, settle.ErrHistory
	}
	return l, ok, nil
}

// book is a ledger of one epoch a number.
type book map[uint64][]settle.Due

func (b book) Epoch(_ context.Context, number uint64) (settle.Epoch, error) {
	if number == 0 {
		number = uint64(len(b))
	}
	if b[number] == nil {
		return settle.Epoch{}, settle.ErrNotReady
	}
	return settle.Epoch{Number: number}, nil
}

func (b book) Dues(_ context.Context, number uint64) ([]settle.Due, error) { return b[number], nil }

// still is a clock that moves by sleeping alone.
type still struct {
	mu  sync.Mutex
	now time.Time
}

func (s *still) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *still) Sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	return ctx.Err()
}

// bench is everything to settle with.
type bench struct {
	t     *testing.T
	chain *double
	db    *store.Store
	file  string
	book  book
	cfg   settle.Config
}

func node(n byte) wire.Key { return wire.Key{n, 1} }

func newBench(t *testing.T, dues ...settle.Due) *bench {
	t.Helper()
	b := &bench{t: t, chain: newDouble(), file: filepath.Join(t.TempDir(), "router.db"), book: book{1: dues}, cfg: settle.DefaultConfig()}
	b.cfg.Mode, b.cfg.Mint, b.cfg.Rate = settle.ModePay, wire.Key{9}, settle.Rate{Units: 1, Points: 1000}
	b.cfg.Threshold, b.cfg.AccountThreshold, b.cfg.SpendingCap, b.cfg.AccountBudget = 10, 20, 1_000_000, 100_000_000
	b.open()
	return b
}

func (b *bench) open() {
	b.t.Helper()
	db, err := store.Open(b.t.Context(), b.file, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = db.Close() })
	b.db = db
}

func (b *bench) settler() *settle.Settler { return b.settlerOn(b.chain) }

func (b *bench) settlerOn(chain settle.Chain) *settle.Settler {
	b.t.Helper()
	s, err := settle.New(slog.New(slog.DiscardHandler), &still{now: time.Unix(1_800_000_000, 0)}, b.db, b.book, chain, settle.NewMetrics(prometheus.NewRegistry()), b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) run(epoch uint64) settle.Report {
	b.t.Helper()
	r, err := b.settler().Run(b.t.Context(), epoch)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) holds(n byte, want settle.Units) {
	b.t.Helper()
	if got := b.chain.held[b.chain.Account(node(n))]; got != want {
		b.t.Errorf("node %d holds %d, want %d", n, got, want)
	}
}

// due is a node that has earned so many whole units.
func due(n byte, units int64) settle.Due {
	return settle.Due{Node: node(n), Points: settle.MicroPoints(units * 1000)}
}

// hushed is a chain that does not tell what has become of anything.
type hushed struct{ *double }

func (hushed) Outcome(context.Context, settle.Signed) (settle.Outcome, error) {
	return settle.Outcome{}, errDeaf
}
