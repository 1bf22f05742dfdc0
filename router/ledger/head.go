package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// Kind opens the head of every epoch file and names its format.
const Kind = "fallow-epoch-v1"

// Head is everything an epoch file says that is not about one node.
type Head struct {
	Kind   string    `json:"kind"`
	Router wire.Key  `json:"router"`
	Epoch  uint64    `json:"epoch"`
	Start  time.Time `json:"start"` // by the router's clock, UTC
	End    time.Time `json:"end"`
	// Seconds is how long the router ran in the epoch by a clock that nobody
	// can set; nobody can have been online for longer.
	Seconds    uint64       `json:"seconds,string"`
	SettleFrom time.Time    `json:"settle_from"` // nothing is paid before; challenges are taken until then
	Params     Params       `json:"params"`
	Sales      []Sale       `json:"sales,omitempty"`       // by dataset and version
	Corrected  []Correction `json:"corrections,omitempty"` // by node
	Decided    []Decision   `json:"decisions,omitempty"`   // about standings, since the epoch before
	Notes      []Note       `json:"notes,omitempty"`
	Totals     Totals       `json:"totals"`
	Lines      merkle.Hash  `json:"statements_sha256"` // over the canonical bytes of each statement and a line feed
	Root       merkle.Hash  `json:"root"`              // over the leaves of the statements
}

// Sale is what was sold of one dataset version in an epoch.
type Sale struct {
	Dataset string     `json:"dataset"`
	Version int        `json:"version"`
	Orders  int        `json:"orders"`
	Price   TokenUnits `json:"price,string"`  // of all orders together
	Fee     TokenUnits `json:"fee,string"`    // what the operator keeps
	Shared  TokenUnits `json:"shared,string"` // the rest, shared over the nodes
	// Unknown is how many of the version's records came through no known node;
	// their share is nobody's.
	Unknown uint64 `json:"unknown,string,omitempty"`
}

// Correction is what a node is paid because a challenge of an earlier epoch was
// found right. It comes out of this epoch's pool: an epoch once closed never
// changes.
type Correction struct {
	Node      wire.Key    `json:"node"`
	Epoch     uint64      `json:"epoch"`     // that was challenged
	Challenge uint64      `json:"challenge"` // its number
	Amount    MicroPoints `json:"amount,string"`
	Because   string      `json:"because"` // at most 500 bytes
}

// Decision is an operator's word on a node's standing.
type Decision struct {
	Node    wire.Key    `json:"node"`
	At      time.Time   `json:"at"`
	From    int         `json:"from_permille"`
	To      int         `json:"to_permille"`
	Reason  wire.Reason `json:"reason"`  // what the standing had fallen for, or falls for
	Because string      `json:"because"` // at most 500 bytes
}

// Note is something a reader of the epoch should know that changes no amount by
// itself.
type Note struct {
	Kind string   `json:"kind"`          // NoteLate, NoteClock
	Node wire.Key `json:"node,omitzero"` // whom it is about
	Text string   `json:"text"`          // at most 500 bytes
}

// The kinds of notes.
const (
	NoteLate  = "late-receipt" // bytes of an earlier epoch, proven after it closed
	NoteClock = "clock"        // the router's clock was set while the epoch ran
)

// Totals are sums over the statements, and what is left.
type Totals struct {
	Nodes                   uint64      `json:"nodes,string"` // statements
	Carriage                MicroPoints `json:"carriage,string"`
	Availability            MicroPoints `json:"availability,string"`
	Corrections             MicroPoints `json:"corrections,string"`
	UnallocatedCarriage     MicroPoints `json:"unallocated_carriage,string"`     // nobody's
	UnallocatedAvailability MicroPoints `json:"unallocated_availability,string"` // nobody's
	Royalties               TokenUnits  `json:"royalties,string"`
	Unshared                TokenUnits  `json:"unshared,string"` // for records that came through no known node

	// Over all nodes and all epochs up to this one. Nodes without a statement
	// in this epoch are in them, so the difference to the statements' sums is
	// what the others hold.
	PointsEver    MicroPoints `json:"points_ever,string"`
	RoyaltiesEver TokenUnits  `json:"royalties_ever,string"`
}

