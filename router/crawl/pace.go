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
	next *lru.Cache[string, time.Time]
}

const paceSites = 65_536

func newPace() *pace {
	next, err := lru.New[string, time.Time](paceSites)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	return &pace{next: next}
}

// wait waits for the site's next free moment and takes it: whoever comes next
// waits at least delay more.
func (p *pace) wait(ctx context.Context, site string, delay time.Duration) error {
	if delay == 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	at := time.Now()
	if next, _ := p.next.Get(site); next.After(at) {
		at = next
	}
	p.next.Add(site, at.Add(delay))
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sent notes that a request has left only now, after waiting for a node or a
// connection.
func (p *pace) sent(site string, delay time.Duration) {
	if delay == 0 {
		return
	}
	at := time.Now().Add(delay)
	p.mu.Lock()
	defer p.mu.Unlock()
	if next, _ := p.next.Get(site); next.Before(at) {
		p.next.Add(site, at)
	}
}
