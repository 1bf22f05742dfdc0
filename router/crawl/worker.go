package crawl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
)

// worker takes due addresses until serving ends. Fetches run under work, which
// outlives serving by the drain time.
func (c *Crawler) worker(serving, work context.Context) error {
	for {
		if err := c.untilReady(serving); err != nil {
			return err
		}
		item, err := c.frontier.Next(serving)
		if err != nil {
			if serving.Err() != nil {
				return nil
			}
			return fmt.Errorf("take the next address: %w", err)
		}
		if err := c.handle(serving, work, item); err != nil {
			return fmt.Errorf("crawl %s: %w", item.Host, err)
		}
	}
}

// untilReady waits for a node before an address is taken, so that an empty
// fleet does not churn the frontier.
func (c *Crawler) untilReady(ctx context.Context) error {
	for {
		changed := c.fleet.Changed()
		if c.fleet.Ready() {
			return nil
		}
		c.eachRun(func(r *run) { r.wait("no node is sharing") })
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// handle sees one item through to its release. An error is a fault of our own
// (the disk), not of the site or a node, and ends the crawl.
func (c *Crawler) handle(serving, work context.Context, item frontier.Item) error {
	r := c.run(item.Job)
	if r == nil || !r.start(serving) {
		// Of a job that has ended or spent its limit; keep drops the rest.
		c.wakeKeeper()
		return c.frontier.Release(item, frontier.Release{Retry: true, Blameless: true, NotBefore: c.now().Add(time.Second)})
	}
	v := c.visit(work, r, item)
	if v.err != nil {
		r.end(Tally{})
		return errors.Join(v.err, c.frontier.Release(item, frontier.Release{Retry: true, Blameless: true}))
	}
	return c.settle(r, item, v)
}

// visit is what came of an item.
type visit struct {
	err     error            // a fault of our own
	release frontier.Release // Retry: it comes back
	tally   Tally            // when it does not
	found   []frontier.Item  // addresses to add
	kept    *kept            // a page that may become a record
}

// settle makes a visit's results durable in the right order: found addresses
// first, then the release, then the gathering for the next commit. A crash in
// between only means that the address is visited again.
func (c *Crawler) settle(r *run, item frontier.Item, v visit) error {
	if len(v.found) > 0 {
		if _, err := c.frontier.Add(v.found); err != nil {
			return fmt.Errorf("add found addresses: %w", err)
		}
	}
	if err := c.frontier.Release(item, v.release); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if v.release.Retry {
		r.end(Tally{})
		return nil
	}
	tally, err := c.gather(r, item, v)
	if err != nil {
		return err
	}
	r.end(tally)
	c.metrics.count(tally)
	c.wakeKeeper()
	return nil
}

func (c *Crawler) visit(ctx context.Context, r *run, item frontier.Item) visit {
	u, err := url.Parse(item.URL)
	if err != nil {
		return visit{tally: Tally{Failed: one(string(fetch.KindInvalidURL))}}
	}
	asked := c.now()
	decision, err := c.gate.Check(context.WithValue(ctx, askingRun{}, r), u)
	if err != nil {
		return again(item, 0, true)
	}
	if decision.CrawlDelay > 0 {
		if err := c.frontier.Delay(item.Site, max(decision.CrawlDelay, c.cfg.Frontier.MinDelay)); err != nil {
			return visit{err: err}
		}
	}
	switch {
	case decision.Temporary:
		return c.unknownRules(item, decision)
	case !decision.Allowed:
		return visit{tally: Tally{Forbidden: 1}}
	case c.cfg.Frontier.MinDelay > 0 && !decision.ReadAt.Before(asked):
		// The rules were read just now: the site has had its request for this
		// turn of its clock.
		return again(item, 0, true)
	}
	return c.fetchPage(ctx, r, item, u, decision)
}

// unknownRules puts an address off whose robots.txt cannot be had, and gives it
// up when that does not change.
func (c *Crawler) unknownRules(item frontier.Item, d gate.Decision) visit {
	if item.Attempts+1 >= c.cfg.MaxTries {
		return visit{tally: Tally{Failed: one("robots_unreachable")}}
	}
	return visit{release: frontier.Release{Retry: true, NotBefore: c.now().Add(max(d.RetryAfter, time.Second))}}
}

// again puts an item back; blameless does not count as a try.
func again(_ frontier.Item, after time.Duration, blameless bool) visit {
	return visit{release: frontier.Release{Retry: true, Blameless: blameless, Delay: after}}
}

func one(key string) map[string]int64 { return map[string]int64{key: 1} }