// Allocated is what nodes earned in the epoch.
func (t Totals) Allocated() MicroPoints { return t.Carriage + t.Availability + t.Corrections }

// Unallocated is what of the pool nobody earned.
func (t Totals) Unallocated() MicroPoints {
	return t.UnallocatedCarriage + t.UnallocatedAvailability
}

// Commitment is what of the head goes on chain; hash is the file's.
func (h *Head) Commitment(hash merkle.Hash) Commitment {
	return Commitment{
		Epoch: h.Epoch, Root: h.Root, File: hash, Nodes: h.Totals.Nodes, Points: h.Totals.Allocated(), Royalties: h.Totals.Royalties,
		PointsEver: h.Totals.PointsEver, RoyaltiesEver: h.Totals.RoyaltiesEver, SettleFrom: h.SettleFrom,
	}
}

// check says whether the formula can take the head.
func (h *Head) check() error {
	if err := h.Params.Validate(); err != nil {
		return err
	}
	switch {
	case h.Epoch == 0:
		return errors.New("epoch 0: they are counted from 1")
	case h.Seconds > 1<<40:
		return fmt.Errorf("%d seconds", h.Seconds)
	case len(h.Sales) > MaxSales, len(h.Corrected) > MaxCorrectionsListed, len(h.Decided) > MaxDecisions, len(h.Notes) > MaxNotes:
		return errors.New("more sales, corrections, decisions or notes than a head may have")
	}
	return errors.Join(h.checkSales(), h.checkCorrections(), h.checkTexts())
}

func (h *Head) checkSales() error {
	var sum TokenUnits
	for i, s := range h.Sales {
		if i > 0 {
			before := h.Sales[i-1]
			if before.Dataset > s.Dataset || before.Dataset == s.Dataset && before.Version >= s.Version {
				return fmt.Errorf("sale %d is not in the order of datasets and versions", i)
			}
		}
		if !IsText(s.Dataset) || s.Orders < 1 || s.Price < 0 || s.Price > MaxSalesSum-sum || s.Unknown > maxRecords {
			return fmt.Errorf("sale %d is out of bounds", i)
		}
		sum += s.Price
		if s.Fee != feeOf(s.Price, h.Params.Fee) || s.Shared != s.Price-s.Fee {
			return fmt.Errorf("sale %d: of %d the fee is %d, %d is kept and %d shared", i, s.Price, feeOf(s.Price, h.Params.Fee), s.Fee, s.Shared)
		}
	}
	return nil
}

// feeOf is the whole part of the operator's share: what does not divide is the
// nodes'.
func feeOf(price TokenUnits, fee int) TokenUnits {
	whole, rest := price/permille, price%permille
	return whole*TokenUnits(fee) + rest*TokenUnits(fee)/permille
}

// SortCorrections brings corrections into the order that a head has them in.
func SortCorrections(list []Correction) {
	slices.SortFunc(list, func(a, b Correction) int {
		return cmp.Or(compareKeys(a.Node, b.Node), cmp.Compare(a.Challenge, b.Challenge))
	})
}

func (h *Head) checkCorrections() error {
	limit := h.Params.MaxCorrections()
	for i, c := range h.Corrected {
		if i > 0 && compareKeys(h.Corrected[i-1].Node, c.Node) > 0 {
			return fmt.Errorf("correction %d is not in the order of node keys", i)
		}
		if c.Amount <= 0 || c.Amount > limit {
			return fmt.Errorf("corrections take more than %d permille of the pool", correctionShare)
		}
		limit -= c.Amount
	}
	return nil
}

func (h *Head) checkTexts() error {
	for i, c := range h.Corrected {
		if !IsText(c.Because) {
			return fmt.Errorf("correction %d says more than %d printable bytes", i, MaxText)
		}
	}
	for i, d := range h.Decided {
		if !IsText(d.Because) || d.From < 0 || d.From > permille || d.To < 0 || d.To > permille {
			return fmt.Errorf("decision %d is out of bounds", i)
		}
	}
	for i, n := range h.Notes {
		if !IsText(n.Text) || n.Kind != NoteLate && n.Kind != NoteClock {
			return fmt.Errorf("note %d is out of bounds", i)
		}
	}
	return nil
}
