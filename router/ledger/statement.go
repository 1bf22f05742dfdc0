package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// Statement is one node's line in an epoch: what it did, what that was weighted
// with, and what it earned. Everything the formula is told about the node stands
// in it, so the statements of an epoch are its inputs and its outcome at once.
//
// A node has a statement in each epoch in which it did or earned something, and
// in no other: what it has earned ever stands on its last one.
type Statement struct {
	Node    wire.Key `json:"node"`
	Payout  wire.Key `json:"payout,omitzero"`   // the Solana address to be paid, where it is not the node's key
	Country string   `json:"country,omitempty"` // ISO 3166-1 alpha-2, "" = not known

	Standing int           `json:"standing_permille"` // 0 to 1000
	Reasons  []wire.Reason `json:"reasons,omitempty"` // why the standing is below 1000; never empty then

	// Bytes are down plus up, over all jobs. The three kinds are paid alike.
	BytesSigned   uint64 `json:"bytes_signed,omitempty,string"`   // both ends agreed
	BytesUnsigned uint64 `json:"bytes_unsigned,omitempty,string"` // the router's count; the node was gone
	BytesDisputed uint64 `json:"bytes_disputed,omitempty,string"` // the router's count; the node objected
	BytesLate     uint64 `json:"bytes_late,omitempty,string"`     // of earlier epochs, proven by receipts that came late

	Presence []Presence  `json:"presence,omitempty"`       // online time by clump, by tag; not above the epoch's length
	Sites    []SiteBytes `json:"capped_sites,omitempty"`   // sites that sent more than the cap, by tag
	Shares   []Share     `json:"royalty_shares,omitempty"` // in the epoch's sales, by sale

	Carriage     MicroPoints `json:"carriage,omitempty,string"`
	Availability MicroPoints `json:"availability,omitempty,string"`
	Correction   MicroPoints `json:"correction,omitempty,string"`
	Amount       MicroPoints `json:"amount,string"`      // the three together
	Ever         MicroPoints `json:"amount_ever,string"` // Amount and all amounts of earlier epochs

	Royalty     TokenUnits `json:"royalty,omitempty,string"`
	RoyaltyEver TokenUnits `json:"royalty_ever,omitempty,string"`
}

// Presence is the time a node was online while it connected from one clump: one
// /24 (IPv4) or one /48 (IPv6). A node that moves has several.
type Presence struct {
	Clump   Tag    `json:"clump,omitzero"` // zero: counts as alone
	Seconds uint64 `json:"seconds,string"`
}

// SiteBytes is what a node carried from and to one site, where that is above
// the cap.
type SiteBytes struct {
	Site  Tag    `json:"site"`
	Bytes uint64 `json:"bytes,string"`
}

// Share is how many unique records of a version that was sold came through a
// node.
type Share struct {
	Sale    int    `json:"sale"` // index in the head's sales
	Records uint64 `json:"records,string"`
}

// Pays is the address that is paid.
func (s *Statement) Pays() wire.Key {
	if s.Payout.IsZero() {
		return s.Node
	}
	return s.Payout
}

// Balance is what the statement says the node has earned ever.
func (s *Statement) Balance() Balance {
	return Balance{Node: s.Node, Payout: s.Pays(), Points: s.Ever, Royalties: s.RoyaltyEver}
}

// Bytes is what the node carried, all kinds together.
func (s *Statement) Bytes() uint64 {
	return s.BytesSigned + s.BytesUnsigned + s.BytesDisputed + s.BytesLate
}

// Over is how many of the bytes are above a site's cap and not paid.
func (s *Statement) Over(siteCap uint64) uint64 {
	var over uint64
	if siteCap == 0 {
		return 0
	}
	for _, site := range s.Sites {
		over += site.Bytes - min(site.Bytes, siteCap)
	}
	return over
}

// Online is the time the node was online, in seconds.
func (s *Statement) Online() uint64 {
	var sum uint64
	for _, p := range s.Presence {
		sum += p.Seconds
	}
	return sum
}

func (s *Statement) multiplier(p *Params) uint64 {
	return uint64(p.Scarcity(s.Country)) * uint64(s.Standing)
}

