package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// sideRetry is how soon tdmrep.json and ai.txt are asked for again when they
// could not be had: sooner than MaxAge, for a refusal may stand in them.
const sideRetry = time.Hour

// file is the answer for a file, after redirects.
type file struct {
	Response
	source string
}

// get asks for a file and follows redirects across hosts. A redirect that leads
// nowhere, or one too many, makes the file count as not there (404), as RFC
// 9309 (2.3.1.2) allows.
func (g *Gate) get(ctx context.Context, address string) (file, error) {
	u, err := url.Parse(address)
	if err != nil {
		return file{}, fmt.Errorf("parse address of a gate file: %w", err)
	}
	for range maxRedirects + 1 {
		resp, err := g.fetcher.FetchRobots(ctx, u)
		if err != nil {
			return file{source: u.String()}, fmt.Errorf("fetch gate file: %w", err)
		}
		if resp.Status < 300 || resp.Status > 399 {
			return file{Response: resp, source: u.String()}, nil
		}
		next, ok := target(u, resp.Location)
		if !ok {
			break
		}
		u = next
	}
	const notFound = 404
	return file{Response: Response{Status: notFound}, source: u.String()}, nil
}

// target is where a redirect from u leads, if that can be fetched.
func target(u *url.URL, location string) (*url.URL, bool) {
	next, err := u.Parse(location)
	return next, location != "" && err == nil && fetchable(next)
}

func fetchable(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// read learns about an origin ("https://host:port"). prev is what was known, or
// nil. It returns nil only when ctx ended.
func (g *Gate) read(ctx context.Context, address string, prev *origin) *origin {
	f, err := g.get(ctx, address+"/robots.txt")
	if deserted(ctx) {
		return nil
	}
	now := g.now()
	o := &origin{source: f.source, readAt: now, expires: now.Add(g.cfg.MaxAge)}
	switch {
	case err != nil || f.Status < 200 || f.Status > 599:
		o.reason = Unreachable
	case f.Status == 429:
		o.reason = Limited
	case f.Status >= 500:
		o.reason = ServerError
	case f.Status >= 400:
		o.reason = NoRobots
	default:
		o.robots = parseRobots(f.Body, g.cfg.ProductToken)
	}
	if o.blocked() {
		return g.failing(o, prev, f.RetryAfter)
	}
	if !g.cfg.RobotsOnly {
		g.readSides(ctx, address, o, lastGood(prev))
	}
	if deserted(ctx) {
		return nil
	}
	return o
}

// deserted reports that nobody waits for the reading any more, so that what it
// could not get says nothing about the site.
func deserted(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errReadTime)
}

func lastGood(prev *origin) *origin {
	if prev != nil && prev.failures > 0 {
		return prev.known
	}
	return prev
}

// failing sets when to ask again and, after LongUnreachable, stops waiting: the
// last known rules apply, or none (RFC 9309, 2.3.1.4).
func (g *Gate) failing(o, prev *origin, retryAfter time.Duration) *origin {
	o.failures, o.since, o.known = 1, o.readAt, lastGood(prev)
	if prev != nil && prev.failures > 0 {
		o.failures, o.since = prev.failures+1, prev.since
	}
	wait := g.cfg.RetryMin
	for range o.failures - 1 {
		if wait *= 2; wait >= g.cfg.RetryMax {
			wait = g.cfg.RetryMax
			break
		}
	}
	o.expires = o.readAt.Add(max(wait, min(retryAfter, g.cfg.MaxAge)))
	if o.readAt.Sub(o.since) < g.cfg.LongUnreachable {
		return o
	}
	o.reason = LongUnreachable
	if o.known != nil {
		o.robots, o.source, o.readAt = o.known.robots, o.known.source, o.known.readAt
		o.tdm, o.aitxt = o.known.tdm, o.known.aitxt
	}
	return o
}

// readSides reads the files beside robots.txt, as far as it lets us. Where one
// cannot be had, what it last said still holds.
func (g *Gate) readSides(ctx context.Context, address string, o, prev *origin) {
	if prev == nil {
		prev = &origin{}
	}
	o.tdm, o.aitxt = prev.tdm, prev.aitxt
	if body, ok := g.side(ctx, address, "/.well-known/tdmrep.json", o); ok {
		o.tdm = parseTDMRep(body)
	}
	if body, ok := g.side(ctx, address, "/ai.txt", o); ok {
		o.aitxt = nil
		if len(body) > 0 && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			o.aitxt = parseRobots(body, g.cfg.ProductToken)
		}
	}
}

// side reads one such file. It reports false when nothing was learnt; an empty
// body means that the site has no such file.
func (g *Gate) side(ctx context.Context, address, path string, o *origin) ([]byte, bool) {
	if o.robots != nil && !o.robots.allows(path) {
		return nil, true
	}
	f, err := g.get(ctx, address+path)
	switch {
	case err != nil || f.Status < 200 || f.Status == 429 || f.Status >= 500:
		if soon := o.readAt.Add(sideRetry); soon.Before(o.expires) {
			o.expires = soon
		}
		return nil, false
	case f.Status != 200:
		return nil, true
	}
	return f.Body[:min(len(f.Body), MaxRobotsBytes)], true
}
