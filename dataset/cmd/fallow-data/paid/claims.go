package paid

import (
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// Claims are what an epoch file says of each node with a statement in it: what
// the node has earned up to its end. The file has to be verified before.
func Claims(f *ledger.File) []Claim {
	list := make([]Claim, len(f.Statements))
	for i := range f.Statements {
		b := f.Statements[i].Balance()
		list[i] = Claim{
			Router: f.Head.Router, Epoch: f.Head.Epoch, Root: f.Head.Root, File: f.Hash,
			Node: b.Node, Address: b.Payout, Points: memo.MicroPoints(b.Points), Royalty: memo.Units(b.Royalties),
		}
	}
	return list
}
