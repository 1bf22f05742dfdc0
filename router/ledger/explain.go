package ledger

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/fallow-network/fallow/relay/wire"
)

// Line is one part of what a node earned, in numbers and in words.
type Line struct {
	Kind   string      `json:"kind"` // carriage, availability, correction or royalty
	Points MicroPoints `json:"points,string,omitempty"`
	Money  TokenUnits  `json:"money,string,omitempty"` // base units of the token, royalties only
	Words  string      `json:"words"`                  // work × rate × modifiers = amount
}

// Explanation is one node's statement as its owner wants to read it.
type Explanation struct {
	Node        wire.Key    `json:"node"`
	Payout      wire.Key    `json:"payout"`
	Epoch       uint64      `json:"epoch"`
	Lines       []Line      `json:"lines"`
	Amount      MicroPoints `json:"amount,string"`
	Ever        MicroPoints `json:"amount_ever,string"`
	Royalty     TokenUnits  `json:"royalty,string"`
	RoyaltyEver TokenUnits  `json:"royalty_ever,string"`
	Notes       []string    `json:"notes,omitempty"`
}

// Explain says how the amounts of statement i came about. It adds up the whole
// epoch, so it is for one node at a time.
func (f *File) Explain(i int) Explanation {
	s, h := &f.Statements[i], &f.Head
	e := Explanation{
		Node: s.Node, Payout: s.Pays(), Epoch: h.Epoch,
		Amount: s.Amount, Ever: s.Ever, Royalty: s.Royalty, RoyaltyEver: s.RoyaltyEver,
	}
	carriage, availability := h.Params.split(h.Totals.Corrections)
	if s.Bytes() > 0 {
		e.Lines = append(e.Lines, Line{Kind: "carriage", Points: s.Carriage, Words: f.carriageWords(s, carriage)})
	}
	if len(s.Presence) > 0 {
		e.Lines = append(e.Lines, Line{Kind: "availability", Points: s.Availability, Words: f.availabilityWords(s, availability)})
	}
	for _, c := range h.Corrected {
		if c.Node == s.Node {
			e.Lines = append(e.Lines, Line{Kind: "correction", Points: c.Amount, Words: fmt.Sprintf(
				"challenge %d of epoch %d was upheld: %s = %s points", c.Challenge, c.Epoch, c.Because, c.Amount)})
		}
	}
	e.Lines = append(e.Lines, f.royaltyLines(s)...)
	for _, d := range h.Decided {
		if d.Node == s.Node {
			e.Notes = append(e.Notes, fmt.Sprintf("the operator set the standing from %d to %d permille on %s: %s", d.From, d.To, d.At.Format("2006-01-02"), d.Because))
		}
	}
	for _, n := range h.Notes {
		if n.Node == s.Node || n.Node.IsZero() {
			e.Notes = append(e.Notes, n.Text)
		}
	}
	return e
}

// modifiers are the multipliers of s in words.
func (f *File) modifiers(s *Statement) string {
	country := s.Country
	if country == "" {
		country = "country not known"
	}
	words := fmt.Sprintf("scarcity %s (%s) × standing %s", thousandths(f.Head.Params.Scarcity(s.Country)), country, thousandths(s.Standing))
	if len(s.Reasons) > 0 {
		names := make([]string, len(s.Reasons))
		for i, r := range s.Reasons {
			names[i] = r.String()
		}
		words += " (" + strings.Join(names, ", ") + ")"
	}
	return words
}

func (f *File) carriageWords(s *Statement, pool MicroPoints) string {
	h := &f.Head
	var all weight
	for i := range f.Statements {
		o := &f.Statements[i]
		all = all.add(product(o.Bytes()-o.Over(h.Params.SiteCap), o.multiplier(&h.Params)))
	}
	over := s.Over(h.Params.SiteCap)
	words := fmt.Sprintf("%s bytes (%s)", grouped(s.Bytes()-over), s.kindsOfBytes(over))
	words += fmt.Sprintf(" × %s points per GB × %s = %s points", perUnit(pool, all, 1e9*permille*permille), f.modifiers(s), s.Carriage)
	if limit := partOf(pool, h.Params.NodeCap); s.Carriage == limit && h.Params.NodeCap < permille {
		words += fmt.Sprintf(", cut to the most one node can get, %d permille of %s", h.Params.NodeCap, pool)
	}
	return words + fmt.Sprintf("; the rate is %s points for what all nodes carried", pool)
}

