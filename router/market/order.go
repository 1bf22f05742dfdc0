// Package market takes orders for dataset versions and watches for their
// payment: each order has a reference of its own, which the buyer's wallet puts
// into the transaction (Solana Pay). What arrived is counted once, from final
// transactions alone; too little waits for the rest, too much and too late can be
// paid back, and only when an operator says so.
//
// It knows no chain and moves no money: Payments is implemented by
// router/solana, Refunds by router/settle, and what is sold is told to Sales,
// which is the ledger.
package market

import (
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Units is an amount of the token that orders are paid in, in its base units.
type Units int64

// Order is what a buyer pays for.
type Order struct {
	ID        string // 26 characters, in the order of creation
	Buyer     string // how the operator knows the buyer; at most 200 bytes
	Dataset   string
	Version   int
	Price     Units
	Reference wire.Key // names the order in a transaction; nobody has its key
	Created   time.Time
	Expires   time.Time // what has not been paid in full by then is not sold
	Sold      time.Time // zero until paid in full

	Received Units // in final transactions
	Refunded Units
}

// State is how an order stands. It follows from the amounts and the time.
type State string

// States.
const (
	Open      State = "open"      // nothing has arrived
	Underpaid State = "underpaid" // some has, and the rest may still come
	Paid      State = "paid"      // exactly, or what was too much is paid back
	Overpaid  State = "overpaid"  // more than the price; the difference can be paid back
	Expired   State = "expired"   // not paid in time; nothing is left to pay back
	Owed      State = "owed"      // not paid in full in time; what arrived can be paid back
)

// State is how o stands at now.
func (o Order) State(now time.Time) State {
	switch {
	case !o.Sold.IsZero() && o.Refundable(now) > 0:
		return Overpaid
	case !o.Sold.IsZero():
		return Paid
	case !now.Before(o.Expires) && o.Refundable(now) > 0:
		return Owed
	case !now.Before(o.Expires):
		return Expired
	case o.Received > 0:
		return Underpaid
	}
	return Open
}

// Refundable is what arrived and bought nothing. While the order is open that is
// nothing: the rest may still come.
func (o Order) Refundable(now time.Time) Units {
	switch {
	case !o.Sold.IsZero():
		return max(o.Received-o.Price-o.Refunded, 0)
	case now.Before(o.Expires):
		return 0
	}
	return max(o.Received-o.Refunded, 0)
}

// Payment is what one final transaction brought.
type Payment struct {
	Signature string
	Units     Units
	From      wire.Key // owner of the account it came from; zero if that cannot be told
	At        time.Time
}

// Errors a caller branches on.
var (
	ErrNoOrder = errors.New("no such order")
	ErrInvalid = errors.New("invalid order")
	// ErrNothing says that nothing of an order can be paid back.
	ErrNothing = errors.New("nothing can be paid back")
)

// Bounds on orders.
const (
	maxBuyer = 200 // bytes
	maxPrice = 1 << 60
	// MaxList is the most orders one call lists.
	MaxList = 500
)

func (o Order) check() error {
	switch {
	case o.Dataset == "" || len(o.Dataset) > 128 || o.Version < 1:
		return fmt.Errorf("%w: name a dataset and a version from 1", ErrInvalid)
	case o.Price < 1 || o.Price > maxPrice:
		return fmt.Errorf("%w: a price of %d base units, may be 1 to %d", ErrInvalid, o.Price, int64(maxPrice))
	case len(o.Buyer) > maxBuyer:
		return fmt.Errorf("%w: a buyer of %d bytes, may be %d", ErrInvalid, len(o.Buyer), maxBuyer)
	case !o.Expires.After(o.Created):
		return fmt.Errorf("%w: it expires before it begins", ErrInvalid)
	}
	return nil
}
