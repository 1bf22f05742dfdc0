package crawl

import (
	"slices"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/trap"
)

// Reasons for which an address is cut, beside those of package trap.
const (
	cutDepth    = "depth"     // more links from a seed than the job or the router allows
	cutPattern  = "pattern"   // the job's include and exclude patterns
	cutCapped   = "capped"    // a bound on the addresses of a site, of the job or of the router
	cutRedirect = "redirects" // a redirect beyond the bound on hops
)

// maxCutSamples bounds the addresses shown for each reason.
const maxCutSamples = 10

// cut notes an address that is not going to be fetched.
func (t *Tally) cut(reason, url string) {
	if t.Cut == nil {
		t.Cut = make(map[string]int64)
	}
	t.Cut[reason]++
	t.sample(reason, url)
}

func (t *Tally) sample(reason string, urls ...string) {
	for _, url := range urls {
		known := t.CutSamples[reason]
		if len(known) >= maxCutSamples || slices.Contains(known, url) {
			continue
		}
		if t.CutSamples == nil {
			t.CutSamples = make(map[string][]string)
		}
		t.CutSamples[reason] = append(known, url)
	}
}

// addressOfItem is an item as a Guard sees it.
func addressOfItem(it *frontier.Item) trap.Address {
	return trap.Address{URL: it.URL, Host: it.Host, Site: it.Site, Depth: it.Depth}
}

// guarded reports whether an item has to pass the guard: seeds were asked for,
// and files that list a site's addresses are few.
func guarded(it *frontier.Item) bool { return it.Priority != seedPriority && it.Kind == frontier.Page }

// queue puts found addresses in the frontier, those that the job's guard lets in,
// and notes in v's tally what was cut.
func (c *Crawler) queue(r *run, v *visit) error {
	if len(v.found) == 0 {
		return nil
	}
	capped := v.found[0].URL
	added, err := c.frontier.AddIf(v.found, func(it *frontier.Item) bool {
		if guarded(it) {
			if why := r.guard.Queue(addressOfItem(it)); why != "" {
				v.tally.cut(string(why), it.URL)
				return false
			}
		}
		return !r.job.Options.Recrawl || c.dueAgain(r, it)
	})
	if added.Capped > 0 {
		v.tally.cut(cutCapped, capped)
		v.tally.Cut[cutCapped] += int64(added.Capped) - 1
	}
	return err
}

// learn tells the guard what came of a fetch that it had let pass.
func (r *run) learn(it *frontier.Item, v *visit) {
	switch {
	case !guarded(it):
	case v.wasted:
		r.guard.Wasted(addressOfItem(it))
	case v.said != nil:
		r.guard.Learn(addressOfItem(it), v.said.title, v.said.text)
	case v.counts:
		// A redirect, or a page that could not be read: it has said nothing new.
	default:
		r.guard.Undo(addressOfItem(it))
	}
}

// said is what a page said, for the guard.
type said struct{ title, text string }
