package crawl

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/dedupe"
)

// askingRun is the context key of the run for which the gate reads.
type askingRun struct{}

// robotsFetcher gets robots.txt and its kin through nodes, like any page, but
// whatever their country: other jobs wait for the same answer. The item in
// flight holds the site's turn meanwhile; pace spaces the requests.
type robotsFetcher struct{ c *Crawler }

func (f robotsFetcher) FetchRobots(ctx context.Context, u *url.URL) (gate.Response, error) {
	r, ok := ctx.Value(askingRun{}).(*run)
	if !ok {
		return gate.Response{}, errors.New("robots.txt asked for outside a job")
	}
	address, err := dedupe.Canonical(u.String())
	if err != nil {
		return gate.Response{}, err
	}
	got, err := f.carry(ctx, r, target{url: u.String(), site: address.Site, delay: f.c.cfg.Frontier.MinDelay})
	if err != nil {
		return gate.Response{}, err
	}
	after, _ := fetch.RetryAfter(got.Header, f.c.now())
	return gate.Response{
		Status: got.Status, Location: got.Header.Get("Location"), RetryAfter: after, Body: got.Body,
	}, nil
}

// carry waits for a node as long as the gate lets it: an error would stand as
// the site's for a while, and a busy fleet is not the site's doing.
func (f robotsFetcher) carry(ctx context.Context, r *run, to target) (*carried, error) {
	for {
		got, err := f.c.carry(ctx, f.c.rules, &r.job, to)
		if !errors.Is(err, errNoNode) || ctx.Err() != nil {
			return got, err
		}
		select { // all may be resting, which is said at once
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}
