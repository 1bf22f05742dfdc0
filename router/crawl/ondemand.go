package crawl

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/router/crawl/fetch"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/page"
)

// Demand asks for one page now.
type Demand struct {
	URL     string
	Purpose string        // shown to the home user who carries it
	Country string        // ISO 3166-1 alpha-2 wish for the node; "" = any
	Within  time.Duration // redirects and waiting included; 0 takes DefaultWithin
}

// Bounds of Demand.Within.
const (
	DefaultWithin = 40 * time.Second
	MaxWithin     = 50 * time.Second
)

// Supplied is what came of a Demand.
type Supplied struct {
	URL       string // canonical, after redirects
	Redirects []string
	Status    int
	Header    http.Header
	FetchedAt time.Time
	Country   string // of the node; "" if unknown
	TLS       string // version; "" over plain HTTP
	Page      *page.Page
	Body      []byte // as decoded from its content coding
	Robots    gate.Reason
	Rule      string
	Signals   []gate.Signal
	AITrain   gate.Training
}

// Input is the page's own form for router/page.
func (s *Supplied) Input() page.Input {
	return page.Input{Body: s.Body, ContentType: s.Header.Get("Content-Type"), URL: s.URL}
}

// RefusedError says that the site does not want the page to be fetched, now or
// at all.
type RefusedError struct {
	URL    string
	Reason gate.Reason   // empty when the site asked to wait
	Rule   string        // the line that decided
	Retry  time.Duration // when to ask again; 0: a rule forbids it
}

// Error says what to do.
func (e *RefusedError) Error() string {
	host := e.URL
	if u, err := url.Parse(e.URL); err == nil {
		host = u.Host
	}
	switch {
	case e.Retry > 0 && e.Reason == "":
		return fmt.Sprintf("%s asked to be left alone; try again in %s", host, e.Retry.Round(time.Second))
	case e.Retry > 0:
		return fmt.Sprintf("the rules of %s cannot be read (%s); try again in %s", host, e.Reason, e.Retry.Round(time.Second))
	case e.Rule != "":
		return fmt.Sprintf("%s does not allow it (%s: %s)", host, e.Reason, e.Rule)
	default:
		return fmt.Sprintf("%s does not allow it (%s)", host, e.Reason)
	}
}

// ErrNoNode says that no node could be had for a fetch on demand.
var ErrNoNode = errors.New("no node can fetch it now")

// standing is a job that is not in the books: what somebody at the router asks
// for at once. Its id follows from its purpose, for tunnels are kept by job.
func standing(purpose, country string) *run {
	sum := blake3.Sum256([]byte(purpose))
	return &run{job: job.Job{
		ID: standingPrefix + hex.EncodeToString(sum[:8]), Dataset: "on-demand", Purpose: purpose, Country: country,
		State: job.StateRunning, MaxPages: 1,
	}}
}

const standingPrefix = "d-"

// Fetch brings one page now, through the gate and at the site's pace like every
// other fetch; it waits for both within the demand's time. A site's answer other
// than a page (404, 500) is no error. Errors are *RefusedError, *fetch.Failure,
// job.ErrInvalid, ErrNoNode, or ctx's.
func (c *Crawler) Fetch(ctx context.Context, d Demand) (*Supplied, error) {
	leave, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	spec := job.Spec{Dataset: "on-demand", Purpose: d.Purpose, Country: d.Country, Seeds: []string{d.URL}}
	if _, err := job.New(spec, c.cfg.Jobs, c.now()); err != nil {
		return nil, err
	}
	if d.Within == 0 {
		d.Within = DefaultWithin
	}
	if d.Within < 0 || d.Within > MaxWithin {
		return nil, fmt.Errorf("%w: time is %s, may be up to %s", job.ErrInvalid, d.Within, MaxWithin)
	}
	ctx, cancel := context.WithTimeout(ctx, d.Within)
	defer cancel()
	r := standing(d.Purpose, d.Country)
	var redirects []string
	for next := d.URL; ; {
		s, location, err := c.fetchOnce(ctx, r, next)
		if err != nil {
			return nil, err
		}
		s.Redirects = redirects
		if location == "" {
			return s, c.parseSupplied(s)
		}
		if len(redirects) == c.cfg.MaxHops {
			return nil, &fetch.Failure{Kind: fetch.KindInvalidURL, Err: fmt.Errorf("more than %d redirects", c.cfg.MaxHops)}
		}
		redirects, next = append(redirects, s.URL), location
	}
}

