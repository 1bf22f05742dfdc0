package settle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Settler settles epochs. It is safe for concurrent use; at most one Settler
// works on a DB at a time. Several on different databases with one treasury do
// no harm: of what they sign for the same Seq one takes effect, and the others
// read it back.
type Settler struct {
	log     *slog.Logger
	clock   Clock
	db      DB
	ledger  Ledger
	chain   Chain
	metrics *Metrics
	cfg     Config

	running sync.Mutex
}

// Clock tells the time and waits; tests have one that does not.
type Clock interface {
	Now() time.Time
	// Sleep returns early with ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Errors a caller branches on.
var (
	// ErrOff says that nothing is settled on a chain.
	ErrOff = errors.New("settlement is off: set settle.mode to commit or pay")
	// ErrBusy says that another run is under way.
	ErrBusy = errors.New("a settlement is running already")
	// ErrChain says that the chain could not be asked.
	ErrChain = errors.New("the chain cannot be read")
	// ErrFunds says that the treasury cannot pay the fees.
	ErrFunds = errors.New("the treasury does not hold enough SOL")
	// ErrUnknown says that what has become of a transaction could not be found
	// out in time. Running again takes up where this left off.
	ErrUnknown = errors.New("the outcome of a transaction is not known yet")
	// ErrReconcile says that the chain does not show what was planned. Nothing
	// more is sent until an operator has looked.
	ErrReconcile = errors.New("the chain does not show what was paid")
	// ErrSuperseded says that a newer epoch has been settled, with all that was
	// owed before.
	ErrSuperseded = errors.New("a newer epoch is settled already, and it includes this one")
)

// New makes a Settler. The chain may be nil if cfg.Mode is off.
func New(log *slog.Logger, clock Clock, db DB, ledger Ledger, chain Chain, metrics *Metrics, cfg Config) (*Settler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Settler{log: log, clock: clock, db: db, ledger: ledger, chain: chain, metrics: metrics, cfg: cfg}, nil
}

// Mode is what goes on the chain.
func (s *Settler) Mode() Mode { return s.cfg.Mode }

// Plan is what Run would do for an epoch now; 0 is the newest that can be
// settled. It looks at the chain, and stores and sends nothing.
func (s *Settler) Plan(ctx context.Context, epoch uint64) (Plan, error) {
	if s.cfg.Mode == ModeOff {
		return Plan{}, ErrOff
	}
	e, err := s.ready(ctx, epoch)
	if err != nil {
		return Plan{}, err
	}
	return s.plan(ctx, e, nil)
}

// ready is the epoch to settle.
func (s *Settler) ready(ctx context.Context, number uint64) (Epoch, error) {
	e, err := s.ledger.Epoch(ctx, number)
	if err != nil {
		return Epoch{}, err
	}
	newest, found, err := s.db.Settlement(ctx, 0)
	if err == nil && found && newest.Epoch > e.Number {
		err = fmt.Errorf("epoch %d: %w (epoch %d)", e.Number, ErrSuperseded, newest.Epoch)
	}
	return e, err
}

// plan makes a plan; refused are nodes to leave out, with the reason.
func (s *Settler) plan(ctx context.Context, e Epoch, refused map[wire.Key]string) (Plan, error) {
	p := planner{cfg: s.cfg, epoch: e, chain: s.chain, refused: refused, commit: true}
	batches, err := s.db.Batches(ctx, e.Number)
	if err != nil {
		return Plan{}, err
	}
	var opened int64
	for _, b := range batches {
		if b.State != BatchFinal && b.State != BatchLive {
			continue
		}
		p.commit = p.commit && b.Kind != KindCommit
		p.spent += b.Sum()
		opened += int64(b.NewAccounts())
	}
	if s.cfg.Mode == ModePay {
		if p.dues, err = s.ledger.Dues(ctx, e.Number); err != nil {
			return Plan{}, err
		}
		if p.paid, err = s.db.Paid(ctx); err != nil {
			return Plan{}, err
		}
	}
	if p.view, err = s.chain.Look(ctx, p.addresses()); err != nil {
		return Plan{}, fmt.Errorf("%w: %w", ErrChain, err)
	}
	p.rent = opened * p.view.AccountRent
	return p.plan(), nil
}

// Report is what a run has done.
type Report struct {
	Epoch   uint64
	Batches int   // made final in this run
	Found   int   // read back from the chain
	Units   Units // paid in this run
	Held    []Held
}

// Run settles an epoch; 0 is the newest that can be settled. It takes up
// whatever an earlier run left, whichever epoch that was for, and can be called
// again at any time: what is paid is not paid again.
func (s *Settler) Run(ctx context.Context, epoch uint64) (Report, error) {
	if s.cfg.Mode == ModeOff {
		return Report{}, ErrOff
	}
	if !s.running.TryLock() {
		return Report{}, ErrBusy
	}
	defer s.running.Unlock()
	s.metrics.running.Set(1)
	defer s.metrics.running.Set(0)
	e, err := s.ready(ctx, epoch)
	if err != nil {
		return Report{}, err
	}
	r := &run{Settler: s, epoch: e, report: Report{Epoch: e.Number}, refused: make(map[wire.Key]string)}
	if err := r.settle(ctx); err != nil {
		s.metrics.failures.Inc()
		s.log.Error("settlement stopped; run it again to go on", "epoch", e.Number, "error", err)
		return r.report, fmt.Errorf("settle epoch %d: %w", e.Number, err)
	}
	s.log.Info("settled", "epoch", e.Number, "batches", r.report.Batches, "units", int64(r.report.Units), "held", len(r.report.Held))
	return r.report, nil
}

// run is one call of Run.
type run struct {
	*Settler
	epoch   Epoch
	report  Report
	refused map[wire.Key]string
}

// errReplan says that what is left has to be planned anew.
var errReplan = errors.New("plan anew")

func (r *run) settle(ctx context.Context) error {
	for range maxReplans {
		err := r.once(ctx)
		if !errors.Is(err, errReplan) {
			return err
		}
		r.log.Info("settlement planned anew", "epoch", r.epoch.Number, "reason", err)
	}
	return fmt.Errorf("the plan changed %d times in one run: run it again", maxReplans)
}

// once ends what is live, catches up with the chain, plans and carries out.
func (r *run) once(ctx context.Context) error {
	if err := r.finishLive(ctx); err != nil {
		return err
	}
	if _, err := r.catchUp(ctx); err != nil {
		return err
	}
	plan, err := retry(ctx, r.Settler, func() (Plan, error) { return r.plan(ctx, r.epoch, r.refused) })
	if err != nil {
		return err
	}
	r.report.Held = plan.Held
	if plan.Short > 0 {
		return fmt.Errorf("%w: fees and rent need %d lamports more than the %d it has; send them to %s, or lower settle.account_budget",
			ErrFunds, plan.Short, plan.View.Lamports, plan.Treasury)
	}
	r.metrics.plan(plan)
	settlement := Settlement{Epoch: r.epoch.Number, Mode: r.cfg.Mode, Planned: r.clock.Now()}
	if err := r.db.SavePlan(ctx, settlement, plan.Batches, plan.Held); err != nil {
		return err
	}
	batches, err := r.db.Batches(ctx, r.epoch.Number)
	if err != nil {
		return err
	}
	for _, b := range batches {
		if b.State != BatchPlanned {
			continue
		}
		if err := r.carry(ctx, b, nil); err != nil {
			return err
		}
	}
	return r.db.Finish(ctx, r.epoch.Number, r.clock.Now())
}

// retry repeats a question to the chain that failed for a while, within
// Patience.
func retry[T any](ctx context.Context, s *Settler, ask func() (T, error)) (T, error) {
	return retryFor(ctx, s, s.cfg.Patience, ask)
}

func retryFor[T any](ctx context.Context, s *Settler, patience time.Duration, ask func() (T, error)) (T, error) {
	deadline := s.clock.Now().Add(patience)
	for {
		answer, err := ask()
		if err == nil || fatal(err) || s.clock.Now().After(deadline) {
			return answer, err
		}
		s.metrics.retries.Inc()
		s.log.Debug("the chain did not answer, asking again", "error", err)
		if err := s.clock.Sleep(ctx, s.cfg.Poll); err != nil {
			return answer, err
		}
	}
}

// fatal says that asking again is of no use.
func fatal(err error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	return refused || errors.Is(err, ErrConfig) || errors.Is(err, context.Canceled) || errors.Is(err, ErrReconcile) || errors.Is(err, ErrHistory)
}
