package market

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// DB is what orders are kept in. Each method is one transaction and durable when
// it returns nil.
type DB interface {
	CreateOrder(ctx context.Context, o Order) error
	// Order is one order; ErrNoOrder if there is none.
	Order(ctx context.Context, id string) (Order, error)
	// Orders are orders by id descending, below after if that is not empty.
	Orders(ctx context.Context, after string, limit int) ([]Order, error)
	// Watched are the orders whose payment may still come: those that expire after since.
	Watched(ctx context.Context, since time.Time) ([]Order, error)
	// SavePayments adds payments to an order. A transaction that is there
	// already, for whichever order, is not counted again.
	SavePayments(ctx context.Context, order string, payments []Payment) error
	// OrderPayments are those of an order, oldest first.
	OrderPayments(ctx context.Context, order string) ([]Payment, error)
	// SetSold notes that an order is paid in full; the first time stays.
	SetSold(ctx context.Context, order string, at time.Time) error
	// SetRefunded notes how much of an order has been paid back in all.
	SetRefunded(ctx context.Context, order string, total Units) error
}

// Payments sees what is paid on the chain.
type Payments interface {
	// Payments are all final transactions that name reference and brought the
	// treasury anything, oldest first.
	Payments(ctx context.Context, reference wire.Key) ([]Payment, error)
}

// Sales is told of what is sold, the ledger that shares it out as royalties. The
// same order again changes nothing.
type Sales interface {
	Sold(ctx context.Context, o Order) error
}

// Refunds pays back. It sends what is missing up to total, which counts
// everything ever paid back for the order, and returns how much that is now.
type Refunds interface {
	Refund(ctx context.Context, order string, to wire.Key, total Units) (Units, error)
}

// Config is what a Desk is told.
type Config struct {
	Every     time.Duration // between two looks at the chain
	OpenFor   time.Duration // how long an order can be paid
	WatchFor  time.Duration // how long after that late payments are looked for
	Recipient wire.Key      // the treasury's address
	Mint      wire.Key
}

// DefaultConfig looks every 10 seconds; orders are open for a day and watched for
// a month.
func DefaultConfig() Config {
	return Config{Every: 10 * time.Second, OpenFor: 24 * time.Hour, WatchFor: 30 * 24 * time.Hour}
}

// Desk takes orders. It is safe for concurrent use.
type Desk struct {
	log      *slog.Logger
	now      func() time.Time
	db       DB
	payments Payments
	sales    Sales
	refunds  Refunds
	cfg      Config

	looking sync.Mutex
}

// New makes a Desk.
func New(log *slog.Logger, now func() time.Time, db DB, payments Payments, sales Sales, refunds Refunds, cfg Config) *Desk {
	return &Desk{log: log, now: now, db: db, payments: payments, sales: sales, refunds: refunds, cfg: cfg}
}

// Take takes an order, and says by what the buyer pays it.
func (d *Desk) Take(ctx context.Context, buyer, dataset string, version int, price Units) (Order, error) {
	now := d.now().UTC().Truncate(time.Millisecond)
	o := Order{
		ID: newID(now), Buyer: buyer, Dataset: dataset, Version: version, Price: price,
		Created: now, Expires: now.Add(d.cfg.OpenFor),
	}
	_, _ = rand.Read(o.Reference[:]) // it never fails
	if err := o.check(); err != nil {
		return Order{}, err
	}
	return o, d.db.CreateOrder(ctx, o)
}

// newID is a time and 80 random bits, in letters that sort.
func newID(now time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(raw[6:])
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:])
}

// PayURL is what a wallet is shown (Solana Pay's transfer request): what is still
// missing of the price, with the token's decimals.
func (d *Desk) PayURL(o Order, decimals int) string {
	text := strconv.FormatInt(int64(max(o.Price-o.Received, 0)), 10)
	for len(text) <= decimals {
		text = "0" + text
	}
	if decimals > 0 {
		text = text[:len(text)-decimals] + "." + text[len(text)-decimals:]
	}
	query := url.Values{
		"amount": {text}, "spl-token": {d.cfg.Mint.String()}, "reference": {o.Reference.String()}, "label": {"Fallow " + o.Dataset + " v" + strconv.Itoa(o.Version)},
	}
	return "solana:" + d.cfg.Recipient.String() + "?" + query.Encode()
}

