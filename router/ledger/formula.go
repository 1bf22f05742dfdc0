package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// ErrInput is wrapped by errors about inputs the formula cannot take.
var ErrInput = errors.New("invalid epoch input")

// Window is which epoch is computed and how long it was.
type Window struct {
	Epoch   uint64
	Seconds uint64 // whole seconds from start to end
}

// Result is an epoch as the formula sees it.
type Result struct {
	Statements  []Statement // by node key
	Allocated   MicroPoints
	Unallocated Unallocated // Allocated and this are the pool
	Root        merkle.Hash
}

// Compute applies formula 1 (FORMULA.md) to the inputs. before holds what each
// node earned in all earlier epochs. The result depends on nothing else, not
// even on the order of nodes. The error wraps ErrInput or ErrParams.
func Compute(w Window, p Params, nodes []NodeInput, before map[wire.Key]MicroPoints) (Result, error) {
	if err := p.Validate(); err != nil {
		return Result{}, err
	}
	nodes, err := ordered(w.Epoch, nodes)
	if err != nil {
		return Result{}, err
	}
	lines, carried, online := measure(w, p, nodes)

	carriage, availability := p.split()
	forCarriage := apportionCapped(carriage, partOf(carriage, p.NodeCap), carried)
	forOnline := apportionClumped(availability, online, nodes)

	result := Result{Unallocated: Unallocated{carriage, availability}}
	for i := range lines {
		lines[i].Carriage, lines[i].Availability = forCarriage[i], forOnline[i]
		lines[i].Amount = forCarriage[i] + forOnline[i]
		result.Unallocated.Carriage -= forCarriage[i]
		result.Unallocated.Availability -= forOnline[i]
		result.Allocated += lines[i].Amount
	}
	if result.Statements, err = carryForward(lines, p, before); err != nil {
		return Result{}, err
	}
	result.Root = root(w.Epoch, result.Statements)
	return result, nil
}

// ordered is a copy of nodes by key, each with its work by job id, checked.
func ordered(epoch uint64, nodes []NodeInput) ([]NodeInput, error) {
	if len(nodes) > maxNodes {
		return nil, fmt.Errorf("%w: %d nodes, may be %d", ErrInput, len(nodes), maxNodes)
	}
	nodes = append(make([]NodeInput, 0, len(nodes)), nodes...) // never nil: an empty list is [] in JSON
	slices.SortFunc(nodes, func(a, b NodeInput) int { return compareKeys(a.Node, b.Node) })
	for i := range nodes {
		nodes[i].Work = append(make([]Work, 0, len(nodes[i].Work)), nodes[i].Work...)
		slices.SortFunc(nodes[i].Work, func(a, b Work) int { return strings.Compare(a.Job, b.Job) })
	}
	for i, n := range nodes {
		if i > 0 && n.Node == nodes[i-1].Node {
			return nil, fmt.Errorf("%w: node %s twice", ErrInput, n.Node)
		}
		if err := n.check(epoch); err != nil {
			return nil, fmt.Errorf("%w: node %s: %w", ErrInput, n.Node, err)
		}
	}
	return nodes, nil
}

func (n NodeInput) check(epoch uint64) error {
	st := n.Standing
	switch {
	case st.Permille < 0 || st.Permille > permille:
		return fmt.Errorf("standing of %d permille, may be 0 to %d", st.Permille, permille)
	case st.Permille < permille && len(st.Reasons) == 0:
		return fmt.Errorf("standing of %d permille without a reason", st.Permille)
	case len(st.Reasons) > maxReasons:
		return fmt.Errorf("%d reasons, may be %d", len(st.Reasons), maxReasons)
	case !isPlain(n.Clump, maxClump):
		return fmt.Errorf("clump is not up to %d printable ASCII characters", maxClump)
	case n.Country != "" && !isCountry(n.Country):
		return fmt.Errorf("country %.8q is not a two-letter code", n.Country)
	}
	jobs := make(map[string]struct{}, len(n.Work))
	var total uint64
	for _, w := range n.Work {
		if _, twice := jobs[w.Job]; twice {
			return fmt.Errorf("job %.64q twice", w.Job)
		}
		jobs[w.Job] = struct{}{}
		if err := w.checkForm(n.Node, epoch); err != nil {
			return fmt.Errorf("job %.64q: %w", w.Job, err)
		}
		var carry uint64
		if total, carry = bits.Add64(total, w.Counted.bytes(), 0); carry != 0 {
			return errors.New("more bytes than 64 bits can count")
		}
	}
	return nil
}

