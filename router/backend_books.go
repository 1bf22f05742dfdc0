package router

import (
	"context"
	"errors"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

// backendBooks fits objections to the books, and decisions about them, to the
// API.
type backendBooks struct {
	store  *store.Store
	fleet  *fleet.Fleet
	router wire.Key
	now    func() time.Time
}

var _ api.Books = backendBooks{}

// shownChallenges is how many challenges are listed.
const shownChallenges = 1_000

// bookError makes the errors of the store that a caller can act on his.
func bookError(err error) error {
	switch {
	case errors.Is(err, store.ErrInvalid):
		return api.Invalid("%v", err)
	case errors.Is(err, store.ErrConflict):
		return api.Conflict("%v", err)
	case errors.Is(err, store.ErrNotFound):
		return api.NotFound("there is no such challenge; fallow-router epoch challenges lists them")
	case errors.Is(err, store.ErrFull):
		return api.Unavailable("%v", store.ErrFull)
	}
	return epochError(err)
}

func nodeKey(id string) (wire.Key, error) {
	node, err := wire.ParseKey(id)
	if err != nil {
		return node, api.Invalid("%.60q is not the id of a node", id)
	}
	return node, nil
}

func (b backendBooks) Challenges(ctx context.Context, epoch uint64) ([]api.Challenge, error) {
	list, err := b.store.Challenges(ctx, epoch, shownChallenges)
	views := make([]api.Challenge, 0, len(list))
	for _, c := range list {
		views = append(views, challengeView(c))
	}
	return views, err
}

func (b backendBooks) Challenge(ctx context.Context, epoch uint64, c api.NewChallenge) (api.Challenge, error) {
	node, err := nodeKey(c.Node)
	if err != nil {
		return api.Challenge{}, err
	}
	made, err := b.store.AddChallenge(ctx, store.Challenge{Epoch: epoch, Node: node, At: b.now(), Claim: c.Claim})
	if err != nil {
		return api.Challenge{}, bookError(err)
	}
	return challengeView(made), nil
}

func (b backendBooks) DecideChallenge(ctx context.Context, id uint64, d api.ChallengeDecision) (api.Challenge, error) {
	decided, err := b.store.DecideChallenge(ctx, id, ledger.MicroPoints(d.Amount), d.Because, b.now())
	if err != nil {
		return api.Challenge{}, bookError(err)
	}
	return challengeView(decided), nil
}

func challengeView(c store.Challenge) api.Challenge {
	view := api.Challenge{
		ID: c.ID, Epoch: c.Epoch, Node: c.Node.String(), At: c.At, Claim: c.Claim, State: c.State,
		Because: c.Because, Amount: api.MicroPoints(c.Amount), Booked: c.Booked,
	}
	if !c.Decided.IsZero() {
		view.Decided = &c.Decided
	}
	return view
}

func (b backendBooks) Late(ctx context.Context, l api.LateReceipt) (api.LateOutcome, error) {
	r, err := wire.DecodeReceipt(l.Receipt)
	if err != nil {
		return api.LateOutcome{}, api.Invalid("%v", err)
	}
	r.RouterSig, r.NodeSig = l.RouterSig, l.NodeSig
	if r.Router != b.router {
		return api.LateOutcome{}, api.Invalid("the receipt is of router %s, this is %s", r.Router, b.router)
	}
	if err := errors.Join(r.VerifyRouter(), r.VerifyNode()); err != nil {
		return api.LateOutcome{}, api.Invalid("%v", err)
	}
	proven, err := b.store.SaveLate(ctx, *r)
	if err != nil {
		return api.LateOutcome{}, bookError(err)
	}
	return api.LateOutcome{Node: r.Node.String(), Epoch: r.Epoch, Job: r.Job, Proven: proven}, nil
}

// shownStandings is how many low standings are listed.
const shownStandings = 10_000

func (b backendBooks) Standings(ctx context.Context) ([]api.Standing, error) {
	list, err := b.store.LowStandings(ctx, shownStandings)
	views := make([]api.Standing, 0, len(list))
	for _, l := range list {
		views = append(views, api.Standing{Node: l.Node.String(), Permille: l.Permille, Reason: l.Reason.String(), At: l.At, Appeals: l.Appeals})
	}
	return views, err
}

func (b backendBooks) Standing(ctx context.Context, id string) (api.NodeStanding, error) {
	node, err := nodeKey(id)
	if err != nil {
		return api.NodeStanding{}, err
	}
	if _, err := b.store.Node(ctx, node); errors.Is(err, store.ErrNotFound) {
		return api.NodeStanding{}, api.NotFound("node %s was never here", node)
	} else if err != nil {
		return api.NodeStanding{}, err
	}
	return b.standing(ctx, node)
}

func (b backendBooks) standing(ctx context.Context, node wire.Key) (api.NodeStanding, error) {
	view := api.NodeStanding{Node: node.String(), Events: []api.StandingEvent{}, Appeals: []api.Appeal{}}
	now, err := b.store.Standing(ctx, node)
	if err != nil {
		return view, err
	}
	view.Permille = now.Permille
	events, err := b.store.StandingEvents(ctx, node, api.MaxPage)
	for _, e := range events {
		view.Events = append(view.Events, api.StandingEvent{At: e.At, Reason: e.Reason.String(), Permille: e.Permille, Detail: e.Detail})
	}
	if err != nil {
		return view, err
	}
	appeals, err := b.store.Appeals(ctx, node)
	for _, a := range appeals {
		shown := api.Appeal{ID: a.ID, At: a.At, Claim: a.Claim}
		if !a.Decided.IsZero() {
			shown.Decided = &a.Decided
		}
		view.Appeals = append(view.Appeals, shown)
	}
	return view, err
}

func (b backendBooks) Appeal(ctx context.Context, id string, a api.NewAppeal) (api.NodeStanding, error) {
	if _, err := b.Standing(ctx, id); err != nil {
		return api.NodeStanding{}, err
	}
	node, err := nodeKey(id)
	if err != nil {
		return api.NodeStanding{}, err
	}
	if _, err := b.store.AddAppeal(ctx, store.Appeal{Node: node, At: b.now(), Claim: a.Claim}); err != nil {
		return api.NodeStanding{}, bookError(err)
	}
	return b.standing(ctx, node)
}

func (b backendBooks) Decide(ctx context.Context, id string, d api.StandingDecision) (api.NodeStanding, error) {
	before, err := b.Standing(ctx, id)
	if err != nil {
		return before, err
	}
	node, err := nodeKey(id)
	if err != nil {
		return before, err
	}
	reason := wire.OK
	if len(before.Events) > 0 {
		if err := reason.UnmarshalText([]byte(before.Events[0].Reason)); err != nil {
			return before, err
		}
	}
	if reason == wire.OK && d.Permille < ledger.GoodStanding().Permille {
		reason = wire.OperatorDecision
	}
	decision := ledger.Decision{Node: node, At: b.now(), From: before.Permille, To: d.Permille, Reason: reason, Because: d.Because}
	if err := b.store.Decide(ctx, decision); err != nil {
		return before, bookError(err)
	}
	b.fleet.Decided(node)
	return b.standing(ctx, node)
}