// Run looks for payments until ctx ends.
func (d *Desk) Run(ctx context.Context) error {
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for {
		if err := d.Look(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("payments not looked for, trying again", "after", d.cfg.Every, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look looks for payments of all orders once.
func (d *Desk) Look(ctx context.Context) error {
	d.looking.Lock()
	defer d.looking.Unlock()
	orders, err := d.db.Watched(ctx, d.now().Add(-d.cfg.WatchFor))
	if err != nil {
		return err
	}
	for _, o := range orders {
		if err := d.look(ctx, o); err != nil {
			return fmt.Errorf("order %s: %w", o.ID, err)
		}
	}
	return nil
}

// look reads one order's payments. Each step can be taken again: payments are
// counted by their transaction, and the sale by the order.
func (d *Desk) look(ctx context.Context, o Order) error {
	seen, err := d.payments.Payments(ctx, o.Reference)
	if err != nil {
		return err
	}
	if len(seen) > 0 {
		if err := d.db.SavePayments(ctx, o.ID, seen); err != nil {
			return err
		}
		if o, err = d.db.Order(ctx, o.ID); err != nil {
			return err
		}
	}
	if o.Received < o.Price || !o.Sold.IsZero() || !d.inTime(ctx, o) {
		return nil
	}
	// The ledger first: an order that counts as sold and is not in the books
	// would never share its royalties.
	if err := d.sales.Sold(ctx, o); err != nil {
		return fmt.Errorf("book the sale: %w", err)
	}
	if err := d.db.SetSold(ctx, o.ID, d.now()); err != nil {
		return err
	}
	d.log.Info("order paid", "order", o.ID, "dataset", o.Dataset, "version", o.Version, "price", int64(o.Price), "received", int64(o.Received))
	return nil
}

// inTime says whether the price had arrived before the order expired, by the
// time of its transactions and not by when we looked.
func (d *Desk) inTime(ctx context.Context, o Order) bool {
	payments, err := d.db.OrderPayments(ctx, o.ID)
	if err != nil {
		return false
	}
	var sum Units
	for _, p := range payments {
		if p.At.Before(o.Expires) {
			sum += p.Units
		}
	}
	return sum >= o.Price
}

// Order is one order, as last seen.
func (d *Desk) Order(ctx context.Context, id string) (Order, []Payment, error) {
	o, err := d.db.Order(ctx, id)
	if err != nil {
		return o, nil, err
	}
	payments, err := d.db.OrderPayments(ctx, id)
	return o, payments, err
}

// Orders are orders, newest first.
func (d *Desk) Orders(ctx context.Context, after string, limit int) ([]Order, error) {
	return d.db.Orders(ctx, after, min(limit, MaxList))
}

// Refund pays back what an order does not need, to where its last payment came
// from, or to an address the operator names. It can be called again after any
// error: what has been paid back is not paid back again.
func (d *Desk) Refund(ctx context.Context, id string, to wire.Key) (Order, error) {
	d.looking.Lock()
	defer d.looking.Unlock()
	o, payments, err := d.Order(ctx, id)
	if err != nil {
		return o, err
	}
	amount := o.Refundable(d.now())
	if amount == 0 {
		return o, fmt.Errorf("order %s is %s: %w", id, o.State(d.now()), ErrNothing)
	}
	for i := len(payments) - 1; i >= 0 && to.IsZero(); i-- {
		to = payments[i].From
	}
	if to.IsZero() {
		return o, fmt.Errorf("order %s: where it was paid from cannot be told: name an address", id)
	}
	total, err := d.refunds.Refund(ctx, o.ID, to, o.Refunded+amount)
	if total > o.Refunded {
		if saved := d.db.SetRefunded(ctx, o.ID, total); saved != nil {
			return o, saved
		}
		o.Refunded = total
	}
	return o, err
}
