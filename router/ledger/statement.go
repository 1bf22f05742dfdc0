package ledger

import (
	"encoding/binary"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// Statement is one node's line in an epoch: what it did, what that was
// weighted with, and what it earned. A node that earned in an earlier epoch
// keeps a line with the amount 0, so that the newest root alone proves what
// everybody has ever earned.
type Statement struct {
	Node wire.Key `json:"node"`

	BytesSigned   uint64 `json:"bytes_signed,string"`   // both ends agreed
	BytesUnsigned uint64 `json:"bytes_unsigned,string"` // the router's count; the node was gone
	BytesDisputed uint64 `json:"bytes_disputed,string"` // the router's count; the node objected
	OnlineSeconds uint64 `json:"online_seconds,string"` // never above the epoch's length

	Country  string        `json:"country"`
	Scarcity int           `json:"scarcity_permille"`
	Clump    string        `json:"clump"`
	Standing int           `json:"standing_permille"`
	Reasons  []wire.Reason `json:"reasons,omitempty"` // why the standing is below 1000

	Carriage     MicroPoints `json:"carriage,string"`
	Availability MicroPoints `json:"availability,string"`
	Amount       MicroPoints `json:"amount,string"`     // the two together
	Cumulative   MicroPoints `json:"cumulative,string"` // Amount and all amounts of earlier epochs
}

// Bytes is what the node is paid for.
func (s Statement) Bytes() uint64 { return s.BytesSigned + s.BytesUnsigned + s.BytesDisputed }

// Unallocated is what of each part nobody earned.
type Unallocated struct {
	Carriage     MicroPoints `json:"carriage,string"`
	Availability MicroPoints `json:"availability,string"`
}

// Sum is both parts together.
func (u Unallocated) Sum() MicroPoints { return u.Carriage + u.Availability }

const statementDomain = "fallow-statement-v1\n"

// Leaf is the statement's leaf in the tree of its epoch: the domain, then
// epoch (8 bytes, big-endian), node (32), amount (8) and cumulative amount (8).
func (s Statement) Leaf(epoch uint64) merkle.Hash {
	b := make([]byte, 0, len(statementDomain)+8+len(s.Node)+8+8)
	b = append(b, statementDomain...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = append(b, s.Node[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Amount))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Cumulative))
	return merkle.Leaf(b)
}

// root is that of statements in their order, which is by node key.
func root(epoch uint64, statements []Statement) merkle.Hash {
	var tree merkle.Builder
	for _, s := range statements {
		tree.Add(s.Leaf(epoch))
	}
	return tree.Root()
}
