package gate

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// errReadTime is the cause when ReadTime ran out: the site's fault and not the
// caller's, so it counts as unreachable.
var errReadTime = errors.New("reading the gate files took too long")

// Fetcher performs one request of the gate: for robots.txt, tdmrep.json or
// ai.txt, or a redirect of one of them, on any host. It follows no redirect
// itself, obeys the politeness clock of the site and keeps at most
// MaxRobotsBytes of the body (cutting the rest is right, not an error). An
// error means that no answer came; trying other nodes first is its business.
type Fetcher interface {
	FetchRobots(ctx context.Context, u *url.URL) (Response, error)
}

// Response is the answer to one request of the gate.
type Response struct {
	// Status is the HTTP status code.
	Status int
	// Location is the Location header of a redirect as sent, perhaps relative.
	Location string
	// RetryAfter is what the Retry-After header asks for; zero without one.
	RetryAfter time.Duration
	// Body is the decoded body, at most MaxRobotsBytes.
	Body []byte
}

// Gate answers for URLs and caches what it reads per origin. It is safe for
// concurrent use.
type Gate struct {
	fetcher Fetcher
	now     func() time.Time
	cfg     Config

	mu      sync.Mutex
	cache   *cache
	flights map[string]*flight
}

// flight is one reading of an origin that callers wait for. The lock of the
// Gate guards waiters.
type flight struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	origin  *origin // set before done is closed; nil when everybody had left
}

// New makes a gate that reads through f; now is the clock (time.Now).
func New(f Fetcher, now func() time.Time, cfg Config) *Gate {
	cfg = cfg.withDefaults()
	return &Gate{
		fetcher: f, now: now, cfg: cfg,
		cache: newCache(cfg.MaxEntries, cfg.MaxBytes), flights: map[string]*flight{},
	}
}

// Check decides whether u may be fetched. For an origin (scheme, host, port)
// it does not know it asks the Fetcher, once however many callers wait. It
// returns an error only for a ctx that ended and for a URL that is not http or
// https with a host; a site that cannot be reached is a Decision.
func (g *Gate) Check(ctx context.Context, u *url.URL) (Decision, error) {
	if !fetchable(u) {
		return Decision{}, fmt.Errorf("check %.80q: not an http or https URL with a host", u.Redacted())
	}
	path := normalPath(u)
	if path == "/robots.txt" {
		return Decision{Allowed: true, Reason: RobotsItself}, nil
	}
	if g.cfg.OptedOut != nil {
		if proof, out := g.cfg.OptedOut(strings.ToLower(u.Hostname())); out {
			return Decision{Reason: OptedOut, Rule: bounded(proof), ReadAt: g.now()}, nil
		}
	}
	o, err := g.origin(ctx, originKey(u))
	if err != nil {
		return Decision{}, err
	}
	return o.decide(path, g.now(), g.cfg), nil
}

// Forget makes the next Check of u's origin read its files again.
func (g *Gate) Forget(u *url.URL) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if element, ok := g.cache.byKey[originKey(u)]; ok {
		g.cache.remove(element)
	}
}

// originKey is the address of u's origin, its port written only where it is
// not the scheme's own.
func originKey(u *url.URL) string {
	host := strings.ToLower(u.Host)
	own := ":80"
	if u.Scheme == "https" {
		own = ":443"
	}
	return u.Scheme + "://" + strings.TrimSuffix(strings.TrimSuffix(host, own), ":")
}

// origin returns what is known of an origin, reading it first where that is
// nothing or too old.
func (g *Gate) origin(ctx context.Context, key string) (*origin, error) {
	for {
		g.mu.Lock()
		known := g.cache.get(key)
		if known != nil && g.now().Before(known.expires) {
			g.mu.Unlock()
			return known, nil
		}
		f := g.flights[key]
		if f == nil {
			f = g.depart(ctx, key, known)
		}
		f.waiters++
		g.mu.Unlock()

		select {
		case <-f.done:
			if f.origin != nil {
				return f.origin, nil
			}
		case <-ctx.Done():
			g.leave(key, f)
			return nil, fmt.Errorf("wait for robots.txt: %w", context.Cause(ctx))
		}
	}
}

// depart starts a reading that outlives the caller who asked first, but not
// the last one who waits. It is called under the lock.
func (g *Gate) depart(ctx context.Context, key string, known *origin) *flight {
	ctx, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), g.cfg.ReadTime, errReadTime)
	f := &flight{cancel: stop, done: make(chan struct{})}
	g.flights[key] = f
	go func() {
		defer stop()
		o := g.read(ctx, key, known)
		g.mu.Lock()
		defer g.mu.Unlock()
		f.origin = o
		if g.flights[key] == f {
			delete(g.flights, key)
		}
		if o != nil {
			g.cache.put(key, o)
		}
		close(f.done)
	}()
	return f
}

// leave gives up waiting for f and ends it when nobody is left.
func (g *Gate) leave(key string, f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.waiters--
	if f.waiters == 0 && g.flights[key] == f {
		delete(g.flights, key)
		f.cancel()
	}
}
