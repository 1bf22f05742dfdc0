package crawl

import (
	"strings"

	"github.com/fallow-network/fallow/router/crawl/frontier"
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
func (c *Crawler) linked(r *run, item frontier.Item, links []page.Link) []frontier.Item {
	if item.Depth >= c.cfg.MaxDepth {
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
		a = upgrade(a)
		if !c.mayAsk(a) || !r.area.InScope(placeOf(a)) {
			continue
		}
		next := newItem(r.job.ID, a, linkPriority)
		next.Depth = item.Depth + 1
		found = append(found, next)
	}
	return found
}

// redirected is a redirect's target, if the job may go there. It passes the
// frontier and the gate like any other address.
func (c *Crawler) redirected(r *run, item frontier.Item, location string) []frontier.Item {
	a, err := dedupe.Canonical(location)
	if err != nil {
		return nil
	}
	a = upgrade(a)
	if !c.mayAsk(a) || !r.area.InScope(placeOf(a)) {
		return nil
	}
	next := newItem(item.Job, a, redirectPriority)
	next.Depth, next.Hops = item.Depth, item.Hops+1
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
