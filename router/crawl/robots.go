package crawl

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/dedupe"
)

// askingRun is the context key of the run for which the gate reads.
type askingRun struct{}

// robotsFetcher gets robots.txt and its kin through nodes, like any page. The
// item in flight holds the site's turn meanwhile; pace spaces the requests.
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
	got, err := f.carry(ctx, r, address.Site, u.String())
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
func (f robotsFetcher) carry(ctx context.Context, r *run, site, rawURL string) (*carried, error) {
	for {
		if err := f.c.pace.wait(ctx, site); err != nil {
			return nil, err
		}
		got, err := f.c.carry(ctx, f.c.rules, &r.job, site, rawURL)
		if !errors.Is(err, errNoNode) || ctx.Err() != nil {
			return got, err
		}
	}
}

// pace spaces requests for a site's rules by at least a delay. It remembers the
// sites asked last; one forgotten was asked long ago.
type pace struct {
	delay time.Duration
	mu    sync.Mutex
	next  *lru.Cache[string, time.Time]
}

const paceSites = 65_536

func newPace(delay time.Duration) *pace {
	next, err := lru.New[string, time.Time](paceSites)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	return &pace{delay: delay, next: next}
}

func (p *pace) wait(ctx context.Context, site string) error {
	if p.delay == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	at, _ := p.next.Get(site)
	if at.Before(now) {
		at = now
	}
	p.next.Add(site, at.Add(p.delay))
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
