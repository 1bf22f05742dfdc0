// Package earnings keeps what routers say a node has earned: the statement of each
// closed epoch, with the root the router signed and the hashes that lead from the
// node's line to it. It checks them, compares them with the node's own receipts and
// explains every difference in words.
//
// It fetches nothing; package relay asks routers and hands the answers over. What
// does not prove itself is not kept.
package earnings

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// MicroPoints is an amount of credit in millionths of a point.
type MicroPoints uint64

// String is m in points with all six decimals: "12.345678".
func (m MicroPoints) String() string {
	return fmt.Sprintf("%d.%06d", uint64(m)/1e6, uint64(m)%1e6)
}

// MarshalText is the plain number of micro-points, since JSON readers lose
// integers above 2^53.
func (m MicroPoints) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(m), 10), nil
}

// UnmarshalText reads what MarshalText wrote.
func (m *MicroPoints) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 63)
	*m = MicroPoints(n)
	return err
}

// Statement is the node's line in one epoch of one router, proven: Root is signed
// by the router, and Leaf, Index and Path lead to it.
type Statement struct {
	Router wire.Key  `json:"router"`
	Node   wire.Key  `json:"node"`
	Epoch  uint64    `json:"epoch"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`

	// In the proof.
	Amount     MicroPoints `json:"amount"`     // earned in the epoch
	Cumulative MicroPoints `json:"cumulative"` // earned up to its end
	Payout     wire.Key    `json:"payout"`     // the address that is paid
	// Money is apart from points: shares of sales, in base units of the
	// router's token.
	Royalty     uint64      `json:"royalty,string"`
	RoyaltyEver uint64      `json:"royalty_ever,string"`
	Tree        merkle.Hash `json:"root"`      // of all nodes' lines
	File        merkle.Hash `json:"file_hash"` // of the epoch file that the router publishes
	Nodes       uint64      `json:"nodes"`     // in the epoch

	// How the amount came about, by the router's word; the epoch file proves it.
	Carriage      MicroPoints   `json:"carriage"`
	Availability  MicroPoints   `json:"availability"`
	Correction    MicroPoints   `json:"correction"` // for a challenge of an earlier epoch that was upheld
	BytesSigned   uint64        `json:"bytes_signed"`
	BytesUnsigned uint64        `json:"bytes_unsigned"`
	BytesDisputed uint64        `json:"bytes_disputed"`
	BytesLate     uint64        `json:"bytes_late"` // of earlier epochs, proven after they closed
	OnlineSeconds uint64        `json:"online_seconds"`
	Standing      uint32        `json:"standing_permille"`
	Reasons       []wire.Reason `json:"standing_reasons,omitempty"`
	Scarcity      uint32        `json:"scarcity_permille"`

	// The proof itself, as it came.
	Root          []byte        `json:"root_encoding"`
	RootSignature []byte        `json:"root_signature"`
	Leaf          []byte        `json:"leaf"`
	Index         uint64        `json:"index"`
	Path          []merkle.Hash `json:"path"`
}

// Errors of Check and Statement.Verify.
var (
	ErrProof = errors.New("the statement does not prove itself")
	ErrAbout = errors.New("the statement is about something else")
)

// maxReasons bounds what is kept of why a standing is low.
const maxReasons = 16

// Check makes a Statement of a router's answer with reason OK. epoch is the one
// asked for, 0 for the newest. Errors wrap ErrProof or ErrAbout.
func Check(router, node wire.Key, epoch uint64, a *pb.StatementAnswer) (*Statement, error) {
	s := &Statement{
		Router: router, Node: node, Epoch: a.GetEpoch(),
		Start: time.UnixMilli(a.GetStartUnixMilli()).UTC(), End: time.UnixMilli(a.GetEndUnixMilli()).UTC(),
		Carriage: MicroPoints(a.GetCarriage()), Availability: MicroPoints(a.GetAvailability()),
		Correction: MicroPoints(a.GetCorrection()), BytesLate: a.GetBytesLate(),
		BytesSigned: a.GetBytesSigned(), BytesUnsigned: a.GetBytesUnsigned(), BytesDisputed: a.GetBytesDisputed(),
		OnlineSeconds: a.GetOnlineSeconds(), Standing: a.GetStandingPermille(), Scarcity: a.GetScarcityPermille(),
		Root: a.GetRoot(), RootSignature: a.GetRootSignature(), Leaf: a.GetLeaf(), Index: a.GetIndex(),
	}
	if epoch != 0 && s.Epoch != epoch {
		return nil, fmt.Errorf("%w: epoch %d, asked for %d", ErrAbout, s.Epoch, epoch)
	}
	for _, r := range a.GetStandingReasons()[:min(len(a.GetStandingReasons()), maxReasons)] {
		s.Reasons = append(s.Reasons, wire.Reason(r))
	}
	if len(a.GetPath()) > wire.MaxMerklePath {
		return nil, fmt.Errorf("%w: a way of %d hashes", ErrProof, len(a.GetPath()))
	}
	for _, h := range a.GetPath() {
		if len(h) != len(merkle.Hash{}) {
			return nil, fmt.Errorf("%w: a hash of %d bytes", ErrProof, len(h))
		}
		s.Path = append(s.Path, merkle.Hash(h))
	}
	if err := s.prove(); err != nil {
		return nil, err
	}
	return s, nil
}

// prove follows the proof and sets what it proves.
func (s *Statement) prove() error {
	root, err := wire.OpenRoot(s.Root, s.RootSignature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if root.Router != s.Router || root.Epoch != s.Epoch {
		return fmt.Errorf("%w: the root is of epoch %d of router %s", ErrAbout, root.Epoch, root.Router)
	}
	leaf, err := wire.DecodeLeaf(s.Leaf)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if leaf.Node != s.Node || leaf.Epoch != s.Epoch {
		return fmt.Errorf("%w: the line is of epoch %d of node %s", ErrAbout, leaf.Epoch, leaf.Node)
	}
	if err := merkle.Verify(root.Tree, merkle.Leaf(s.Leaf), s.Index, root.Nodes, s.Path); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	s.Amount, s.Cumulative = MicroPoints(leaf.Amount), MicroPoints(leaf.Cumulative)
	s.Payout, s.Royalty, s.RoyaltyEver = leaf.Payout, leaf.Royalty, leaf.RoyaltyEver
	s.Tree, s.File, s.Nodes = root.Tree, root.File, root.Nodes
	return nil
}

// Verify follows the proof of a statement that was stored, and fails with ErrProof
// or ErrAbout if it does not hold or says something else than the rest.
func (s *Statement) Verify() error {
	proven := *s
	if err := proven.prove(); err != nil {
		return err
	}
	if proven.Amount != s.Amount || proven.Cumulative != s.Cumulative || proven.Tree != s.Tree ||
		proven.Payout != s.Payout || proven.Royalty != s.Royalty || proven.RoyaltyEver != s.RoyaltyEver {
		return fmt.Errorf("%w: it proves %s points of %s, root %s", ErrProof, proven.Amount, proven.Cumulative, hex.EncodeToString(proven.Tree[:8]))
	}
	return nil
}
