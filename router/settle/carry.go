package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/router/settle/memo"
)

// finishLive takes up the batch that an earlier run left between signature and
// finality.
func (r *run) finishLive(ctx context.Context) error {
	b, attempts, live, err := r.db.Live(ctx)
	if err != nil || !live {
		return err
	}
	r.log.Info("taking up an unfinished batch", "epoch", b.Epoch, "batch", b.Number, "seq", b.Seq, "attempts", len(attempts))
	return r.carry(ctx, b, attempts)
}

// carry brings one batch to its end: signed, stored, sent, watched, and signed
// again only once the attempt before is proven dead. It returns nil when the
// batch is final, and errReplan when it was dropped.
func (r *run) carry(ctx context.Context, b Batch, attempts []Attempt) error {
	signed := 0
	for {
		if len(attempts) == 0 || attempts[len(attempts)-1].State.over() {
			if done, err := r.settled(ctx, &b, attempts); done || err != nil {
				return err
			}
			if signed == r.cfg.MaxAttempts {
				return fmt.Errorf("batch %d of epoch %d: %d attempts in a row did not land, the last because: %s; run again later",
					b.Number, b.Epoch, signed, attempts[len(attempts)-1].Note)
			}
			next, err := r.sign(ctx, &b, len(attempts)+1)
			if err != nil {
				return r.unsigned(ctx, b, attempts, err)
			}
			attempts = append(attempts, next)
			signed++
		}
		last := &attempts[len(attempts)-1]
		if err := r.follow(ctx, b, last); err != nil {
			return err
		}
		if last.State == AttemptFinal {
			return r.confirm(ctx, b, attempts)
		}
	}
}

// confirm waits for the marker of a batch whose transaction is said to be final.
func (r *run) confirm(ctx context.Context, b Batch, attempts []Attempt) error {
	for begun := r.clock.Now(); ; {
		if done, err := r.settled(ctx, &b, attempts); done || err != nil {
			return err
		}
		if r.clock.Now().Sub(begun) >= r.cfg.Patience {
			return fmt.Errorf("%w: transaction %s is said to be final, and the marker of payment %d is not there",
				ErrReconcile, attempts[len(attempts)-1].Signed.Signature, b.Seq)
		}
		if err := r.clock.Sleep(ctx, r.cfg.Poll); err != nil {
			return err
		}
	}
}

// settled looks whether the marker of the batch's seq exists, and if so ends the
// batch: as final, or, when the marker is not of its making, as dropped.
func (r *run) settled(ctx context.Context, b *Batch, attempts []Attempt) (bool, error) {
	if b.Seq == 0 {
		last, err := r.db.LastSeq(ctx)
		if err != nil {
			return false, err
		}
		b.Seq = last + 1
	}
	type result struct {
		landing Landing
		exists  bool
	}
	found, err := retry(ctx, r.Settler, func() (result, error) {
		landing, exists, err := r.chain.Landed(ctx, b.Seq)
		return result{landing, exists}, err
	})
	if err != nil || !found.exists {
		return false, err
	}
	ours := slices.ContainsFunc(attempts, func(a Attempt) bool { return a.Signed.Signature == found.landing.Signature })
	if !ours {
		if b.State == BatchLive {
			if err := r.db.Drop(ctx, b.Epoch, b.Number); err != nil {
				return false, err
			}
		}
		return false, fmt.Errorf("%w: payment %d on the chain was made by another router or before a restored backup", errReplan, b.Seq)
	}
	if err := check(*b, found.landing); err != nil {
		return false, err
	}
	if err := r.db.SaveFinal(ctx, b.Epoch, b.Number, found.landing.Signature, r.clock.Now()); err != nil {
		return false, err
	}
	r.report.Batches++
	r.report.Units += b.Sum()
	r.metrics.paid(*b)
	r.log.Info("batch final", "epoch", b.Epoch, "batch", b.Number, "seq", b.Seq, "payouts", len(b.Payouts),
		"units", int64(b.Sum()), "signature", found.landing.Signature)
	return true, nil
}

// sign makes the next attempt and stores it. The marker of the seq was looked
// for just before and is not there.
func (r *run) sign(ctx context.Context, b *Batch, number int) (Attempt, error) {
	var err error
	if b.Memo, err = r.memo(ctx, *b); err != nil {
		return Attempt{}, err
	}
	signed, err := retry(ctx, r.Settler, func() (Signed, error) { return r.chain.Sign(ctx, *b) })
	if err != nil {
		return Attempt{}, err
	}
	now := r.clock.Now()
	a := Attempt{Number: number, State: AttemptSigned, Signed: signed, Created: now, Updated: now}
	if err := r.db.SaveAttempt(ctx, b.Epoch, b.Number, b.Seq, a); err != nil {
		return Attempt{}, err
	}
	b.State = BatchLive
	r.metrics.attempts.Inc()
	return a, nil
}

