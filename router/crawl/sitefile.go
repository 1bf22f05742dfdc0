package crawl

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/page"
)

const (
	// maxSiteFileBytes is the longest sitemap, by the protocol.
	maxSiteFileBytes = 50 << 20
	// siteFilesAtOnce bounds the memory of sitemaps: each may have 50 MB.
	siteFilesAtOnce = 2
	// maxSiteFiles is how many sitemaps one robots.txt or sitemap index brings.
	maxSiteFiles = 1_000
	// maxIndexDepth is how deep sitemap indexes may be nested.
	maxIndexDepth = 2
	// maxOrigins bounds the origins of which a job remembers that it has taken up
	// their sitemaps; one forgotten is taken up again, which the frontier sees.
	maxOrigins = 16_384
)

// siteFiles are the sitemaps that an origin's robots.txt names, the first time the
// job meets the origin. They have to be of the same site, or anybody's robots.txt
// could make us read anything.
func (c *Crawler) siteFiles(r *run, item frontier.Item, u *url.URL, d gate.Decision) []frontier.Item {
	if len(d.Sitemaps) == 0 || r.job.Scope == job.ScopeList || r.job.Options.Sitemaps == job.SitemapsIgnore {
		return nil
	}
	if known, _ := r.origins.ContainsOrAdd(u.Scheme+"://"+u.Host, struct{}{}); known {
		return nil
	}
	return c.siteFileItems(r, item, d.Sitemaps, 0)
}

func (c *Crawler) siteFileItems(r *run, item frontier.Item, addresses []string, nesting int) []frontier.Item {
	var found []frontier.Item
	for _, address := range addresses[:min(len(addresses), maxSiteFiles)] {
		a, err := dedupe.Canonical(address)
		if err != nil || a.Site != item.Site || !c.mayAsk(a) {
			continue
		}
		next := newItem(r.job.ID, upgrade(a), redirectPriority)
		next.Kind, next.Depth = frontier.SiteFile, nesting
		found = append(found, next)
	}
	return found
}

// readSiteFile turns a sitemap into the addresses it lists, those changed last
// first. One that breaks off gives what came before.
func (c *Crawler) readSiteFile(r *run, item frontier.Item, got *carried, tally Tally) visit {
	v := visit{tally: tally}
	v.tally.Skipped = one("sitemap")
	file, err := page.ParseSiteFile(got.Body, item.URL, page.SitemapBounds{})
	if err != nil && len(file.Locs) == 0 {
		v.tally.Skipped = one("sitemap_unreadable")
		return v
	}
	if file.Index {
		if item.Depth+1 >= maxIndexDepth {
			return v
		}
		addresses := make([]string, len(file.Locs))
		for i, l := range file.Locs {
			addresses[i] = l.URL
		}
		v.found = c.siteFileItems(r, item, addresses, item.Depth+1)
		return v
	}
	v.found = c.listed(r, file.Locs, 1, &v.tally)
	return v
}

// listed are the addresses of a list that the job follows, at a depth.
func (c *Crawler) listed(r *run, locs []page.Loc, depth int, tally *Tally) []frontier.Item {
	slices.SortStableFunc(locs, func(a, b page.Loc) int { return cmp.Compare(b.LastMod.Unix(), a.LastMod.Unix()) })
	var found []frontier.Item
	for _, l := range locs {
		a, err := dedupe.Canonical(l.URL)
		if err != nil {
			continue
		}
		if next, ok := c.follow(r, upgrade(a), depth, tally); ok {
			next.Changed = l.LastMod
			found = append(found, next)
		}
	}
	return found
}

// siteFileTurn waits for one of the places in memory that sitemaps have.
func (c *Crawler) siteFileTurn(ctx context.Context) (leave func(), err error) {
	select {
	case c.siteFilePlaces <- struct{}{}:
		return func() { <-c.siteFilePlaces }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readFeed follows a feed's entries when a page turns out to be one.
func (c *Crawler) readFeed(r *run, item frontier.Item, got *carried, v visit) (visit, bool) {
	locs, err := page.ParseFeed(got.Body, item.URL, page.SitemapBounds{})
	if err != nil && len(locs) == 0 {
		file, err := page.ParseSiteFile(got.Body, item.URL, page.SitemapBounds{})
		if err != nil || file.Index || len(file.Locs) == 0 {
			return v, false
		}
		locs = file.Locs
	}
	v.tally.Skipped = one("feed")
	v.counts = true
	if item.Depth < r.maxDepth(c.cfg.MaxDepth) {
		v.found = c.listed(r, locs, item.Depth+1, &v.tally)
	}
	return v, true
}
