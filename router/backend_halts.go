package router

import (
	"context"
	"errors"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/store"
)

// backendHalts fits the fleet's kill switch to the API.
type backendHalts struct {
	fleet   *fleet.Fleet
	crawler *crawl.Crawler
	store   *store.Store
}

var _ api.Halts = backendHalts{}

func (b backendHalts) InForce(context.Context) (api.Halt, error) {
	return haltView(b.fleet.InForce()), nil
}

func (b backendHalts) Stop(ctx context.Context, s api.Stop) (api.Halt, error) {
	stop, err := stopOf(s.StopName)
	if err != nil {
		return api.Halt{}, err
	}
	stop.Reason = s.Reason
	if stop.Scope == wire.HaltJob {
		if _, err := b.store.Job(ctx, stop.Job); err != nil {
			return api.Halt{}, forCaller(err)
		}
	}
	view, err := b.change(ctx, func(stops []wire.Stop) ([]wire.Stop, error) {
		if i := find(stops, stop); i >= 0 {
			stops[i] = stop
			return stops, nil
		}
		return append(stops, stop), nil
	})
	if err != nil || stop.Scope != wire.HaltJob {
		return view, err
	}
	// Nodes refuse it by now; paused, it does not ask them.
	if err := b.crawler.Pause(ctx, stop.Job); err != nil && !errors.Is(err, crawl.ErrState) && !errors.Is(err, store.ErrConflict) {
		return view, forCaller(err)
	}
	return view, nil
}

func (b backendHalts) Lift(ctx context.Context, s api.StopName) (api.Halt, error) {
	stop, err := stopOf(s)
	if err != nil {
		return api.Halt{}, err
	}
	return b.change(ctx, func(stops []wire.Stop) ([]wire.Stop, error) {
		i := find(stops, stop)
		if i < 0 {
			return nil, api.NotFound("there is no such stop in force; fallow-router halt show lists them")
		}
		return slices.Delete(stops, i, i+1), nil
	})
}

// change outlives a caller that hangs up: half of the nodes told is worse than all.
func (b backendHalts) change(ctx context.Context, change func([]wire.Stop) ([]wire.Stop, error)) (api.Halt, error) {
	h, told, err := b.fleet.Halt(context.WithoutCancel(ctx), change)
	if errors.Is(err, wire.ErrHaltMalformed) {
		return api.Halt{}, api.Invalid("%v", err)
	}
	if err != nil {
		return api.Halt{}, err
	}
	view := haltView(h)
	view.Told = &told
	return view, nil
}

func stopOf(s api.StopName) (wire.Stop, error) {
	stop := wire.Stop{Job: s.Job}
	if err := stop.Scope.UnmarshalText([]byte(s.Scope)); err != nil {
		return stop, api.Invalid("scope is %.40q, must be all, router or job", s.Scope)
	}
	if (stop.Scope == wire.HaltJob) != (stop.Job != "") {
		return stop, api.Invalid("a job has to be named with scope job, and with no other")
	}
	return stop, nil
}

func find(stops []wire.Stop, stop wire.Stop) int {
	return slices.IndexFunc(stops, func(s wire.Stop) bool { return s.Scope == stop.Scope && s.Job == stop.Job })
}

func haltView(h *wire.Halt) api.Halt {
	view := api.Halt{Stops: []api.Stop{}}
	if h == nil {
		return view
	}
	view.Sequence, view.At = h.Sequence, &h.At
	for _, s := range h.Stops {
		view.Stops = append(view.Stops, api.Stop{StopName: api.StopName{Scope: s.Scope.String(), Job: s.Job}, Reason: s.Reason})
	}
	return view
}