// unsigned deals with a batch that cannot be signed as it is. If one payout is
// to blame, it is left out of a new plan: nothing signed for the old one can
// take effect any more, every attempt being over.
func (r *run) unsigned(ctx context.Context, b Batch, attempts []Attempt, err error) error {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Payout < 0 || refused.Payout >= len(b.Payouts) {
		return err
	}
	r.refused[b.Payouts[refused.Payout].Node] = refused.Reason
	if len(attempts) > 0 {
		if err := r.db.Drop(ctx, b.Epoch, b.Number); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errReplan, refused)
}

// follow sends an attempt, and again and again the same bytes, until its end is
// certain. It changes a in step with the database.
func (r *run) follow(ctx context.Context, b Batch, a *Attempt) error {
	mark := func(state AttemptState, note string) error {
		now := r.clock.Now()
		if err := r.db.MarkAttempt(ctx, b.Epoch, b.Number, a.Number, state, note, now); err != nil {
			return err
		}
		a.State, a.Note, a.Updated = state, note, now
		return nil
	}
	if a.State != AttemptSent {
		if err := mark(AttemptSent, ""); err != nil {
			return err
		}
	}
	begun, sent, heard := r.clock.Now(), time.Time{}, "no endpoint has answered"
	for {
		if now := r.clock.Now(); now.Sub(sent) >= r.cfg.Resend {
			if err := r.chain.Send(ctx, a.Signed); err != nil {
				heard = err.Error()
				r.log.Debug("not sent for certain, sending again", "seq", b.Seq, "error", err)
			}
			sent = now
		}
		outcome, err := r.chain.Outcome(ctx, a.Signed)
		switch {
		case err != nil && fatal(err):
			return err
		case err != nil:
			heard = err.Error()
			r.metrics.retries.Inc()
		case outcome.State == Final:
			// The marker, not this word, makes the batch final.
			a.State = AttemptFinal
			return nil
		case outcome.State == Failed:
			r.metrics.failed.Inc()
			return mark(AttemptFailed, outcome.Reason)
		case outcome.State == Expired:
			r.metrics.dead.Inc()
			return mark(AttemptDead, fmt.Sprintf("no block took it until height %d", a.Signed.LastValid))
		case outcome.Reason != "":
			heard = outcome.Reason
		}
		if r.clock.Now().Sub(begun) >= r.cfg.Patience {
			if err := mark(AttemptUnknown, heard); err != nil {
				return err
			}
			return fmt.Errorf("%w: %s after %s (%s); nothing more is sent until it is known: run again", ErrUnknown, a.Signed.Signature, r.cfg.Patience, heard)
		}
		if err := r.clock.Sleep(ctx, r.cfg.Poll); err != nil {
			return err
		}
	}
}

func (s *Settler) memo(ctx context.Context, b Batch) (string, error) {
	switch b.Kind {
	case KindPay:
		return payMemo(b).String(), nil
	case KindRefund:
		return memo.Memo{Kind: KindRefund, Seq: b.Seq, Order: b.Payouts[0].Tag}.String(), nil
	case KindCommit:
	}
	e, err := s.ledger.Epoch(ctx, b.Epoch)
	if err != nil {
		return "", err
	}
	m := memo.Memo{Kind: KindCommit, Epoch: b.Epoch, Seq: b.Seq, Commitment: e.Commitment}
	if s.cfg.Mode == ModePay {
		m.Mint, m.Rate = s.cfg.Mint, s.cfg.Rate
	}
	return m.String(), nil
}

// check compares what the chain shows with what the batch was to pay.
func check(b Batch, l Landing) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: payment %d, transaction %s: %s", ErrReconcile, b.Seq, l.Signature, fmt.Sprintf(format, args...))
	}
	if len(l.Transfers) != len(b.Payouts) {
		return fail("%d transfers, %d were planned", len(l.Transfers), len(b.Payouts))
	}
	for i, p := range b.Payouts {
		if t := l.Transfers[i]; t.Account != p.Account || t.Units != p.Units {
			return fail("transfer %d pays %d to %s, planned were %d to %s", i, t.Units, t.Account, p.Units, p.Account)
		}
	}
	if l.Spent != b.Sum() {
		return fail("the treasury's balance fell by %d, the payouts are %d", l.Spent, b.Sum())
	}
	return nil
}
