package crawl

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// turns lets one request at a time through to a site, whoever asks: the
// frontier hands out one address of a site, but a page may be wanted on demand
// meanwhile, or a proof of its owner looked for. It also remembers the sites
// that asked to be left alone for a while.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn
	rests *lru.Cache[string, time.Time]
}

// turn is one site's; the lock of turns guards waiting.
type turn struct {
	free    chan struct{} // holds a token while nobody asks the site
	waiting int           // who has it or wants it
}

func newTurns() *turns {
	rests, err := lru.New[string, time.Time](paceSites)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	return &turns{taken: make(map[string]*turn), rests: rests}
}

// take waits for the site's turn and returns what gives it back.
func (t *turns) take(ctx context.Context, site string) (leave func(), err error) {
	t.mu.Lock()
	one := t.taken[site]
	if one == nil {
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		t.taken[site] = one
	}
	one.waiting++
	t.mu.Unlock()
	gone := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(t.taken, site)
		}
	}
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	}
}

// rest leaves a site alone until then.
func (t *turns) rest(site string, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, known := t.rests.Get(site); !known || until.After(before) {
		t.rests.Add(site, until)
	}
}

// resting is until when a site wants to be left alone; zero if it does not.
func (t *turns) resting(site string, now time.Time) time.Time {
	until, known := t.rests.Get(site)
	if !known || !until.After(now) {
		return time.Time{}
	}
	return until
}
