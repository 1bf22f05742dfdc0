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
		switch {
		case serving.Err() != nil && err != nil:
			return nil //nolint:nilerr // the end of serving is why Next gave up
		case err != nil:
			return fmt.Errorf("take the next address: %w", err)
		}
		if err := c.handle(work, item); err != nil {
			return fmt.Errorf("crawl %s: %w", item.Host, err)
		}
	}
}

// noNode is why a job waits while nobody shares.
const noNode = "no node is sharing; it goes on by itself when one connects"

// untilReady waits for a node before an address is taken, so that an empty
// fleet does not churn the frontier.
func (c *Crawler) untilReady(ctx context.Context) error {
	for {
		changed := c.fleet.Changed()
		if c.fleet.Ready() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// handle sees one item through to its release. An error is a fault of our own
// (the disk), not of the site or a node, and ends the crawl.
func (c *Crawler) handle(work context.Context, item frontier.Item) error {
	r := c.run(item.Job)
	if r == nil || !r.start() {
		return c.putBack(r, item)
	}
	v := c.visit(work, r, item)
	if v.err != nil {
		r.end(Tally{})
		return errors.Join(v.err, c.frontier.Release(item, frontier.Release{Retry: true, Blameless: true}))
	}
	if err := c.settle(work, r, item, v); err != nil {
		return err
	}
	c.wakeKeeper()
	return c.steer(r)
}

// putBack returns an item whose job wants nothing now. The frontier is told
// first, so that it does not hand the item out again at once. A job that is
// gone altogether has left the frontier, too.
func (c *Crawler) putBack(r *run, item frontier.Item) error {
	if r != nil {
		if err := c.steer(r); err != nil {
			return err
		}
	}
	defer c.wakeKeeper()
	return c.frontier.Release(item, frontier.Release{Retry: true, Blameless: true})
}

// visit is what came of an item.
type visit struct {
	err     error            // a fault of our own
	release frontier.Release // Retry: it comes back
	tally   Tally            // when it does not
	found   []frontier.Item  // addresses to add
	kept    *kept            // a page that may become a record
	mark    *mark            // what to remember of the address
	said    *said            // what the page said, for the guard
	wasted  bool             // it was plainly for nothing, for the guard
	counts  bool             // it counts as a fetch that brought nothing, for the guard
}

// settle makes a visit's results durable in the right order: found addresses
// first, then the release, then the gathering for the next commit. A crash in
// between only means that the address is visited again.
func (c *Crawler) settle(work context.Context, r *run, item frontier.Item, v visit) error {
	if err := c.queue(r, &v); err != nil {
		return fmt.Errorf("add found addresses: %w", err)
	}
	if err := c.frontier.Release(item, v.release); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if v.release.Retry {
		r.end(Tally{})
		return nil
	}
	return c.gather(work, r, item, v)
}

func (c *Crawler) visit(ctx context.Context, r *run, item frontier.Item) visit {
	u, err := url.Parse(item.URL)
	if err != nil {
		return visit{tally: Tally{Failed: one(string(fetch.KindInvalidURL))}}
	}
	if c.publish.TakenDown(r.job.Dataset, item.URL, item.Host) {
		return visit{tally: Tally{Forbidden: 1}}
	}
	decision, err := c.gate.Check(context.WithValue(ctx, askingRun{}, r), u)
	switch {
	case err != nil && ctx.Err() == nil:
		return visit{tally: Tally{Failed: one(string(fetch.KindInvalidURL))}}
	case err != nil: // we are stopping
		return visit{release: frontier.Release{Retry: true, Blameless: true}}
	}
	if decision.CrawlDelay > 0 {
		if err := c.frontier.Delay(item.Site, max(decision.CrawlDelay, c.cfg.Frontier.MinDelay)); err != nil {
			return visit{err: err}
		}
	}
	switch {
	case decision.Temporary:
		return c.unknownRules(r, item, u, decision)
	case !decision.Allowed:
		return visit{tally: Tally{Forbidden: 1}}
	}
	if guarded(&item) {
		if why := r.guard.Fetch(addressOfItem(&item)); why != "" {
			v := visit{}
			v.tally.cut(string(why), item.URL)
			return v
		}
	}
	v := c.fetchPage(ctx, r, item, u, decision)
	r.learn(&item, &v)
	v.found = append(v.found, c.siteFiles(r, item, u, decision)...)
	return v
}

// unknownRules puts an address off whose robots.txt cannot be had, and gives it
// up when that does not change. A site that does not answer over https at all
// may be one of plain HTTP.
func (c *Crawler) unknownRules(r *run, item frontier.Item, u *url.URL, d gate.Decision) visit {
	if plain, ok := downgrade(u); ok && item.Attempts > 0 && d.Reason == gate.Unreachable {
		return visit{tally: Tally{Failed: one("robots_unreachable")}, found: c.foundItem(item, plain, item.Hops+1)}
	}
	if item.Attempts+1 >= c.cfg.MaxTries {
		return visit{tally: Tally{Failed: one("robots_unreachable")}}
	}
	release := frontier.Release{Retry: true, NotBefore: c.now().Add(max(d.RetryAfter, time.Second))}
	r.wait(fmt.Sprintf("the rules of %s cannot be read (%s), next try in %s", u.Host, d.Reason, max(d.RetryAfter, time.Second).Round(time.Second)))
	if d.Reason == gate.Limited {
		release.Delay = d.RetryAfter // a 429 is meant for the whole site
	}
	return visit{release: release}
}

func one(key string) map[string]int64 { return map[string]int64{key: 1} }
