package settle

import (
	"context"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/memo"
)

// catchUp reads batches from the chain that the database does not know: those
// made after the backup it was restored from, or by another router with the
// same treasury. It returns how many there were.
func (r *run) catchUp(ctx context.Context) (int, error) {
	last, err := r.db.LastSeq(ctx)
	if err != nil {
		return 0, err
	}
	found := 0
	for ; found < maxFoundAtOnce; found++ {
		seq := last + 1 + uint64(found)
		type result struct {
			landing Landing
			exists  bool
		}
		next, err := retry(ctx, r.Settler, func() (result, error) {
			landing, exists, err := r.chain.Landed(ctx, seq)
			return result{landing, exists}, err
		})
		if err != nil {
			return found, fmt.Errorf("look for payment %d on the chain: %w", seq, err)
		}
		if !next.exists {
			break
		}
		b, err := foundBatch(seq, next.landing)
		if err != nil {
			return found, err
		}
		if err := r.db.SaveFound(ctx, b, next.landing.Signature, r.clock.Now()); err != nil {
			return found, err
		}
		r.report.Found++
		r.metrics.found.Inc()
		r.log.Warn("a payment that this database did not know of was read back from the chain",
			"seq", seq, "epoch", b.Epoch, "kind", string(b.Kind), "units", int64(b.Sum()), "signature", next.landing.Signature)
	}
	return found, r.resolve(ctx)
}

// foundBatch makes a batch of what the chain shows.
func foundBatch(seq uint64, l Landing) (Batch, error) {
	m, err := memo.Parse(l.Memo)
	if err == nil && m.Seq != seq {
		err = fmt.Errorf("its memo says %d", m.Seq)
	}
	if err != nil {
		return Batch{}, fmt.Errorf("%w: payment %d, transaction %s: %w", ErrReconcile, seq, l.Signature, err)
	}
	b := Batch{Epoch: m.Epoch, Seq: seq, Kind: m.Kind, State: BatchFinal, Rate: m.Rate, Memo: l.Memo, Found: true}
	for i, t := range l.Transfers {
		p := Payout{Account: t.Account, Units: t.Units, New: t.New, Tag: m.Tags[i]}
		if m.Kind == KindRefund {
			p.Tag = m.Order
		}
		b.Payouts = append(b.Payouts, p)
	}
	if b.Sum() != l.Spent {
		return Batch{}, fmt.Errorf("%w: payment %d, transaction %s: the treasury's balance fell by %d, the transfers are %d",
			ErrReconcile, seq, l.Signature, l.Spent, b.Sum())
	}
	return b, nil
}

// resolve finds whose the payouts of found batches are, as far as the ledger
// knows those nodes by now. A node it comes to know later is resolved then, and
// always before it is paid, since it is paid from the same list.
func (r *run) resolve(ctx context.Context) error {
	loose, err := r.db.Unresolved(ctx)
	if err != nil || len(loose) == 0 {
		return err
	}
	if r.epoch.Number == 0 { // a refund needs to know of no node
		return nil
	}
	dues, err := r.ledger.Dues(ctx, r.epoch.Number)
	if err != nil {
		return err
	}
	paid, err := r.db.Paid(ctx)
	if err != nil {
		return err
	}
	own := make(map[wire.Key]Due, len(dues)) // by the account of the node's own key
	for _, d := range dues {
		own[r.chain.Account(d.Node)] = d
	}
	for _, l := range loose {
		d, ok := own[l.Payout.Account]
		if l.Payout.Tag != "" {
			if d, ok, err = byTag(dues, l.Payout.Tag); err != nil {
				return err
			}
		}
		if !ok {
			continue
		}
		before := paid[d.Node]
		l.Payout.Node = d.Node
		// What was owed in royalties is the part of it that depends on no rate, and
		// was paid in full with every payout.
		l.Payout.Royalty = min(l.Payout.Units, max(d.Royalty-before.Royalty, 0))
		if err := r.db.Resolve(ctx, l); err != nil {
			return err
		}
		before.Royalty += l.Payout.Royalty
		paid[d.Node] = before
	}
	return nil
}

// byTag is the node a tag stands for, if it is known.
func byTag(dues []Due, tag string) (found Due, ok bool, err error) {
	for _, d := range dues {
		if !memo.Tagged(d.Node.String(), tag) {
			continue
		}
		if ok {
			return Due{}, false, fmt.Errorf("%w: the tag %q of an earlier payment stands for node %s and for %s", ErrReconcile, tag, found.Node, d.Node)
		}
		found, ok = d, true
	}
	return found, ok, nil
}
