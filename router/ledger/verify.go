package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// VerifyOptions is what the verifier knows besides the file.
type VerifyOptions struct {
	// RouterKey is the key the file must be signed with. Without it the file is
	// held against the key it names itself, which proves that it is whole, not
	// whose it is.
	RouterKey *wire.Key
	// Previous is the file of the epoch before. Without it the cumulative
	// amounts are checked for sums only, not for where they started.
	Previous *File
}

// Report is the outcome of Verify.
type Report struct {
	Epoch       uint64      `json:"epoch"`
	Router      wire.Key    `json:"router"`
	RouterKnown bool        `json:"router_known"` // VerifyOptions named the key
	Root        merkle.Hash `json:"root"`         // as recomputed
	Nodes       int         `json:"nodes"`        // statements
	Receipts    int         `json:"receipts"`     // receipts whose signatures were checked
	Pool        MicroPoints `json:"pool,string"`
	Allocated   MicroPoints `json:"allocated,string"`
	Unallocated MicroPoints `json:"unallocated,string"`
	Problems    []Problem   `json:"problems,omitempty"` // the first maxProblems
	Omitted     int         `json:"omitted,omitempty"`  // problems beyond those
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Where string `json:"where"` // the place in the file: "nodes[3].work[0].counted"
	What  string `json:"what"`
}

const maxProblems = 100

// Valid says whether nothing was found wrong.
func (r Report) Valid() bool { return len(r.Problems) == 0 }

func (r *Report) add(where, format string, args ...any) {
	if len(r.Problems) >= maxProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, Problem{where, fmt.Sprintf(format, args...)})
}

// Verify recomputes everything f says: both signatures of every receipt, the
// formula, the sums, the root, the hash and the router's signature. It changes
// nothing and never panics, whatever f holds.
func (f *File) Verify(o VerifyOptions) Report {
	c := &f.Content
	r := Report{Epoch: c.Epoch, Router: c.Router, Nodes: len(c.Statements), Pool: c.Params.Pool}
	f.verifySeal(&r, o)
	c.verifyHead(&r)
	c.verifyReceipts(&r)
	c.verifyAmounts(&r)
	if o.Previous != nil {
		o.Previous.verifySeal(&r, VerifyOptions{RouterKey: o.RouterKey})
		c.verifyPrevious(&r, &o.Previous.Content)
	}
	return r
}

func (f *File) verifySeal(r *Report, o VerifyOptions) {
	router := f.Content.Router
	if o.RouterKey != nil {
		r.RouterKnown = true
		if *o.RouterKey != router {
			r.add("content.router", "is %s, expected %s", router, *o.RouterKey)
		}
	}
	encoded, err := canonical(f.Content)
	if err != nil {
		r.add("content", "cannot be encoded: %v", err)
		return
	}
	if hash := merkle.Hash(sha256.Sum256(encoded)); hash != f.Hash {
		r.add("hash", "is %s, the content hashes to %s", f.Hash, hash)
	}
	if len(f.Signature) != ed25519.SignatureSize || !ed25519.Verify(router[:], signed(f.Hash), f.Signature) {
		r.add("signature", "is not router %s's over the hash", router)
	}
}

func (c *Content) verifyHead(r *Report) {
	if c.Kind != Kind {
		r.add("content.kind", "is %.40q, this program checks %q", c.Kind, Kind)
	}
	if c.Epoch == 0 {
		r.add("content.epoch", "is 0, epochs start at 1")
	}
	if c.End.Before(c.Start) {
		r.add("content.end", "lies before the start")
	}
	for i := 1; i < len(c.Nodes); i++ {
		if compareKeys(c.Nodes[i-1].Node, c.Nodes[i].Node) >= 0 {
			r.add(fmt.Sprintf("content.nodes[%d]", i), "is not in the order of node keys")
		}
	}
	for i := 1; i < len(c.Statements); i++ {
		if compareKeys(c.Statements[i-1].Node, c.Statements[i].Node) >= 0 {
			r.add(fmt.Sprintf("content.statements[%d]", i), "is not in the order of node keys")
		}
	}
}