// isPlain says whether s is short printable ASCII, which has one form in JSON.
func isPlain(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// measure starts a statement for each node, with its two weights: bytes and
// online seconds, each times scarcity and standing.
func measure(w Window, p Params, nodes []NodeInput) (lines []Statement, carried, online []weight) {
	lines = make([]Statement, len(nodes))
	carried = make([]weight, len(nodes))
	online = make([]weight, len(nodes))
	for i, n := range nodes {
		s := Statement{
			Node: n.Node, Country: n.Country, Scarcity: p.scarcity(n.Country), Clump: n.Clump,
			Standing: n.Standing.Permille, Reasons: n.Standing.Reasons,
		}
		for _, work := range n.Work {
			signed, unsigned, disputed := work.carried()
			s.BytesSigned += signed
			s.BytesUnsigned += unsigned
			s.BytesDisputed += disputed
			s.OnlineSeconds += min(work.Counted.OnlineSeconds, w.Seconds)
		}
		multiplier := uint64(s.Scarcity) * uint64(s.Standing)
		carried[i] = product(s.Bytes(), multiplier)
		online[i] = product(s.OnlineSeconds, multiplier)
		lines[i] = s
	}
	return lines, carried, online
}

// apportionClumped shares pool first over clumps, each weighing as much as its
// heaviest node, then inside each clump over its nodes. nodes are by key, and a
// clump stands where its first node does.
func apportionClumped(pool MicroPoints, online []weight, nodes []NodeInput) []MicroPoints {
	var members [][]int
	byName := make(map[string]int)
	for i, n := range nodes {
		at, known := byName[n.Clump]
		if !known || n.Clump == "" {
			at = len(members)
			byName[n.Clump] = at
			members = append(members, nil)
		}
		members[at] = append(members[at], i)
	}

	heaviest := make([]weight, len(members))
	for c, inside := range members {
		for _, i := range inside {
			if online[i].compare(heaviest[c]) > 0 {
				heaviest[c] = online[i]
			}
		}
	}

	amounts := make([]MicroPoints, len(nodes))
	for c, amount := range apportion(pool, heaviest) {
		inside := make([]weight, len(members[c]))
		for k, i := range members[c] {
			inside[k] = online[i]
		}
		for k, part := range apportion(amount, inside) {
			amounts[members[c][k]] = part
		}
	}
	return amounts
}

// carryForward adds what was earned before, and a line for each node that
// earned before and did nothing now.
func carryForward(lines []Statement, p Params, before map[wire.Key]MicroPoints) ([]Statement, error) {
	present := make(map[wire.Key]struct{}, len(lines))
	for i := range lines {
		present[lines[i].Node] = struct{}{}
		earlier := before[lines[i].Node]
		if earlier < 0 || earlier > math.MaxInt64-lines[i].Amount {
			return nil, fmt.Errorf("%w: node %s earned %d micro-points before", ErrInput, lines[i].Node, earlier)
		}
		lines[i].Cumulative = earlier + lines[i].Amount
	}
	for _, node := range slices.SortedFunc(maps.Keys(before), compareKeys) {
		earlier := before[node]
		if _, ok := present[node]; ok || earlier == 0 {
			continue
		}
		if earlier < 0 {
			return nil, fmt.Errorf("%w: node %s earned %d micro-points before", ErrInput, node, earlier)
		}
		lines = append(lines, Statement{
			Node: node, Scarcity: p.scarcity(""), Standing: permille, Cumulative: earlier,
		})
	}
	slices.SortFunc(lines, func(a, b Statement) int { return compareKeys(a.Node, b.Node) })
	return lines, nil
}

func compareKeys(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) }