// fetchOnce asks the gate and then the site; location is where it redirects to.
func (c *Crawler) fetchOnce(ctx context.Context, r *run, rawURL string) (s *Supplied, location string, err error) {
	a, err := dedupe.Canonical(rawURL)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if a = upgrade(a); !c.mayAsk(a) {
		return nil, "", fmt.Errorf("%w: only host names and ports 80 and 443 can be fetched", job.ErrInvalid)
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if until := c.turns.resting(a.Site, c.now()); !until.IsZero() {
		return nil, "", &RefusedError{URL: a.URL, Retry: until.Sub(c.now())}
	}
	decision, err := c.gate.Check(context.WithValue(ctx, askingRun{}, r), u)
	switch {
	case err != nil:
		return nil, "", err
	case !decision.Allowed:
		return nil, "", &RefusedError{URL: a.URL, Reason: decision.Reason, Rule: decision.Rule, Retry: decision.RetryAfter}
	}
	got, err := c.carry(ctx, c.fetcher, &r.job, target{
		url: a.URL, site: a.Site, country: r.job.Country, delay: max(decision.CrawlDelay, c.cfg.Frontier.MinDelay),
	})
	if errors.Is(err, errNoNode) {
		return nil, "", ErrNoNode
	}
	if err != nil {
		return nil, "", err
	}
	if got.Status == http.StatusTooManyRequests || got.Status == http.StatusServiceUnavailable {
		return nil, "", &RefusedError{URL: a.URL, Retry: c.askedToRest(a.Site, got)}
	}
	c.backoff.well(a.Site)
	if got.Status >= 300 && got.Status < 400 {
		location = got.Location
	}
	return &Supplied{
		URL: a.URL, Status: got.Status, Header: got.Header, FetchedAt: got.FetchedAt.UTC(), Country: got.country, TLS: got.TLSVersion,
		Body: got.Body, Robots: decision.Reason, Rule: decision.Rule, Signals: decision.Signals, AITrain: decision.AITrain,
	}, location, nil
}

// askedToRest obeys 429 and 503 for the whole site and every node, and returns
// for how long.
func (c *Crawler) askedToRest(site string, got *carried) time.Duration {
	delay := c.wait(site)
	if asked, ok := fetch.RetryAfter(got.Header, c.now()); ok {
		delay = max(delay, asked)
	}
	c.turns.rest(site, c.now().Add(delay))
	return delay
}

// parseSupplied reads the page and what it says about its use.
func (c *Crawler) parseSupplied(s *Supplied) error {
	p, err := page.Parse(s.Input(), c.cfg.Page)
	if err != nil {
		return fmt.Errorf("read %s: %w", short(s.URL), err)
	}
	metas := make([]gate.Meta, len(p.Metas))
	for i, m := range p.Metas {
		metas[i] = gate.Meta{Name: m.Name, Content: m.Content}
	}
	signals, verdict := gate.PageSignals(c.cfg.Gate.ProductToken, s.Header, metas)
	s.Page, s.Signals = p, append(signals, s.Signals...)
	s.AITrain = gate.Combine(s.AITrain, verdict.AITrain)
	return nil
}

// isStanding reports whether a job's id is of a demand rather than of a job.
func isStanding(id string) bool { return strings.HasPrefix(id, standingPrefix) }
