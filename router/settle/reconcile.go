package settle

import (
	"context"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Reconciliation is what comparing books with the chain has shown.
type Reconciliation struct {
	Next    uint64 // go on from this payment; 0: through
	Batches int    // compared
	Units   Units  // that they paid

	// Of the last part only.
	Treasury Units // the treasury's balance
	Lamports int64
	Ahead    []Held // nodes that were paid more than they have earned
	Unknown  int    // payments on the chain that the database does not know; Run reads them back

	Problems []string
}

// Bounds on what a reconciliation lists, and reads at once.
const (
	maxProblems  = 100
	maxReconcile = 200 // batches

	// Somebody waits for the answer; a run has more patience.
	reconcilePatience = 20 * time.Second
)

// Reconcile compares final batches with the chain, from a payment on, 1 being
// the first: each one's marker, transaction and transfers, and by how much the
// treasury's balance fell. It changes nothing. It does as many as one call
// should, and says where to go on.
func (s *Settler) Reconcile(ctx context.Context, from uint64) (Reconciliation, error) {
	if s.cfg.Mode == ModeOff {
		return Reconciliation{}, ErrOff
	}
	from = max(from, 1)
	var r Reconciliation
	page, err := s.db.Finals(ctx, from, maxReconcile)
	if err != nil {
		return r, err
	}
	for i, b := range page {
		if want := from + uint64(i); b.Seq != want {
			r.problem("payments %d to %d are missing in the database", want, b.Seq-1)
			from = b.Seq - uint64(i)
		}
		if err := s.reconcile(ctx, b, &r); err != nil {
			return r, err
		}
	}
	if len(page) == maxReconcile {
		r.Next = page[len(page)-1].Seq + 1
		return r, nil
	}
	last, err := s.db.LastSeq(ctx)
	if err != nil {
		return r, err
	}
	return r, s.outlook(ctx, last, &r)
}

func (s *Settler) reconcile(ctx context.Context, b FinalBatch, r *Reconciliation) error {
	type result struct {
		landing Landing
		exists  bool
	}
	found, err := retryFor(ctx, s, min(s.cfg.Patience, reconcilePatience), func() (result, error) {
		landing, exists, err := s.chain.Landed(ctx, b.Seq)
		return result{landing, exists}, err
	})
	switch {
	case err != nil:
		return fmt.Errorf("%w: look for payment %d: %w", ErrChain, b.Seq, err)
	case !found.exists:
		r.problem("payment %d (%s) is final in the database and not on the chain", b.Seq, b.Signature)
	case found.landing.Signature != b.Signature:
		r.problem("payment %d is %s on the chain and %s in the database", b.Seq, found.landing.Signature, b.Signature)
	default:
		if err := check(b.Batch, found.landing); err != nil {
			r.problem("%v", err)
		}
	}
	r.Batches++
	r.Units += b.Sum()
	return nil
}

// outlook compares what nodes were paid with what they earned, and looks for
// payments that the database does not know.
func (s *Settler) outlook(ctx context.Context, last uint64, r *Reconciliation) error {
	view, err := retryFor(ctx, s, min(s.cfg.Patience, reconcilePatience), func() (View, error) { return s.chain.Look(ctx, nil) })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChain, err)
	}
	r.Treasury, r.Lamports = view.Units, view.Lamports
	for exists := true; exists && r.Unknown < maxProblems; {
		if _, exists, err = s.chain.Landed(ctx, last+1+uint64(r.Unknown)); err != nil {
			return fmt.Errorf("%w: %w", ErrChain, err)
		}
		if exists {
			r.Unknown++
		}
	}
	paid, err := s.db.Paid(ctx)
	if err != nil {
		return err
	}
	newest, found, err := s.db.Settlement(ctx, 0)
	if err != nil || !found {
		return err
	}
	dues, err := s.ledger.Dues(ctx, newest.Epoch)
	if err != nil {
		return err
	}
	earned := make(map[wire.Key]Due, len(dues))
	for _, d := range dues {
		earned[d.Node] = d
	}
	for node, p := range paid {
		d := earned[node]
		worth, err := s.cfg.Rate.Owed(d.Points, p.Points)
		if err != nil || worth < 0 || p.Royalty > d.Royalty {
			r.Ahead = append(r.Ahead, Held{Node: node, Address: d.Address, Units: p.Units(), Reason: HeldPaidAhead})
		}
	}
	return nil
}

func (r *Reconciliation) problem(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Status is how far settling is, from the database alone.
type Status struct {
	Mode       Mode
	Treasury   wire.Key // zero if mode is off
	Mint       wire.Key
	Rate       Rate
	Running    bool
	Settlement *Settlement // the newest
	Planned    int         // batches of it
	Final      int
	Units      Units  // final
	Waiting    Units  // planned and not final
	Commit     string // signature of its commitment, once final
	Held       []Held
	Live       *Batch
	Attempts   []Attempt // of Live
	LastSeq    uint64
	PaidUnits  Units // to all nodes, ever
}

// Status says how far settling is. It does not look at the chain.
func (s *Settler) Status(ctx context.Context) (Status, error) {
	st := Status{Mode: s.cfg.Mode, Mint: s.cfg.Mint, Rate: s.cfg.Rate, Running: !s.idle()}
	if s.chain != nil {
		st.Treasury = s.chain.Treasury()
	}
	newest, found, err := s.db.Settlement(ctx, 0)
	if err != nil {
		return st, err
	}
	if found {
		st.Settlement = &newest
		if err := s.statusOf(ctx, newest.Epoch, &st); err != nil {
			return st, err
		}
	}
	live, attempts, found, err := s.db.Live(ctx)
	if err != nil {
		return st, err
	}
	if found {
		st.Live, st.Attempts = &live, attempts
	}
	paid, err := s.db.Paid(ctx)
	if err != nil {
		return st, err
	}
	for _, p := range paid {
		st.PaidUnits += p.Units()
	}
	st.LastSeq, err = s.db.LastSeq(ctx)
	return st, err
}

func (s *Settler) statusOf(ctx context.Context, epoch uint64, st *Status) error {
	batches, err := s.db.Batches(ctx, epoch)
	if err != nil {
		return err
	}
	for _, b := range batches {
		switch b.State {
		case BatchFinal:
			if b.Kind == KindCommit {
				st.Commit = b.Signature
			}
			st.Final++
			st.Units += b.Sum()
		case BatchPlanned, BatchLive:
			st.Waiting += b.Sum()
		case BatchDropped:
			continue
		}
		st.Planned++
	}
	st.Held, err = s.db.Held(ctx, epoch)
	return err
}

func (s *Settler) idle() bool {
	if !s.running.TryLock() {
		return false
	}
	s.running.Unlock()
	return true
}
