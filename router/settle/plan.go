package settle

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// Plan is what settling an epoch would do now. Nothing is stored or sent.
type Plan struct {
	Epoch    Epoch
	Mode     Mode
	Treasury wire.Key
	Mint     wire.Key
	Rate     Rate
	View     View // without Accounts

	Batches []Batch
	Held    []Held

	Units       Units // paid by the batches
	HeldUnits   Units // put off
	NewAccounts int   // token accounts the batches create
	Costs       Costs
	Short       int64 // lamports the treasury lacks for the costs
}

// Costs are estimated lamports.
type Costs struct {
	Fees, AccountRent, MarkerRent int64
}

// Sum is all of them.
func (c Costs) Sum() int64 { return c.Fees + c.AccountRent + c.MarkerRent }

// sizingSeq stands for a batch's sequence number while its size is computed: as
// long as any that will come.
const sizingSeq = 9_999_999

// planner makes a plan from what is known. It is pure.
type planner struct {
	cfg     Config
	epoch   Epoch
	dues    []Due
	paid    map[wire.Key]Paid
	refused map[wire.Key]string // nodes whose payouts the chain refused in this run
	spent   Units               // by this epoch already
	rent    int64               // lamports spent on new accounts by this epoch already
	commit  bool                // the memo is still to be written
	chain   Chain               // Size and Account only
	view    View                // Accounts in the order of addresses()
}

// owing is a payout that is wanted, before the limits.
type owing struct {
	due     Due
	payout  Payout
	account AccountState
	held    HeldReason
	detail  string
}

// addresses are those the planner wants View.Accounts for, each once, in a
// fixed order.
func (p *planner) addresses() []wire.Key {
	var list []wire.Key
	if p.cfg.Mode != ModePay {
		return list
	}
	for _, o := range p.owed() {
		if o.held == "" {
			list = append(list, o.due.Address)
		}
	}
	slices.SortFunc(list, compareKeys)
	return slices.Compact(list)
}

// owed is what each node is owed and not paid, held back where that is clear
// without a look at the chain.
func (p *planner) owed() []owing {
	var list []owing
	for _, d := range p.dues {
		o := owing{due: d}
		if o.due.Address.IsZero() {
			o.due.Address = d.Node
		}
		paid := p.paid[d.Node]
		worth, err := p.cfg.Rate.Owed(d.Points, paid.Points)
		royalty := d.Royalty - paid.Royalty
		o.payout = Payout{
			Node: d.Node, Address: o.due.Address, Account: p.chain.Account(o.due.Address),
			Units: worth + royalty, Royalty: royalty,
		}
		switch {
		case err != nil || worth > math.MaxInt64-max(royalty, 0):
			o.held, o.payout.Units = HeldUnreadable, 0
		case worth < 0 || royalty < 0:
			o.held, o.detail = HeldPaidAhead, fmt.Sprintf("by %d base units", max(-worth, 0)+max(-royalty, 0))
			o.payout.Units = 0
		case o.payout.Units == 0:
			continue
		case p.refused[d.Node] != "":
			o.held, o.detail = HeldRefused, p.refused[d.Node]
		case o.payout.Units < p.cfg.Threshold:
			o.held = HeldThreshold
		}
		list = append(list, o)
	}
	return list
}

func (p *planner) plan() Plan {
	result := Plan{Epoch: p.epoch, Mode: p.cfg.Mode, Treasury: p.chain.Treasury(), View: p.view}
	result.View.Accounts = nil
	if p.commit {
		result.Batches = append(result.Batches, Batch{Epoch: p.epoch.Number, Kind: KindCommit, State: BatchPlanned})
	}
	if p.cfg.Mode == ModePay {
		result.Mint, result.Rate = p.cfg.Mint, p.cfg.Rate
		list := p.limited(p.owed())
		for _, o := range list {
			if o.held != "" {
				result.Held = append(result.Held, Held{Node: o.due.Node, Address: o.due.Address, Units: o.payout.Units, Reason: o.held, Detail: o.detail})
				result.HeldUnits += o.payout.Units
			}
		}
		result.Batches = append(result.Batches, p.pack(list)...)
	}
	for i := range result.Batches {
		b := &result.Batches[i]
		b.Number = i
		result.Units += b.Sum()
		result.NewAccounts += b.NewAccounts()
		result.Costs.Fees += p.view.Fee
		result.Costs.MarkerRent += p.view.MarkerRent
	}
	result.Costs.AccountRent = int64(result.NewAccounts) * p.view.AccountRent
	result.Short = max(result.Costs.Sum()-p.view.Lamports, 0)
	return result
}

