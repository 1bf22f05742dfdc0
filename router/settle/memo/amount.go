package memo

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Units is an amount of the payout token in its base units. Never negative; the
// type is signed because SQL has no other.
type Units int64

// MicroPoints is an amount of credit in millionths of a point.
type MicroPoints int64

// Rate says how many base units so many micro-points are worth. Both are above
// zero in a rate that pays.
type Rate struct {
	Units  int64 // base units
	Points int64 // micro-points
}

// ParseRate reads "UNITS/MICROPOINTS", such as "1/1000".
func ParseRate(text string) (Rate, error) {
	u, p, found := strings.Cut(text, "/")
	units, err1 := strconv.ParseInt(u, 10, 64)
	points, err2 := strconv.ParseInt(p, 10, 64)
	if !found || err1 != nil || err2 != nil || units < 1 || points < 1 {
		return Rate{}, fmt.Errorf("rate %.40q is not BASE_UNITS/MICRO_POINTS with two whole numbers above 0, such as 1/1000", text)
	}
	return Rate{units, points}, nil
}

// String is the form that ParseRate reads.
func (r Rate) String() string { return fmt.Sprintf("%d/%d", r.Units, r.Points) }

// Zero is true of a rate that pays nothing.
func (r Rate) Zero() bool { return r.Units <= 0 || r.Points <= 0 }

// Worth is the whole base units that p is worth; what is left over stays
// owed. More than an amount can hold is refused.
func (r Rate) Worth(p MicroPoints) (Units, error) {
	if p <= 0 {
		return 0, nil
	}
	q, ok := mulDiv(uint64(p), uint64(r.Units), uint64(r.Points), false)
	if !ok {
		return 0, fmt.Errorf("%d micro-points at %s are more than an amount can hold", p, r)
	}
	return Units(q), nil
}

// Covers is the fewest micro-points that are worth u: what payouts of u settle.
// It never exceeds the points whose worth u was.
func (r Rate) Covers(u Units) (MicroPoints, error) {
	if u <= 0 {
		return 0, nil
	}
	q, ok := mulDiv(uint64(u), uint64(r.Points), uint64(r.Units), true)
	if !ok {
		return 0, fmt.Errorf("%d base units at %s are more points than an amount can hold", u, r)
	}
	return MicroPoints(q), nil
}

// Paid is base units that were paid for points at a rate.
type Paid struct {
	Rate  Rate
	Units Units
}

// Owed is what points are worth beyond what was paid for them; negative if more
// was paid. At one rate nothing is lost to rounding however often is paid: the
// payouts add up to the worth of all points. What was paid at another rate counts
// as the points it was worth then.
func (r Rate) Owed(points MicroPoints, paid []Paid) (Units, error) {
	var same Units
	for _, w := range paid {
		if w.Rate == r {
			same += w.Units
			continue
		}
		covered, err := w.Rate.Covers(w.Units)
		if err != nil {
			return 0, err
		}
		points -= covered
	}
	if points < 0 {
		over, err := r.Worth(-points)
		return -over - same, err
	}
	worth, err := r.Worth(points)
	return worth - same, err
}

// mulDiv is a*b/c in 128 bits, rounded up or down; false if that is above the
// largest amount.
func mulDiv(a, b, c uint64, up bool) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, c)
	if up && r > 0 {
		q++
	}
	return q, q <= math.MaxInt64
}