func (c *Content) verifyReceipts(r *Report) {
	for i, n := range c.Nodes {
		for k, w := range n.Work {
			where := fmt.Sprintf("content.nodes[%d].work[%d]", i, k)
			if k > 0 && n.Work[k-1].Job >= w.Job {
				r.add(where, "is not in the order of job ids")
			}
			if err := w.checkForm(n.Node, c.Epoch); err != nil {
				r.add(where, "node %s, job %.64q: %v", n.Node, w.Job, err)
				continue
			}
			if err := w.checkSignatures(c.Router, n.Node, c.Epoch); err != nil {
				r.add(where, "node %s, job %.64q: %v", n.Node, w.Job, err)
			}
			r.Receipts++
			if w.Agreed != nil {
				r.Receipts++
			}
		}
	}
}

func (c *Content) verifyAmounts(r *Report) {
	before, ok := c.before(r)
	if !ok {
		return
	}
	window := Window{Epoch: c.Epoch, Seconds: wholeSeconds(c.Start, c.End)}
	result, err := Compute(window, c.Params, c.Nodes, before)
	if err != nil {
		r.add("content", "cannot be recomputed: %v", err)
		return
	}
	r.Root, r.Allocated, r.Unallocated = result.Root, result.Allocated, result.Unallocated.Sum()
	if len(result.Statements) != len(c.Statements) {
		r.add("content.statements", "are %d, recomputed %d", len(c.Statements), len(result.Statements))
	}
	for i := range min(len(result.Statements), len(c.Statements)) {
		compareStatements(r, i, c.Statements[i], result.Statements[i])
	}
	if c.Unallocated != result.Unallocated {
		r.add("content.unallocated", "is %s and %s points, recomputed %s and %s", c.Unallocated.Carriage,
			c.Unallocated.Availability, result.Unallocated.Carriage, result.Unallocated.Availability)
	}
	if c.Root != result.Root {
		r.add("content.root", "is %s, recomputed %s", c.Root, result.Root)
	}
}

// before is what the statements say was earned in earlier epochs.
func (c *Content) before(r *Report) (map[wire.Key]MicroPoints, bool) {
	before, ok := make(map[wire.Key]MicroPoints, len(c.Statements)), true
	for i, s := range c.Statements {
		if s.Amount < 0 || s.Cumulative < s.Amount {
			r.add(fmt.Sprintf("content.statements[%d]", i), "node %s: cumulative amount %s is below the amount %s", s.Node, s.Cumulative, s.Amount)
			ok = false
			continue
		}
		before[s.Node] = s.Cumulative - s.Amount
	}
	return before, ok
}

// compareStatements names the members that differ, by the names in the file.
func compareStatements(r *Report, i int, got, want Statement) {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for k := range g.NumField() {
		if reflect.DeepEqual(g.Field(k).Interface(), w.Field(k).Interface()) {
			continue
		}
		where := fmt.Sprintf("content.statements[%d].%s", i, jsonName(g.Type().Field(k)))
		r.add(where, "node %s: is %v, recomputed %v", got.Node, g.Field(k).Interface(), w.Field(k).Interface())
	}
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func (c *Content) verifyPrevious(r *Report, previous *Content) {
	if previous.Router != c.Router || c.Epoch == 0 || previous.Epoch != c.Epoch-1 {
		r.add("content.epoch", "the file given as the previous one is epoch %d of router %s", previous.Epoch, previous.Router)
		return
	}
	if !previous.End.Equal(c.Start) {
		r.add("content.start", "is %s, the previous epoch ended at %s", c.Start, previous.End)
	}
	earlier := make(map[wire.Key]MicroPoints, len(previous.Statements))
	for _, s := range previous.Statements {
		earlier[s.Node] = s.Cumulative
	}
	for i, s := range c.Statements {
		if had := earlier[s.Node]; s.Cumulative-s.Amount != had {
			r.add(fmt.Sprintf("content.statements[%d].cumulative", i), "node %s: starts from %s, the previous epoch ended with %s", s.Node, s.Cumulative-s.Amount, had)
		}
		delete(earlier, s.Node)
	}
	for node, had := range earlier {
		if had != 0 {
			r.add("content.statements", "node %s earned %s before and has no line", node, had)
		}
	}
}
