package ledger

import (
	"time"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
)

// TokenUnits is money: an amount in base units of the router's one SPL token.
// Points and money are never added to each other; a statement has both, side by
// side. Amounts are never negative.
type TokenUnits int64

// Balance is what one node has earned from the first epoch to the one it
// belongs to, that one included. It only ever grows: whoever knows what was paid
// out before knows what is still owed, whatever was lost or paid in between.
type Balance struct {
	Node      wire.Key    `json:"node"`
	Payout    wire.Key    `json:"payout"` // the Solana address that is paid; the node's key unless it proved another
	Points    MicroPoints `json:"points,string"`
	Royalties TokenUnits  `json:"royalties,string"`
}

// Commitment is what settlement puts on chain about a closed epoch: enough to
// hold its file, and through the file every statement, against the chain.
type Commitment struct {
	Epoch uint64      `json:"epoch"`
	Root  merkle.Hash `json:"root"` // over the leaves of the statements, by node key
	File  merkle.Hash `json:"file"` // the epoch file's hash, the same for its JSON and its Parquet form
	Nodes uint64      `json:"nodes"`

	Points        MicroPoints `json:"points,string"`         // earned in this epoch, all nodes
	Royalties     TokenUnits  `json:"royalties,string"`      // likewise
	PointsEver    MicroPoints `json:"points_ever,string"`    // all nodes in all epochs up to this one
	RoyaltiesEver TokenUnits  `json:"royalties_ever,string"` // likewise

	// SettleFrom is when the challenge window ends; nothing is paid before.
	SettleFrom time.Time `json:"settle_from"`
}
