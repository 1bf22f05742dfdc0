package ledger

// slice is the time of one node in one clump.
type slice struct {
	at     int // index of the statement
	weight weight
}

// shareAvailability shares pool first over clumps, each weighing as much as the
// heaviest node in it did there, then each clump's part over the nodes in it. A
// clump stands where its first node does. Time in no clump counts alone.
func shareAvailability(pool MicroPoints, h *Head, statements []Statement) []MicroPoints {
	amounts := make([]MicroPoints, len(statements))
	slices, first, heaviest := clumps(h, statements)
	if len(first) == 0 {
		return amounts
	}
	var inside []weight
	parts := apportion(pool, heaviest)
	for c, part := range parts {
		members := slices[first[c]:first[c+1]]
		if len(members) == 1 {
			amounts[members[0].at] += part // all of it, also when it weighs nothing: then part is 0
			continue
		}
		inside = inside[:0]
		for _, m := range members {
			inside = append(inside, m.weight)
		}
		for k, amount := range apportion(part, inside) {
			amounts[members[k].at] += amount
		}
	}
	return amounts
}

// clumps groups the time of all nodes: the slices of clump c are those from
// first[c] to first[c+1], in the order of node keys, and heaviest[c] is the
// most that one of them weighs.
func clumps(h *Head, statements []Statement) (grouped []slice, first []int, heaviest []weight) {
	number := make(map[Tag]int, len(statements))
	var of []int // clump of each slice, in the order of nodes
	var all []slice
	var count []int
	for i := range statements {
		s := &statements[i]
		for _, p := range s.Presence {
			c, known := number[p.Clump]
			if !known || p.Clump == (Tag{}) {
				c = len(count)
				number[p.Clump] = c
				count = append(count, 0)
				heaviest = append(heaviest, weight{})
			}
			w := product(p.Seconds, s.multiplier(&h.Params))
			if w.compare(heaviest[c]) > 0 {
				heaviest[c] = w
			}
			count[c]++
			of = append(of, c)
			all = append(all, slice{i, w})
		}
	}
	if len(count) == 0 {
		return nil, nil, nil
	}
	first = make([]int, len(count)+1)
	for c, n := range count {
		first[c+1] = first[c] + n
	}
	next := append([]int(nil), first...)
	grouped = make([]slice, len(all))
	for k, m := range all {
		grouped[next[of[k]]] = m
		next[of[k]]++
	}
	return grouped, first, heaviest
}
