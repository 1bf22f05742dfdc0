//go:build chain

package solana_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/market"
	"github.com/fallow-network/fallow/router/settle"
	"github.com/fallow-network/fallow/router/solana/svm"
	"github.com/fallow-network/fallow/router/store"
)

// stall is a market on a chain.
type stall struct {
	*town
	db    *store.Store
	file  string
	desk  *market.Desk
	sales map[string]market.Units
	now   time.Time
}

func (s *stall) Sold(_ context.Context, o market.Order) error {
	s.sales[o.ID] += o.Price
	return nil
}

func (s *stall) Refund(ctx context.Context, order string, to wire.Key, total market.Units) (market.Units, error) {
	settler, err := settle.New(quiet, newClock(), s.db, &books{}, s.chain, settleMetrics(), payConfig(s.town))
	if err != nil {
		return 0, err
	}
	refunded, err := settler.Refund(ctx, order, to, settle.Units(total))
	return market.Units(refunded), err
}

const buyer = 77

func newStall(t *testing.T, name string) *stall {
	t.Helper()
	s := &stall{town: newTown(t, name), file: filepath.Join(t.TempDir(), "router.db"), sales: map[string]market.Units{}, now: time.Unix(1000, 0)}
	s.db = openStore(t, s.file)
	must(t, s.Fund(t.Context(), s.node(buyer), 1_000_000_000))
	must(t, s.Give(t.Context(), s.chain.Account(s.node(buyer)), s.mint, s.node(buyer), 1_000_000, false))
	s.start(t)
	return s
}

func (s *stall) start(t *testing.T) {
	cfg := market.DefaultConfig()
	cfg.Recipient, cfg.Mint = s.chain.Treasury(), s.mint
	s.desk = market.New(slog.New(slog.DiscardHandler), func() time.Time { return s.now }, s.db, s.chain, s, s, cfg)
}

func (s *stall) take(t *testing.T, price market.Units) market.Order {
	t.Helper()
	o, err := s.desk.Take(t.Context(), "ACME", "go-docs", 1, price)
	must(t, err)
	return o
}

// pay sends a buyer's transaction, as a wallet does.
func (s *stall) pay(t *testing.T, units uint64, references ...wire.Key) {
	t.Helper()
	must(t, s.Pay(t.Context(), key(s.name, buyer), s.chain.Treasury(), s.mint, units, references...))
}

func (s *stall) expect(t *testing.T, id string, state market.State, received, refundable market.Units) market.Order {
	t.Helper()
	must(t, s.desk.Look(t.Context()))
	o, _, err := s.desk.Order(t.Context(), id)
	must(t, err)
	if o.State(s.now) != state || o.Received != received || o.Refundable(s.now) != refundable {
		t.Fatalf("order is %s with %d received and %d to pay back, want %s, %d, %d", o.State(s.now), o.Received, o.Refundable(s.now), state, received, refundable)
	}
	return o
}

func (s *stall) finalise(t *testing.T) { must(t, s.Advance(t.Context(), 40)) }

func TestOrders(t *testing.T) {
	s := newStall(t, "orders")
	o := s.take(t, 1000)
	s.expect(t, o.ID, market.Open, 0, 0)

	must(t, s.PerRequest(t.Context(), 0)) // blocks come only when they shall
	s.pay(t, 400, o.Reference)
	must(t, s.Advance(t.Context(), 20))
	s.expect(t, o.ID, market.Open, 0, 0) // confirmed is not final
	s.finalise(t)
	s.expect(t, o.ID, market.Underpaid, 400, 0)
	s.pay(t, 600, o.Reference)
	s.finalise(t)
	s.expect(t, o.ID, market.Paid, 1000, 0)
	s.expect(t, o.ID, market.Paid, 1000, 0) // looking again counts nothing again
	if s.sales[o.ID] == 0 || len(s.sales) != 1 {
		t.Fatalf("booked: %v", s.sales)
	}
	if _, err := s.desk.Refund(t.Context(), o.ID, wire.Key{}); !errors.Is(err, market.ErrNothing) {
		t.Fatalf("refund of an order paid exactly: %v", err)
	}

	// One transaction with two references pays one order.
	a, b := s.take(t, 500), s.take(t, 500)
	if a.ID > b.ID { // taken in the same millisecond; the smaller id is looked at first
		a, b = b, a
	}
	s.pay(t, 500, a.Reference, b.Reference)
	s.finalise(t)
	s.expect(t, a.ID, market.Paid, 500, 0)
	s.expect(t, b.ID, market.Open, 0, 0)

	// A transaction without the reference, and one on a losing fork, pay nothing.
	s.pay(t, 500)
	must(t, s.Arm(t.Context(), svm.Fault{Kind: "rollback", Times: 1}))
	s.pay(t, 501, b.Reference)
	s.finalise(t)
	s.expect(t, b.ID, market.Open, 0, 0)
}

func TestRefunds(t *testing.T) {
	s := newStall(t, "refunds")
	over, late := s.take(t, 1000), s.take(t, 1000)
	s.pay(t, 1250, over.Reference)
	s.finalise(t)
	s.expect(t, over.ID, market.Overpaid, 1250, 250)
	must(t, s.db.Close())
	// yesterday's backup knows of the payment and not of the refund
	s.now = late.Expires.Add(time.Hour)
	s.pay(t, 300, late.Reference)
	s.finalise(t)
	path := filepath.Join(t.TempDir(), "router.db")
	copyFile(t, s.file, path)
	for range 2 {
		s.db = openStore(t, path)
		s.start(t)
		before := s.holds(t, s.node(buyer))
		o, err := s.desk.Refund(t.Context(), over.ID, wire.Key{})
		if err == nil && o.Refunded != 250 {
			t.Fatalf("refunded %d", o.Refunded)
		}
		must(t, err)
		if _, err := s.desk.Refund(t.Context(), over.ID, wire.Key{}); !errors.Is(err, market.ErrNothing) {
			t.Fatalf("a second refund: %v", err)
		}
		s.expect(t, late.ID, market.Owed, 300, 300)
		o, err = s.desk.Refund(t.Context(), late.ID, s.node(78))
		must(t, err)
		if o.Refunded != 300 || o.State(s.now) != market.Expired {
			t.Fatalf("%+v is %s", o, o.State(s.now))
		}
		if got := s.holds(t, s.node(buyer)) - before; got != 250 && got != 0 {
			t.Fatalf("the buyer got %d back", got)
		}
		must(t, s.db.Close())
		copyFile(t, s.file, path)
	}
	if got := s.holds(t, s.node(buyer)); got != 1_000_000-1250-300+250 {
		t.Fatalf("the buyer holds %d", got)
	}
	if got := s.holds(t, s.node(78)); got != 300 {
		t.Fatalf("the other address holds %d", got)
	}
}
