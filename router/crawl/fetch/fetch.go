package fetch

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gocolly/colly/v2"
)

// accept states what a crawler of text can use, best first.
const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,application/json;q=0.9,text/plain;q=0.8,*/*;q=0.1"

// Config configures a Fetcher.
type Config struct {
	// UserAgent is sent with every request; see UserAgent. Required: a
	// crawler that does not say who it is should not run.
	UserAgent string
	// Limits bound every fetch.
	Limits Limits
	// Now is the clock of Result.FetchedAt and Elapsed. Default time.Now.
	Now func() time.Time
}

// UserAgent is the User-Agent header of the crawler: its product token and
// version, and where its operator can be reached (a URL or mail address).
func UserAgent(version, contact string) string {
	return "FallowBot/" + version + " (+" + contact + ")"
}

// Fetcher fetches URLs. It is safe for concurrent use.
type Fetcher struct {
	collector *colly.Collector
	header    http.Header
	limits    Limits
	now       func() time.Time
	tools     tools
}

// New makes a Fetcher.
func New(cfg Config) *Fetcher {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Fetcher{
		collector: newCollector(),
		header: http.Header{
			"User-Agent":      {cfg.UserAgent},
			"Accept":          {accept},
			"Accept-Encoding": {acceptEncoding},
		},
		limits: cfg.Limits.withDefaults(),
		now:    cfg.Now,
	}
}

// newCollector makes the collector that every fetch clones. Init and not
// NewCollector, which would let COLLY_ environment variables change the rules.
func newCollector() *colly.Collector {
	c := &colly.Collector{}
	c.Init()
	c.IgnoreRobotsTxt = true // the gate has decided, better than colly would
	c.AllowURLRevisit = true // the frontier knows what was seen
	c.ParseHTTPErrorResponse = true
	c.DetectCharset = false
	c.MaxBodySize = 0 // bounded by us; colly would cut without a word
	c.DisableCookies()
	c.SetRequestTimeout(0) // the context bounds everything, the body included
	c.WithTransport(transport{})
	return c
}

// Fetch gets rawURL over rt, following no redirect, within the Fetcher's
// limits. The error is always a *Failure. It neither closes rt nor its idle
// connections.
func (f *Fetcher) Fetch(ctx context.Context, rt http.RoundTripper, rawURL string) (*Result, error) {
	return f.FetchIf(ctx, rt, rawURL, nil)
}

// FetchIf is Fetch under conditions: header lines such as If-None-Match, which the
// site may answer with 304 and no body.
func (f *Fetcher) FetchIf(ctx context.Context, rt http.RoundTripper, rawURL string, conditions http.Header) (*Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.limits.Total, errTotal)
	defer cancel()
	x, ctx := f.newExchange(ctx, rt)
	defer x.watch.Stop()

	// A collector carries one context, so each fetch needs its own. A clone
	// shares the client and costs half the allocations of a new one
	// (BenchmarkCollector).
	c := f.collector.Clone()
	c.Context = ctx
	c.OnResponse(x.deliver)
	header := f.header.Clone()
	for name, values := range conditions {
		header[name] = values
	}
	err := c.Request(http.MethodGet, rawURL, nil, nil, header)

	x.result.Elapsed = f.now().Sub(x.result.FetchedAt)
	if err != nil {
		return nil, asFailure(err)
	}
	if !x.delivered {
		return nil, failuref(KindProtocol, "colly dropped the response")
	}
	return &x.result, nil
}

// asFailure finds the Failure in what colly and http.Client made of it. An
// error without one came from colly before there was a request.
func asFailure(err error) *Failure {
	if failure, ok := errors.AsType[*Failure](err); ok {
		return failure
	}
	return &Failure{Kind: KindInvalidURL, Err: err}
}
