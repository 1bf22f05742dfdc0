package crawl

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// backoff slows down on sites that say or show that they are busy. It
// remembers the sites in trouble last, at most backoffSites.
type backoff struct {
	mu     sync.Mutex
	streak *lru.Cache[string, int]
}

const (
	backoffSites = 65_536
	backoffFirst = 5 * time.Second
	backoffMax   = 10 * time.Minute
)

func newBackoff() *backoff {
	streak, err := lru.New[string, int](backoffSites)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	return &backoff{streak: streak}
}

// trouble is how long to leave the site alone after one more bad answer.
func (b *backoff) trouble(site string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, _ := b.streak.Get(site)
	b.streak.Add(site, n+1)
	return min(backoffFirst<<min(n, 10), backoffMax)
}

func (b *backoff) well(site string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.streak.Contains(site) {
		b.streak.Remove(site)
	}
}
