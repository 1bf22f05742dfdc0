package paid

import (
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// Claims are what an epoch file says of each node that ever earned anything. The
// file has to be verified before.
func Claims(f *ledger.File) []Claim {
	list := make([]Claim, len(f.Content.Statements))
	for i, s := range f.Content.Statements {
		list[i] = Claim{
			Router: f.Content.Router, Epoch: f.Content.Epoch, Root: f.Content.Root, File: f.Hash,
			Node: s.Node, Address: s.Node, Points: memo.MicroPoints(s.Cumulative),
		}
	}
	return list
}
