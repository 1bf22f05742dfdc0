package crawl

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
)

// redirectPriority puts a redirect's target before what was found on pages:
// the address that led to it has had its turn.
const redirectPriority = 0

func (c *Crawler) fetchPage(ctx context.Context, r *run, item frontier.Item, u *url.URL, d gate.Decision) visit {
	if until := c.turns.resting(item.Site, c.now()); !until.IsZero() { // as it told somebody else
		return visit{release: frontier.Release{Retry: true, Blameless: true, NotBefore: until}}
	}
	to := target{
		url: item.URL, site: item.Site, country: r.job.Country, delay: max(d.CrawlDelay, c.cfg.Frontier.MinDelay),
	}
	fetcher := c.fetcher
	switch {
	case item.Kind == frontier.SiteFile:
		leave, err := c.siteFileTurn(ctx)
		if err != nil { // we are stopping
			return visit{release: frontier.Release{Retry: true, Blameless: true}}
		}
		defer leave()
		fetcher = c.lists
	case r.job.Options.Recrawl:
		var err error
		if to.before, err = c.markOf(r.job.Dataset, item.URL); err != nil {
			return visit{err: err}
		}
	}
	got, err := c.carry(ctx, fetcher, &r.job, to)
	var failure *fetch.Failure
	switch {
	case err == nil:
		return c.answered(r, item, got, d)
	case errors.As(err, &failure):
		return c.failed(item, u, failure)
	default: // no node, or we are stopping
		if errors.Is(err, errNoNode) && r.job.Country != "" {
			r.rest(4 * c.cfg.NodeWait) // lest its other sites hold every worker in turn
		}
		return visit{release: frontier.Release{Retry: true, Blameless: true, NotBefore: c.now().Add(time.Second)}}
	}
}

// failed decides what becomes of an address that no node could fetch.
func (c *Crawler) failed(item frontier.Item, u *url.URL, f *fetch.Failure) visit {
	plain, ok := downgrade(u)
	ok = ok && noTLS(f.Kind)
	switch {
	case ok && item.Attempts > 0:
		found := c.foundItem(item, plain, item.Hops+1)
		return visit{tally: Tally{Failed: one(string(f.Kind))}, found: found}
	case (ok || retriable(f.Kind)) && item.Attempts+1 < c.cfg.MaxTries:
		return visit{release: c.failedRelease(item, f.Kind, true)}
	default:
		return visit{tally: Tally{Failed: one(string(f.Kind))}, release: c.failedRelease(item, f.Kind, false)}
	}
}

// failedRelease puts an address off, and with it the whole site when it did not
// answer in time: that may be load. No node could tell the difference, so every
// node keeps away.
func (c *Crawler) failedRelease(item frontier.Item, kind fetch.Kind, again bool) frontier.Release {
	r := frontier.Release{Retry: again}
	if kind == fetch.KindTimeout {
		r.Outcome, r.Delay = frontier.Trouble, c.wait(item.Site)
		return r
	}
	if again {
		r.NotBefore = c.now().Add(c.wait(item.Site))
	}
	return r
}

// labBackoff caps waits in lab mode, where the politeness floors fall away; with
// scaled floors back-off has their scale.
const labBackoff = 200 * time.Millisecond

// noTLS are the failures after which, when they come again, plain HTTP is worth
// a try: nobody answers on 443 or not in TLS. A bad certificate is an answer.
// Where one node serves alone it can bring this about; it gains nothing, since
// a page over plain HTTP never becomes a record.
func noTLS(k fetch.Kind) bool {
	return k == fetch.KindRefused || k == fetch.KindUnreachable || k == fetch.KindTLSOther
}

func retriable(k fetch.Kind) bool {
	switch k {
	case fetch.KindTimeout, fetch.KindReset, fetch.KindTunnel, fetch.KindTruncated, fetch.KindUnreachable,
		fetch.KindDNS, fetch.KindTLSOther, fetch.KindTLSUnknownAuthority, fetch.KindTLSHostname:
		return true
	default:
		return false
	}
}

func (c *Crawler) answered(r *run, item frontier.Item, got *carried, d gate.Decision) visit {
	tally := Tally{Pages: 1, Bytes: got.WireBytes, Nodes: one(got.node.String())}
	skip := func(cause string) visit {
		tally.Skipped = one(cause)
		return visit{tally: tally}
	}
	switch status := got.Status; {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return c.askedToWait(item, got, skip("status_"+strconv.Itoa(status)))
	case status >= 500:
		if item.Attempts+1 < min(2, c.cfg.MaxTries) {
			return visit{release: frontier.Release{Retry: true, Delay: c.wait(item.Site), Outcome: frontier.Trouble}}
		}
		v := skip("status_" + strconv.Itoa(status))
		v.release.Outcome = frontier.Trouble
		return v
	}
	c.backoff.well(item.Site)
	v := c.answeredWell(r, item, got, d, tally, skip)
	v.release.Outcome = frontier.Well
	return v
}

// answeredWell is an answer that says nothing of trouble.
func (c *Crawler) answeredWell(r *run, item frontier.Item, got *carried, d gate.Decision, tally Tally, skip func(cause string) visit) visit {
	switch status := got.Status; {
	case status == http.StatusNotModified && got.before != nil:
		v := skip(unchanged)
		m := got.before.next(got.FetchedAt, false)
		v.mark = &m
		return v
	case status >= 300 && status < 400:
		return c.redirect(r, item, got.Location, skip)
	case status != http.StatusOK && status != http.StatusNonAuthoritativeInfo:
		return skip("status_" + strconv.Itoa(status))
	}
	if item.Kind == frontier.SiteFile {
		return c.readSiteFile(r, item, got, tally)
	}
	return c.read(r, item, got, d, tally)
}

// unchanged is why a page that a recrawl finds as it was is no record.
const unchanged = "unchanged"

// redirect follows a redirect, and says so when it leads out of the job's scope
// or past its bound on hops: a seed that only does that explains an empty crawl.
func (c *Crawler) redirect(r *run, item frontier.Item, location string, skip func(cause string) visit) visit {
	if item.Hops >= c.cfg.MaxHops {
		v := skip("redirect_limit")
		v.counts, v.wasted = true, true
		v.tally.cut(cutRedirect, location)
		return v
	}
	found := c.redirected(r, item, location)
	if len(found) == 0 {
		return skip("redirect_out_of_scope")
	}
	v := skip("redirect")
	v.found, v.counts, v.wasted = found, true, item.Hops > 0
	return v
}

// askedToWait obeys 429 and 503 for the whole site and every node.
func (c *Crawler) askedToWait(item frontier.Item, got *carried, giveUp visit) visit {
	delay := c.askedToRest(item.Site, got)
	if item.Attempts+1 >= c.cfg.MaxTries {
		giveUp.release.Delay, giveUp.release.Outcome = delay, frontier.Trouble
		return giveUp
	}
	return visit{release: frontier.Release{Retry: true, Delay: delay, Outcome: frontier.Trouble}}
}

func (c *Crawler) wait(site string) time.Duration {
	delay := c.backoff.trouble(site)
	switch scale := c.cfg.Frontier.MinDelay; {
	case c.cfg.Lab && scale > 0:
		delay = time.Duration(delay.Seconds() * float64(scale))
	case c.cfg.Lab:
		delay = min(delay, labBackoff)
	}
	return delay
}

// downgrade is the plain HTTP spelling of an https address on its default port.
func downgrade(u *url.URL) (string, bool) {
	if u.Scheme != "https" || u.Port() != "" {
		return "", false
	}
	return fmt.Sprintf("http://%s%s", u.Host, u.RequestURI()), true
}
