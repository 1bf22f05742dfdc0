package settle

import (
	"context"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
)

// Refund pays a buyer back: what is missing of total, which counts everything
// that was ever paid back for the order. It returns how much that is now. Refunds
// take their turn among the payments, so one is paid once, whatever happens;
// after an error the same call goes on.
func (s *Settler) Refund(ctx context.Context, order string, to wire.Key, total Units) (Units, error) {
	if s.cfg.Mode != ModePay {
		return 0, fmt.Errorf("pay order %s back: %w", order, ErrOff)
	}
	if !s.running.TryLock() {
		return 0, ErrBusy
	}
	defer s.running.Unlock()
	r := &run{Settler: s, refused: make(map[wire.Key]string)}
	if err := r.finishLive(ctx); err != nil {
		return 0, err
	}
	if _, err := r.catchUp(ctx); err != nil {
		return 0, err
	}
	refunded, err := s.db.Refunded(ctx, order)
	if err != nil || refunded >= total {
		return refunded, err
	}
	b, err := s.refund(ctx, order, to, total-refunded)
	if err == nil {
		err = r.carry(ctx, b, nil)
	}
	refunded, err2 := s.db.Refunded(ctx, order)
	if err == nil {
		err = err2
	}
	if err != nil {
		err = fmt.Errorf("pay order %s back: %w", order, err)
	}
	return refunded, err
}

// refund plans one.
func (s *Settler) refund(ctx context.Context, order string, to wire.Key, units Units) (Batch, error) {
	view, err := retry(ctx, s, func() (View, error) { return s.chain.Look(ctx, []wire.Key{to}) })
	switch {
	case err != nil:
		return Batch{}, err
	case view.Units < units:
		return Batch{}, fmt.Errorf("%w: it holds %d base units, the refund is %d", ErrFunds, view.Units, units)
	case view.Accounts[0] != AccountReady && view.Accounts[0] != AccountMissing:
		return Batch{}, fmt.Errorf("address %s cannot be paid: name another", to)
	}
	return s.db.SaveRefund(ctx, Batch{Kind: KindRefund, Rate: s.cfg.Rate, Payouts: []Payout{{
		Address: to, Account: s.chain.Account(to), Tag: order, Units: units, New: view.Accounts[0] == AccountMissing,
	}}})
}
