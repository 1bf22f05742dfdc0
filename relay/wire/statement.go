package wire

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
)

const (
	rootDomain = "fallow-root-v1\n"
	leafDomain = "fallow-statement-v1\n"
)

// Root is what a router signs to say that an epoch closed with this tree of
// statements. Two different ones with the same router and epoch, both signed,
// convict the router.
type Root struct {
	Router Key      `json:"router"`
	Epoch  uint64   `json:"epoch"`
	Nodes  uint64   `json:"nodes"` // leaves of the tree
	Tree   [32]byte `json:"-"`     // its Merkle root
	File   [32]byte `json:"-"`     // SHA-256 of the content of the published epoch file

	Signature []byte `json:"signature"`
}

// Leaf is what the tree of an epoch has of one node. Points and money are never
// added to each other.
type Leaf struct {
	Epoch       uint64
	Node        Key
	Payout      Key    // the Solana address that is paid
	Amount      uint64 // micro-points earned in the epoch
	Cumulative  uint64 // micro-points earned up to its end
	Royalty     uint64 // share of sales in the epoch, in base units of the router's token
	RoyaltyEver uint64 // up to its end
}

// Errors of OpenRoot and DecodeLeaf.
var (
	ErrStatementMalformed = errors.New("statement is malformed")
	ErrRootSignature      = errors.New("signature of the epoch's root does not verify")
)

// Encode is the fixed encoding that the signature covers.
func (r *Root) Encode() []byte {
	e := newEncoder(rootDomain)
	e.fixed(r.Router[:])
	e.uint64(r.Epoch)
	e.uint64(r.Nodes)
	e.fixed(r.Tree[:])
	e.fixed(r.File[:])
	return e.buf
}

// Sign sets the signature. The same root always gets the same one.
func (r *Root) Sign(router ed25519.PrivateKey) { r.Signature = ed25519.Sign(router, r.Encode()) }

// OpenRoot decodes a root and verifies its signature against the router key
// inside it. Errors wrap ErrStatementMalformed or ErrRootSignature.
func OpenRoot(encoded, signature []byte) (*Root, error) {
	d := newDecoder(rootDomain, encoded)
	r := new(Root)
	d.fixed(r.Router[:])
	r.Epoch = d.uint64()
	r.Nodes = d.uint64()
	d.fixed(r.Tree[:])
	d.fixed(r.File[:])
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatementMalformed, err)
	}
	if !r.Router.verify(encoded, signature) {
		return nil, ErrRootSignature
	}
	r.Signature = slices.Clone(signature)
	return r, nil
}

// Encode is the bytes that are hashed as a leaf of the epoch's tree.
func (l *Leaf) Encode() []byte {
	e := newEncoder(leafDomain)
	e.uint64(l.Epoch)
	e.fixed(l.Node[:])
	e.fixed(l.Payout[:])
	for _, v := range []uint64{l.Amount, l.Cumulative, l.Royalty, l.RoyaltyEver} {
		e.uint64(v)
	}
	return e.buf
}

// DecodeLeaf reads the bytes of a leaf. The error wraps ErrStatementMalformed.
func DecodeLeaf(encoded []byte) (*Leaf, error) {
	d := newDecoder(leafDomain, encoded)
	l := new(Leaf)
	l.Epoch = d.uint64()
	d.fixed(l.Node[:])
	d.fixed(l.Payout[:])
	for _, into := range []*uint64{&l.Amount, &l.Cumulative, &l.Royalty, &l.RoyaltyEver} {
		*into = d.uint64()
	}
	if err := d.done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatementMalformed, err)
	}
	if l.Amount > l.Cumulative || l.Cumulative >= maxCount || l.Royalty > l.RoyaltyEver || l.RoyaltyEver >= maxCount {
		return nil, fmt.Errorf("%w: %d of %d micro-points, %d of %d base units", ErrStatementMalformed, l.Amount, l.Cumulative, l.Royalty, l.RoyaltyEver)
	}
	return l, nil
}