// kindsOfBytes lists what the paid bytes consist of.
func (s *Statement) kindsOfBytes(over uint64) string {
	parts := make([]string, 0, 5)
	for _, p := range [...]struct {
		bytes uint64
		words string
	}{
		{s.BytesSigned, "agreed by both ends"}, {s.BytesUnsigned, "by the router's count"}, {s.BytesDisputed, "by the router's count, the node objected"},
		{s.BytesLate, "of earlier epochs, proven late"},
	} {
		if p.bytes > 0 {
			parts = append(parts, grouped(p.bytes)+" "+p.words)
		}
	}
	if over > 0 {
		parts = append(parts, "less "+grouped(over)+" above the cap of a site")
	}
	return strings.Join(parts, ", ")
}

func (f *File) availabilityWords(s *Statement, pool MicroPoints) string {
	h := &f.Head
	_, _, heaviest := clumps(h, f.Statements)
	var all weight
	for _, w := range heaviest {
		all = all.add(w)
	}
	parts := make([]string, 0, len(s.Presence))
	for _, p := range s.Presence {
		part := grouped(p.Seconds) + " s"
		if p.Clump != (Tag{}) {
			if n := f.neighbours(p.Clump); n > 1 {
				part += fmt.Sprintf(" (shared with %d other nodes of clump %.8s)", n-1, p.Clump)
			}
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%s online × %s points per hour × %s = %s points; the rate is %s points for the time of all networks, each of which counts once",
		strings.Join(parts, " + "), perUnit(pool, all, 3600*permille*permille), f.modifiers(s), s.Availability, pool)
}

// neighbours is how many nodes were online in a clump.
func (f *File) neighbours(clump Tag) (n int) {
	for i := range f.Statements {
		for _, p := range f.Statements[i].Presence {
			if p.Clump == clump {
				n++
			}
		}
	}
	return n
}

func (f *File) royaltyLines(s *Statement) (lines []Line) {
	if len(s.Shares) == 0 {
		return nil
	}
	for _, share := range s.Shares {
		sale := f.Head.Sales[share.Sale]
		var holders []int
		var weights []weight
		all := sale.Unknown
		for i := range f.Statements {
			for _, o := range f.Statements[i].Shares {
				if o.Sale == share.Sale {
					holders, weights = append(holders, i), append(weights, weight{lo: o.Records})
					all += o.Records
				}
			}
		}
		for k, amount := range sale.split(weights) {
			if f.Statements[holders[k]].Node != s.Node {
				continue
			}
			lines = append(lines, Line{Kind: "royalty", Money: TokenUnits(amount), Words: fmt.Sprintf(
				"%s of %s unique records in %s version %d × %d base units (%d orders for %d, less the fee of %d) = %d base units",
				grouped(share.Records), grouped(all), sale.Dataset, sale.Version, sale.Shared, sale.Orders, sale.Price, sale.Fee, int64(amount))})
		}
	}
	return lines
}

// perUnit is points for so much weight, with six decimals, rounded down; "0" if
// nobody weighs anything.
func perUnit(pool MicroPoints, all weight, units int64) string {
	if all.zero() {
		return "0"
	}
	var r ratio
	var total, amount big.Int
	r.set(&total, all)
	amount.Mul(big.NewInt(int64(pool)), big.NewInt(units))
	amount.Quo(&amount, &total)
	if !amount.IsInt64() {
		return new(big.Int).Quo(&amount, big.NewInt(int64(Point))).String()
	}
	return MicroPoints(amount.Int64()).String()
}

// thousandths is a permille as a multiplier: "1.000".
func thousandths(permilles int) string {
	return fmt.Sprintf("%d.%03d", permilles/permille, permilles%permille)
}

// grouped is n with a blank between thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}
