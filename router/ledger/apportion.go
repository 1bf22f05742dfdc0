package ledger

import "slices"

// apportion splits pool in proportion to weights, to the last micro-point:
// each gets the whole part of its exact share, and what is left goes, one
// each, to the largest remainders; of equal remainders the earlier index wins.
// If all weights are zero, nobody gets anything.
func apportion(pool MicroPoints, weights []weight) []MicroPoints {
	amounts := make([]MicroPoints, len(weights))
	share(pool, weights, amounts, nil)
	return amounts
}

// apportionCapped is apportion where nobody gets more than limit. The heaviest
// go first: while the exact share of the heaviest that is left, in what is
// left of the pool, exceeds limit, it gets limit and leaves. The others share
// the rest, so none of their exact shares exceeds limit and neither does one
// rounded up. What cannot be given, because everybody is at limit, stays.
func apportionCapped(pool, limit MicroPoints, weights []weight) []MicroPoints {
	amounts := make([]MicroPoints, len(weights))
	if limit >= pool {
		share(pool, weights, amounts, nil)
		return amounts
	}
	order := byWeight(weights)
	total := sum(weights)
	capped := make([]bool, len(weights))
	var r ratio
	for _, i := range order {
		if weights[i].zero() || !r.exceeds(pool, weights[i], total, limit) {
			break
		}
		amounts[i], capped[i] = limit, true
		pool -= limit
		total = total.sub(weights[i])
	}
	share(pool, weights, amounts, capped)
	return amounts
}

// share fills amounts of those not in skip; a nil skip skips nobody.
func share(pool MicroPoints, weights []weight, amounts []MicroPoints, skip []bool) {
	in := func(i int) bool { return skip == nil || !skip[i] }
	var total weight
	for i, w := range weights {
		if in(i) {
			total = total.add(w)
		}
	}
	if total.zero() {
		return
	}
	rests := make([]weight, len(weights))
	left := pool
	var r ratio
	for i, w := range weights {
		if in(i) {
			amounts[i], rests[i] = r.share(pool, w, total)
			left -= amounts[i]
		}
	}
	// The remainders sum to left*total and each is below total, so more than
	// left-1 of them are above zero: only such indices are reached here.
	for _, i := range byWeight(rests)[:left] {
		amounts[i]++
	}
}

// byWeight is the indices, heaviest first, the earlier index first among equals.
func byWeight(weights []weight) []int {
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := weights[b].compare(weights[a]); c != 0 {
			return c
		}
		return a - b
	})
	return order
}

func sum(weights []weight) weight {
	var total weight
	for _, w := range weights {
		total = total.add(w)
	}
	return total
}
