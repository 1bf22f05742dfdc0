package ledger

import (
	"cmp"
	"math/big"
	"math/bits"
)

// weight is an unsigned 128-bit number, the kind shares are in proportion to.
// The bounds in params.go keep every sum of weights within it.
type weight struct{ hi, lo uint64 }

// product is a*b.
func product(a, b uint64) weight {
	hi, lo := bits.Mul64(a, b)
	return weight{hi, lo}
}

func (w weight) add(o weight) weight {
	lo, carry := bits.Add64(w.lo, o.lo, 0)
	hi, _ := bits.Add64(w.hi, o.hi, carry)
	return weight{hi, lo}
}

func (w weight) sub(o weight) weight {
	lo, borrow := bits.Sub64(w.lo, o.lo, 0)
	hi, _ := bits.Sub64(w.hi, o.hi, borrow)
	return weight{hi, lo}
}

func (w weight) compare(o weight) int {
	if c := cmp.Compare(w.hi, o.hi); c != 0 {
		return c
	}
	return cmp.Compare(w.lo, o.lo)
}

func (w weight) zero() bool { return w == weight{} }

// ratio computes pool*w/total for many w with the same scratch space; it is
// not safe for concurrent use.
type ratio struct{ total, a, b, rest big.Int }

func (r *ratio) set(into *big.Int, w weight) {
	into.SetUint64(w.hi)
	into.Lsh(into, 64)
	into.Or(into, r.b.SetUint64(w.lo))
}

// share is the whole part of pool*w/total and what remains; w <= total, so the
// whole part is at most pool.
func (r *ratio) share(pool MicroPoints, w, total weight) (MicroPoints, weight) {
	r.set(&r.total, total)
	r.set(&r.a, w)
	r.a.Mul(&r.a, r.b.SetInt64(int64(pool)))
	r.a.QuoRem(&r.a, &r.total, &r.rest)
	whole := MicroPoints(r.a.Int64())

	hi := r.b.Rsh(&r.rest, 64).Uint64()
	lo := r.rest.Sub(&r.rest, r.b.Lsh(r.b.SetUint64(hi), 64)).Uint64()
	return whole, weight{hi, lo}
}

// exceeds says whether pool*w/total > limit, exactly.
func (r *ratio) exceeds(pool MicroPoints, w, total weight, limit MicroPoints) bool {
	r.set(&r.a, w)
	r.a.Mul(&r.a, r.b.SetInt64(int64(pool)))
	r.set(&r.total, total)
	r.total.Mul(&r.total, r.b.SetInt64(int64(limit)))
	return r.a.Cmp(&r.total) > 0
}
