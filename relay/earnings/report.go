package earnings

import (
	"github.com/fallow-network/fallow/relay/wire"
)

// Report is a node's earnings as the command line and the window show them.
type Report struct {
	Node    wire.Key     `json:"node"`
	Routers []OfRouter   `json:"routers"`
	Epochs  []Epoch      `json:"epochs"`            // closed, by router, newest first
	Damaged []string     `json:"damaged,omitempty"` // what could not be used, or convicts a router
	Fetched *FetchResult `json:"fetched,omitempty"` // nil if nobody was asked
}

// OfRouter sums up one router.
type OfRouter struct {
	Router wire.Key `json:"router"`
	// Cumulative is what the newest statement proves, the one number that the
	// router, its epoch files and this node share.
	Cumulative MicroPoints `json:"cumulative"`
	Newest     uint64      `json:"newest_epoch"`
	// Open is what this node has receipts for that no statement covers yet.
	Open []OpenEpoch `json:"open,omitempty"`
}

// OpenEpoch is one that has not closed, or whose statement is not here yet.
type OpenEpoch struct {
	Epoch uint64 `json:"epoch"`
	Own
}

// Epoch is a statement held against the node's own counts.
type Epoch struct {
	*Statement
	Own         Own          `json:"own"`
	Differences []Difference `json:"differences,omitempty"`
}

// FetchResult is how asking the connected router went.
type FetchResult struct {
	Router  wire.Key `json:"router,omitzero"`
	New     int      `json:"new"`               // statements that came
	Problem string   `json:"problem,omitempty"` // for the user
}

// NewReport puts together what a book and the receipts have. With an epoch other
// than 0 only that one is in it.
func NewReport(node wire.Key, b *Book, receipts []wire.Receipt, epoch uint64) Report {
	report := Report{Node: node, Routers: []OfRouter{}, Epochs: []Epoch{}}
	all, damaged := b.All()
	for _, err := range damaged {
		report.Damaged = append(report.Damaged, err.Error())
	}
	index := make(map[wire.Key]int)
	of := func(router wire.Key) *OfRouter {
		i, ok := index[router]
		if !ok {
			i = len(report.Routers)
			index[router] = i
			report.Routers = append(report.Routers, OfRouter{Router: router})
		}
		return &report.Routers[i]
	}
	type key struct {
		router wire.Key
		epoch  uint64
	}
	stated := make(map[key]bool, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		s := all[i]
		if s.Node != node {
			continue // of an identity that was here before
		}
		stated[key{s.Router, s.Epoch}] = true
		if r := of(s.Router); s.Epoch > r.Newest {
			r.Newest, r.Cumulative = s.Epoch, s.Cumulative
		}
		if epoch != 0 && s.Epoch != epoch {
			continue
		}
		var before *Statement
		if i > 0 && all[i-1].Router == s.Router && all[i-1].Node == node {
			before = all[i-1]
		}
		own := OwnOf(receipts, s.Router, s.Epoch)
		report.Epochs = append(report.Epochs, Epoch{s, own, Compare(s, own, before)})
	}
	for _, r := range receipts {
		k := key{r.Router, r.Epoch}
		if stated[k] || epoch != 0 && r.Epoch != epoch {
			continue
		}
		stated[k] = true
		mine := of(r.Router)
		mine.Open = append(mine.Open, OpenEpoch{r.Epoch, OwnOf(receipts, r.Router, r.Epoch)})
	}
	return report
}
