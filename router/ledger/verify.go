package ledger

import (
	"crypto/ed25519"
	"fmt"
	"time"

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
	Hash        merkle.Hash `json:"hash"`         // as recomputed; what the chain has
	Nodes       int         `json:"nodes"`        // statements
	Receipts    int         `json:"receipts"`     // receipts whose signatures were checked
	Pool        MicroPoints `json:"pool,string"`
	Allocated   MicroPoints `json:"allocated,string"`
	Unallocated MicroPoints `json:"unallocated,string"`
	Royalties   TokenUnits  `json:"royalties,string"`
	Problems    []Problem   `json:"problems,omitempty"` // the first maxProblems
	Omitted     int         `json:"omitted,omitempty"`  // problems beyond those
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Where string `json:"where"` // the place in the file: "statements[3].amount"
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

// differs adds a problem unless got is want.
func differs[V comparable](r *Report, where string, got, want V) {
	if got != want {
		r.add(where, "is %v, recomputed %v", got, want)
	}
}

// Verify recomputes everything f says: the formula for every node, all sums,
// the root, the hashes and the router's signature. It changes nothing and never
// panics, whatever f holds. That the inputs are what the nodes signed is for
// VerifyReceipts to say.
func (f *File) Verify(o VerifyOptions) Report {
	h := &f.Head
	r := Report{Epoch: h.Epoch, Router: h.Router, Nodes: len(f.Statements), Pool: h.Params.Pool}
	f.verifySeal(&r, o)
	h.verifyTimes(&r)
	f.verifyAmounts(&r)
	if o.Previous != nil {
		o.Previous.verifySeal(&r, VerifyOptions{RouterKey: o.RouterKey})
		f.verifyPrevious(&r, o.Previous)
	}
	return r
}

func (f *File) verifySeal(r *Report, o VerifyOptions) {
	h := &f.Head
	if o.RouterKey != nil {
		r.RouterKnown = true
		if *o.RouterKey != h.Router {
			r.add("head.router", "is %s, expected %s", h.Router, *o.RouterKey)
		}
	}
	if h.Kind != Kind {
		r.add("head.kind", "is %.40q, this program checks %q", h.Kind, Kind)
	}
	hash, err := h.hash()
	if err != nil {
		r.add("head", "cannot be encoded: %v", err)
		return
	}
	if f.Head.Epoch == r.Epoch {
		r.Hash = hash
	}
	if hash != f.Hash {
		r.add("hash", "is %s, the head hashes to %s", f.Hash, hash)
	}
	if len(f.Signature) != ed25519.SignatureSize || !ed25519.Verify(h.Router[:], signed(f.Hash), f.Signature) {
		r.add("signature", "is not router %s's over the hash", h.Router)
	}
	differs(r, "head.statements_sha256", h.Lines, hashLines(f.Statements))
}

func (h *Head) verifyTimes(r *Report) {
	if h.End.Before(h.Start) {
		r.add("head.end", "lies before the start")
	}
	if want := h.End.Add(time.Duration(h.Params.Window) * time.Hour); !h.SettleFrom.Equal(want) {
		r.add("head.settle_from", "is %s, the window of %d hours ends at %s", h.SettleFrom, h.Params.Window, want)
	}
	if clockNote(h.Start, h.End, min(h.Seconds, 1<<40)) == "" {
		return
	}
	for _, n := range h.Notes {
		if n.Kind == NoteClock {
			return
		}
	}
	r.add("head.seconds", "are %d, start and end are %s apart, and no note says why", h.Seconds, h.End.Sub(h.Start))
}

func (f *File) verifyAmounts(r *Report) {
	h := &f.Head
	result, err := Compute(h, f.Statements)
	if err != nil {
		r.add("head", "cannot be recomputed: %v", err)
		return
	}
	var ever MicroPoints
	var royalties TokenUnits
	for i := range f.Statements {
		result.compare(r, i, &f.Statements[i])
		ever += f.Statements[i].Ever
		royalties += f.Statements[i].RoyaltyEver
	}
	r.Root, r.Allocated, r.Unallocated = root(h.Epoch, f.Statements), result.Totals.Allocated(), result.Totals.Unallocated()
	r.Royalties = result.Totals.Royalties
	differs(r, "head.root", h.Root, r.Root)
	if r.Allocated+r.Unallocated != h.Params.Pool {
		r.add("head.totals", "earned %s and unearned %s are not the pool of %s", r.Allocated, r.Unallocated, h.Params.Pool)
	}
	want := result.Totals
	want.PointsEver, want.RoyaltiesEver = h.Totals.PointsEver, h.Totals.RoyaltiesEver
	differs(r, "head.totals", h.Totals, want)
	if h.Totals.PointsEver < ever || h.Totals.RoyaltiesEver < royalties {
		r.add("head.totals", "points ever are %s and royalties ever %d, the statements alone have %s and %d", h.Totals.PointsEver, h.Totals.RoyaltiesEver, ever, royalties)
	}
}

// compare holds the amounts of statement i against those computed.
func (r *Result) compare(report *Report, i int, s *Statement) {
	amount, royalty := r.Amount(i), r.Royalty[i]
	if s.Carriage == r.Carriage[i] && s.Availability == r.Availability[i] && s.Correction == r.Correction[i] &&
		s.Amount == amount && s.Royalty == royalty && s.Ever >= amount && s.RoyaltyEver >= royalty {
		return
	}
	where := func(member string) string { return fmt.Sprintf("statements[%d].%s of node %s", i, member, s.Node) }
	differs(report, where("carriage"), s.Carriage, r.Carriage[i])
	differs(report, where("availability"), s.Availability, r.Availability[i])
	differs(report, where("correction"), s.Correction, r.Correction[i])
	differs(report, where("amount"), s.Amount, amount)
	differs(report, where("royalty"), s.Royalty, royalty)
	if s.Ever < amount || s.RoyaltyEver < royalty {
		report.add(where("amount_ever"), "is %s and royalties ever %d, below what this epoch alone gave", s.Ever, s.RoyaltyEver)
	}
}

func (f *File) verifyPrevious(r *Report, previous *File) {
	h, p := &f.Head, &previous.Head
	if p.Router != h.Router || h.Epoch == 0 || p.Epoch != h.Epoch-1 {
		r.add("head.epoch", "the file given as the previous one is epoch %d of router %s", p.Epoch, p.Router)
		return
	}
	if !p.End.Equal(h.Start) {
		r.add("head.start", "is %s, the previous epoch ended at %s", h.Start, p.End)
	}
	differs(r, "head.totals.points_ever", h.Totals.PointsEver, p.Totals.PointsEver+r.Allocated)
	differs(r, "head.totals.royalties_ever", h.Totals.RoyaltiesEver, p.Totals.RoyaltiesEver+r.Royalties)
	k := 0
	for i := range f.Statements {
		s := &f.Statements[i]
		for k < len(previous.Statements) && compareKeys(previous.Statements[k].Node, s.Node) < 0 {
			k++
		}
		if k == len(previous.Statements) || previous.Statements[k].Node != s.Node {
			continue // what it had stands on an earlier statement; the sums above hold it
		}
		if had := &previous.Statements[k]; s.Ever-s.Amount != had.Ever || s.RoyaltyEver-s.Royalty != had.RoyaltyEver {
			r.add(fmt.Sprintf("statements[%d].amount_ever of node %s", i, s.Node), "starts from %s and %d, the previous epoch ended with %s and %d",
				s.Ever-s.Amount, s.RoyaltyEver-s.Royalty, had.Ever, had.RoyaltyEver)
		}
	}
}
