package crawl

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// pace spaces requests to a site. The frontier's clock says when a site has a
// turn; a turn may need several requests (robots.txt and its kin, the page, the
// page again through another node), and these, too, are starts to the site. It
// remembers the sites asked last; one forgotten was asked long ago.
type pace struct {
	mu   sync.Mutex
	last *lru.Cache[string, time.Time] // latest start, or the latest promised
}

const paceSites = 65_536

func newPace() *pace {
	last, err := lru.New[string, time.Time](paceSites)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	return &pace{last: last}
}

// wait waits for the site's next free moment, delay after the last start, and
// takes it.
func (p *pace) wait(ctx context.Context, site string, delay time.Duration) error {
	if delay == 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	at := time.Now()
	before, known := p.last.Get(site)
	if next := before.Add(delay); known && next.After(at) {
		at = next
	}
	p.last.Add(site, at)
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, _ := p.last.Get(site); last.Equal(at) { // nobody has queued behind: the turn is not used
		p.last.Add(site, before)
	}
	return ctx.Err()
}

// sent notes that a request has left only now, after waiting for a node or a
// connection.
func (p *pace) sent(site string, delay time.Duration) {
	if delay == 0 {
		return
	}
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, _ := p.last.Get(site); last.Before(at) {
		p.last.Add(site, at)
	}
}
