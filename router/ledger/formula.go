package ledger

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrInput is wrapped by errors about inputs the formula cannot take.
var ErrInput = errors.New("invalid epoch input")

// Result is an epoch as the formula sees it: the amounts of each statement, by
// its index, and their sums.
type Result struct {
	Carriage, Availability, Correction []MicroPoints
	Royalty                            []TokenUnits
	Totals                             Totals // without the sums over earlier epochs
}

// Amount is what statement i earned in points.
func (r *Result) Amount(i int) MicroPoints {
	return r.Carriage[i] + r.Availability[i] + r.Correction[i]
}

// Compute applies formula 1 (FORMULA.md) to the inputs that stand in head and
// statements, which are by node key. It reads no amount and changes nothing, so
// the same function makes an epoch and checks it. The error wraps ErrInput or
// ErrParams.
func Compute(h *Head, statements []Statement) (*Result, error) {
	if err := checkInputs(h, statements); err != nil {
		return nil, err
	}
	r := &Result{Correction: make([]MicroPoints, len(statements))}
	if err := r.correct(h, statements); err != nil {
		return nil, err
	}
	carriage, availability := h.Params.split(r.Totals.Corrections)
	r.Carriage = shareCarriage(carriage, h, statements)
	r.Availability = shareAvailability(availability, h, statements)
	r.royalties(h, statements)

	t := &r.Totals
	t.Nodes = uint64(len(statements))
	for i := range statements {
		t.Carriage += r.Carriage[i]
		t.Availability += r.Availability[i]
	}
	t.UnallocatedCarriage, t.UnallocatedAvailability = carriage-t.Carriage, availability-t.Availability
	return r, nil
}

func checkInputs(h *Head, statements []Statement) error {
	if err := h.check(); err != nil {
		if errors.Is(err, ErrParams) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	if len(statements) > maxNodes {
		return fmt.Errorf("%w: %d nodes, may be %d", ErrInput, len(statements), maxNodes)
	}
	for i := range statements {
		s := &statements[i]
		if i > 0 && compareKeys(statements[i-1].Node, s.Node) >= 0 {
			return fmt.Errorf("%w: node %s is there twice or out of order", ErrInput, s.Node)
		}
		if err := s.check(h); err != nil {
			return fmt.Errorf("%w: node %s: %w", ErrInput, s.Node, err)
		}
	}
	return nil
}

// correct books the head's corrections to their nodes.
func (r *Result) correct(h *Head, statements []Statement) error {
	at := 0
	for _, c := range h.Corrected {
		for at < len(statements) && compareKeys(statements[at].Node, c.Node) < 0 {
			at++
		}
		if at == len(statements) || statements[at].Node != c.Node {
			return fmt.Errorf("%w: node %s is corrected and has no statement", ErrInput, c.Node)
		}
		r.Correction[at] += c.Amount
		r.Totals.Corrections += c.Amount
	}
	return nil
}

// shareCarriage shares pool in proportion to paid bytes.
func shareCarriage(pool MicroPoints, h *Head, statements []Statement) []MicroPoints {
	weights := make([]weight, len(statements))
	for i := range statements {
		s := &statements[i]
		weights[i] = product(s.Bytes()-s.Over(h.Params.SiteCap), s.multiplier(&h.Params))
	}
	return apportionCapped(pool, partOf(pool, h.Params.NodeCap), weights)
}

// royalties shares each sale in proportion to records; the share of those that
// came through no known node is nobody's.
func (r *Result) royalties(h *Head, statements []Statement) {
	r.Royalty = make([]TokenUnits, len(statements))
	type holder struct {
		at      int
		records uint64
	}
	bySale := make([][]holder, len(h.Sales))
	for i := range statements {
		for _, share := range statements[i].Shares {
			bySale[share.Sale] = append(bySale[share.Sale], holder{i, share.Records})
		}
	}
	for k, holders := range bySale {
		weights := make([]weight, len(holders))
		for i, held := range holders {
			weights[i] = weight{lo: held.records}
		}
		left := h.Sales[k].Shared
		for i, amount := range h.Sales[k].split(weights) {
			r.Royalty[holders[i].at] += TokenUnits(amount)
			r.Totals.Royalties += TokenUnits(amount)
			left -= TokenUnits(amount)
		}
		r.Totals.Unshared += left
	}
}

// split is what each of its holders gets of a sale. Unknown comes after all of
// them, so of equal remainders it has the least claim.
func (s *Sale) split(holders []weight) []MicroPoints {
	all := append(slices.Clone(holders), weight{lo: s.Unknown})
	return apportion(MicroPoints(s.Shared), all)[:len(holders)]
}

// Fill writes the amounts of r into statements whose Ever and RoyaltyEver hold
// what the nodes earned in earlier epochs. The error wraps ErrInput.
func (r *Result) Fill(statements []Statement) error {
	for i := range statements {
		s, amount, royalty := &statements[i], r.Amount(i), r.Royalty[i]
		if s.Ever < 0 || s.Ever > math.MaxInt64-amount || s.RoyaltyEver < 0 || s.RoyaltyEver > math.MaxInt64-royalty {
			return fmt.Errorf("%w: node %s earned %d micro-points and %d base units before", ErrInput, s.Node, s.Ever, s.RoyaltyEver)
		}
		s.Carriage, s.Availability, s.Correction = r.Carriage[i], r.Availability[i], r.Correction[i]
		s.Amount, s.Royalty = amount, royalty
		s.Ever += amount
		s.RoyaltyEver += royalty
	}
	return nil
}