// check says whether the formula can take s: every number in bounds, every list
// in its one order.
func (s *Statement) check(h *Head) error {
	switch {
	case s.Standing < 0 || s.Standing > permille:
		return fmt.Errorf("standing of %d permille, may be 0 to %d", s.Standing, permille)
	case s.Standing < permille && len(s.Reasons) == 0:
		return fmt.Errorf("standing of %d permille without a reason", s.Standing)
	case s.Standing == permille && len(s.Reasons) > 0:
		return errors.New("reasons for a good standing")
	case len(s.Reasons) > maxReasons:
		return fmt.Errorf("%d reasons, may be %d", len(s.Reasons), maxReasons)
	case s.Country != "" && !isCountry(s.Country):
		return fmt.Errorf("country %.8q is not a two-letter code", s.Country)
	case !s.Payout.IsZero() && s.Payout == s.Node:
		return errors.New("a payout address that is the node's own is left out")
	}
	for _, b := range []uint64{s.BytesSigned, s.BytesUnsigned, s.BytesDisputed, s.BytesLate} {
		if b > maxLineBytes/4 {
			return fmt.Errorf("%d bytes, may be %d", b, uint64(maxLineBytes/4))
		}
	}
	return errors.Join(s.checkPresence(h.Seconds), s.checkSites(h.Params.SiteCap), s.checkShares(len(h.Sales)))
}

func (s *Statement) checkPresence(length uint64) error {
	if len(s.Presence) > MaxPresence {
		return fmt.Errorf("%d clumps, may be %d", len(s.Presence), MaxPresence)
	}
	left := length
	for i, p := range s.Presence {
		if i > 0 && compareTags(s.Presence[i-1].Clump, p.Clump) >= 0 {
			return errors.New("clumps are not in the order of their tags")
		}
		if p.Seconds == 0 || p.Seconds > left {
			return fmt.Errorf("online for %d seconds in clump %d, the epoch has %d left", p.Seconds, i, left)
		}
		left -= p.Seconds
	}
	return nil
}

func (s *Statement) checkSites(siteCap uint64) error {
	if len(s.Sites) > MaxSites {
		return fmt.Errorf("%d capped sites, may be %d", len(s.Sites), MaxSites)
	}
	left := s.Bytes()
	for i, site := range s.Sites {
		if i > 0 && compareTags(s.Sites[i-1].Site, site.Site) >= 0 {
			return errors.New("capped sites are not in the order of their tags")
		}
		if site.Bytes <= siteCap || site.Bytes > left {
			return fmt.Errorf("site %d sent %d bytes: the cap is %d, and of the node's bytes there are %d left", i, site.Bytes, siteCap, left)
		}
		left -= site.Bytes
	}
	return nil
}

func (s *Statement) checkShares(sales int) error {
	for i, share := range s.Shares {
		if share.Sale < 0 || share.Sale >= sales || i > 0 && s.Shares[i-1].Sale >= share.Sale {
			return fmt.Errorf("share %d is in sale %d of %d, or out of order", i, share.Sale, sales)
		}
		if share.Records == 0 || share.Records > maxRecords {
			return fmt.Errorf("share %d has %d records", i, share.Records)
		}
	}
	return nil
}

// maxRecords bounds the records of one node in one version; times any price it
// stays within a weight.
const maxRecords = 1 << 48

func compareKeys(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) }

// Leaf is the statement's leaf in the tree of its epoch.
func (s *Statement) Leaf(epoch uint64) merkle.Hash {
	leaf := s.WireLeaf(epoch)
	return merkle.Leaf(leaf.Encode())
}

// WireLeaf is what is hashed as the statement's leaf, and shown to its node.
func (s *Statement) WireLeaf(epoch uint64) wire.Leaf {
	return wire.Leaf{
		Epoch: epoch, Node: s.Node, Payout: s.Pays(), Amount: uint64(s.Amount), Cumulative: uint64(s.Ever),
		Royalty: uint64(s.Royalty), RoyaltyEver: uint64(s.RoyaltyEver),
	}
}

// Tree is the tree over statements, which are by node key.
func Tree(epoch uint64, statements []Statement) *merkle.Tree {
	leaves := make([]merkle.Hash, len(statements))
	for i := range statements {
		leaves[i] = statements[i].Leaf(epoch)
	}
	return merkle.NewTree(leaves)
}

func root(epoch uint64, statements []Statement) merkle.Hash {
	var tree merkle.Builder
	for i := range statements {
		tree.Add(statements[i].Leaf(epoch))
	}
	return tree.Root()
}
