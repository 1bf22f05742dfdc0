package router

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/fleet"
)

// backendNodes fits the fleet to the API.
type backendNodes struct {
	fleet *fleet.Fleet
	db    fleetDB
}

var _ api.Nodes = backendNodes{}

// shownEvents is how many standing events of each node are listed.
const shownEvents = 10

func (b backendNodes) List(ctx context.Context, p api.Page) ([]api.Node, error) {
	list := b.fleet.Connected()
	slices.SortFunc(list, func(x, y fleet.Connected) int { return cmp.Compare(x.Key.String(), y.Key.String()) })
	views := make([]api.Node, 0, min(len(list), p.Limit))
	for _, c := range list {
		if len(views) == p.Limit {
			break
		}
		if c.Key.String() <= p.After {
			continue
		}
		view, err := b.view(ctx, c)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

func (b backendNodes) Count(context.Context) (connected, sharing int, err error) {
	connected, sharing = b.fleet.Count()
	return connected, sharing, nil
}

func (b backendNodes) view(ctx context.Context, c fleet.Connected) (api.Node, error) {
	view := api.Node{
		ID: c.Key.String(), Country: c.Country, Clump: c.Clump, Platform: c.Platform, Agent: c.AgentVersion,
		Since: c.Since, RTT: float64(c.RTT) / float64(time.Millisecond), Sharing: c.Sharing.String(),
		InFlight: c.InFlight, MaxTunnels: c.MaxTunnels, Standing: c.Standing, ServedRatio: c.ServedRatio,
		Events: []api.StandingEvent{},
	}
	if !c.SharingAgain.IsZero() {
		view.SharesAgain = &c.SharingAgain
	}
	if time.Now().Before(c.Quarantine) {
		view.Quarantine = &api.Quarantine{Until: c.Quarantine, Reason: c.Quarantined.String()}
	}
	events, err := b.db.Standing(ctx, c.Key, shownEvents)
	for _, e := range events {
		view.Events = append(view.Events, api.StandingEvent{At: e.At, Reason: e.Reason.String(), Permille: e.Permille, Detail: e.Detail})
	}
	return view, err
}
