package crawl

import (
	"strings"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/page"
)

// linkPriority is that of addresses found on pages, seedPriority that of a
// job's own.
const (
	seedPriority = 1
	linkPriority = 2
)

// upgrade makes http on its default port https: plain HTTP is tried as HTTPS
// first.
func upgrade(a dedupe.Address) dedupe.Address {
	rest, plain := strings.CutPrefix(a.URL, "http://")
	if !plain || a.Port != 80 {
		return a
	}
	better, err := dedupe.Canonical("https://" + rest)
	if err != nil {
		return a
	}
	return better
}

// mayAsk reports whether nodes would dial a at all.
func (c *Crawler) mayAsk(a dedupe.Address) bool {
	return !a.IPLiteral && (c.cfg.Lab || a.Port == 80 || a.Port == 443)
}

// linked are the addresses on a page that the job follows.
func (c *Crawler) linked(r *run, item frontier.Item, links []page.Link, tally *Tally) []frontier.Item {
	if r.job.Options.Sitemaps == job.SitemapsOnly {
		return nil
	}
	found := make([]frontier.Item, 0, len(links))
	for _, link := range links {
		if link.Rel.Has(page.RelNoFollow) {
			continue
		}
		a, err := dedupe.Canonical(link.URL)
		if err != nil {
			continue
		}
		if next, ok := c.follow(r, upgrade(a), item.Depth+1, tally); ok {
			found = append(found, next)
		}
	}
	return found
}

// follow is an address as an item at a depth, if the job follows it.
func (c *Crawler) follow(r *run, a dedupe.Address, depth int, tally *Tally) (frontier.Item, bool) {
	switch {
	case !c.mayAsk(a) || !r.area.InScope(placeOf(a)):
		return frontier.Item{}, false
	case depth > r.maxDepth(c.cfg.MaxDepth):
		tally.cut(cutDepth, a.URL)
		return frontier.Item{}, false
	case !r.patterns.Follow(a.URL):
		tally.cut(cutPattern, a.URL)
		return frontier.Item{}, false
	}
	next := newItem(r.job.ID, a, linkPriority)
	next.Depth = depth
	return next, true
}

// redirected is a redirect's target, if the job may go there. It passes the
// frontier and the gate like any other address.
func (c *Crawler) redirected(r *run, item frontier.Item, location string) []frontier.Item {
	a, err := dedupe.Canonical(location)
	if err != nil {
		return nil
	}
	a = upgrade(a)
	inScope := r.area.InScope(placeOf(a)) || item.Kind == frontier.SiteFile && a.Site == item.Site
	if !c.mayAsk(a) || !inScope {
		return nil
	}
	next := newItem(item.Job, a, redirectPriority)
	next.Depth, next.Hops, next.Kind = item.Depth, item.Hops+1, item.Kind
	return []frontier.Item{next}
}

// foundItem is another spelling of an item's own address.
func (c *Crawler) foundItem(item frontier.Item, rawURL string, hops int) []frontier.Item {
	a, err := dedupe.Canonical(rawURL)
	if err != nil || hops > c.cfg.MaxHops {
		return nil
	}
	next := newItem(item.Job, a, redirectPriority)
	next.Depth, next.Hops = item.Depth, hops
	return []frontier.Item{next}
}

func newItem(job string, a dedupe.Address, priority uint8) frontier.Item {
	return frontier.Item{URL: a.URL, Host: a.Host, Site: a.Site, SURT: a.SURT, Job: job, Priority: priority}
}