// limited applies what depends on the chain and on the limits. Where something
// runs out, who is owed most goes first; of equals, the smaller node key.
func (p *planner) limited(list []owing) []owing {
	addresses := p.addresses()
	slices.SortFunc(list, func(a, b owing) int {
		return cmp.Or(cmp.Compare(b.payout.Units, a.payout.Units), compareKeys(a.due.Node, b.due.Node))
	})
	left := min(p.cfg.SpendingCap-p.spent, p.view.Units)
	cap := p.cfg.SpendingCap-p.spent <= p.view.Units
	rent := p.cfg.AccountBudget - p.rent
	opened := make(map[wire.Key]bool) // two nodes may share an account
	for i := range list {
		o := &list[i]
		if o.held != "" {
			continue
		}
		at, _ := slices.BinarySearchFunc(addresses, o.due.Address, compareKeys)
		o.account = p.view.Accounts[at]
		o.payout.New = o.account == AccountMissing && !opened[o.due.Address]
		switch {
		case o.account == AccountFrozen:
			o.held = HeldFrozen
		case o.account == AccountForeign:
			o.held = HeldForeign
		case o.account == AccountBarred:
			o.held = HeldBarred
		case o.payout.New && o.payout.Units < p.cfg.AccountThreshold:
			o.held = HeldNewAccount
		case o.payout.New && rent < p.view.AccountRent:
			o.held = HeldBudget
		case o.payout.Units > left && cap:
			o.held = HeldCap
		case o.payout.Units > left:
			o.held = HeldTreasury
		default:
			left -= o.payout.Units
			if o.payout.New {
				opened[o.due.Address] = true
				rent -= p.view.AccountRent
			}
			continue
		}
		o.payout.New = false
	}
	return list
}

// pack fills transactions to the byte: first those that open accounts, then the
// others, each into the transaction begun or a next one. What the last of the
// first kind leaves free, the second kind uses.
func (p *planner) pack(list []owing) []Batch {
	var payouts []Payout
	for _, o := range list {
		if o.held == "" {
			payouts = append(payouts, o.payout)
		}
	}
	p.tag(payouts)
	// Payouts to an account opened here follow in the same order as it, so they
	// come in the same transaction or a later one.
	slices.SortStableFunc(payouts, func(a, b Payout) int {
		if a.New != b.New {
			if a.New {
				return -1
			}
			return 1
		}
		return cmp.Or(len(a.Tag)-len(b.Tag), compareKeys(a.Node, b.Node))
	})
	var batches []Batch
	open := Batch{}
	for _, payout := range payouts {
		next := open
		next.Payouts = append(slices.Clip(open.Payouts), payout)
		if len(open.Payouts) > 0 && !p.fits(next) {
			batches = append(batches, open)
			next.Payouts = []Payout{payout}
		}
		open = next
	}
	if len(open.Payouts) > 0 {
		batches = append(batches, open)
	}
	for i := range batches {
		batches[i].Epoch, batches[i].Kind, batches[i].Rate, batches[i].State = p.epoch.Number, KindPay, p.cfg.Rate, BatchPlanned
	}
	return batches
}

func (p *planner) fits(b Batch) bool {
	if p.cfg.MaxPayouts > 0 && len(b.Payouts) > p.cfg.MaxPayouts {
		return false
	}
	b.Kind, b.Epoch, b.Seq, b.Rate = KindPay, p.epoch.Number, sizingSeq, p.cfg.Rate
	b.Memo = payMemo(b).String()
	size, limit := p.chain.Size(b)
	return size <= limit
}

// tag marks the payouts whose account does not tell the node: the start of its
// id, as short as nobody else's in this epoch.
func (p *planner) tag(payouts []Payout) {
	var ids []string
	for i := range payouts {
		o := &payouts[i]
		if o.Address == o.Node {
			continue
		}
		if ids == nil {
			for _, d := range p.dues {
				ids = append(ids, d.Node.String())
			}
			slices.Sort(ids)
		}
		o.Tag = shortest(ids, o.Node.String())
	}
}

// shortest is the start of id that no other of ids, which are sorted, has.
func shortest(ids []string, id string) string {
	length := memo.MinTag
	at, _ := slices.BinarySearch(ids, id)
	for _, k := range []int{at - 1, at + 1} {
		if k < 0 || k >= len(ids) {
			continue
		}
		same := 0
		for same < min(len(id), len(ids[k])) && id[same] == ids[k][same] {
			same++
		}
		length = max(length, min(same+1, len(id)))
	}
	return id[:length]
}

func payMemo(b Batch) memo.Memo {
	m := memo.Memo{Kind: KindPay, Epoch: b.Epoch, Seq: b.Seq, Rate: b.Rate}
	for i, p := range b.Payouts {
		if p.Tag != "" {
			if m.Tags == nil {
				m.Tags = make(map[int]string)
			}
			m.Tags[i] = p.Tag
		}
	}
	return m
}

func compareKeys(a, b wire.Key) int { return bytes.Compare(a[:], b[:]) }
