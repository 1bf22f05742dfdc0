package frontier

import (
	"errors"
	"fmt"
	"time"
)

// Bounds on the strings of an item, in bytes. They keep one hostile page from
// filling the disk with one link; URLs are bounded more tightly by dedupe.
const (
	maxURL  = 8 << 10
	maxHost = 255
	maxJob  = 128
)

// Item is one URL to fetch for one job. Add takes items, Next hands them out;
// an item from Next also carries its place in the queue, so pass it on whole.
type Item struct {
	URL  string // canonical; identifies the item within its job
	Host string // host name of URL, without port
	Site string // registrable domain: whose clock the fetch runs on
	SURT string // sort key of URL
	Job  string // name of the job

	Kind      Kind
	Changed   time.Time // when its site says it changed last; for the admit of AddIf, not stored
	Depth     int       // links followed from a seed
	Hops      int       // redirects followed to get here
	Attempts  int       // fetches that ended in Retry so far
	Priority  uint8     // 0 first; equal priorities in order of insertion
	NotBefore time.Time // earliest start; zero is at once. Milliseconds are kept

	key string // place in the queue on disk, set by Next
}

// Kind is what an address is expected to be.
type Kind uint8

// The kinds.
const (
	Page     Kind = iota
	SiteFile      // a sitemap or the like, which lists addresses
)

func (it *Item) validate() error {
	switch {
	case it.URL == "" || it.Site == "" || it.Job == "":
		return errors.New("frontier item: URL, Site and Job must be set")
	case len(it.URL) > maxURL || len(it.SURT) > maxURL:
		return fmt.Errorf("frontier item: URL or SURT of %d and %d bytes, at most %d", len(it.URL), len(it.SURT), maxURL)
	case len(it.Host) > maxHost || len(it.Site) > maxHost:
		return fmt.Errorf("frontier item: host or site of %d and %d bytes, at most %d", len(it.Host), len(it.Site), maxHost)
	case len(it.Job) > maxJob:
		return fmt.Errorf("frontier item: job name of %d bytes, at most %d", len(it.Job), maxJob)
	case it.Depth < 0 || it.Hops < 0 || it.Attempts < 0:
		return errors.New("frontier item: depth, hops and attempts must not be negative")
	}
	return nil
}

// Release says how a fetch ended.
type Release struct {
	// Delay keeps the whole site quiet for at least this long from now:
	// Retry-After or back-off. At most Config.MaxDelay.
	Delay time.Duration
	// Retry puts the item back with Attempts+1, see Blameless. Without it the item awaits its
	// commit and is not handed out again by this process.
	Retry bool
	// Outcome is how the site did: in trouble its interval grows, and shrinks
	// again to its own as fetches go well.
	Outcome Outcome
	// Blameless keeps a Retry from counting as an attempt: the item had no turn.
	Blameless bool
	// NotBefore is the earliest start of the retried item; zero is at once.
	NotBefore time.Time
}

// Outcome is how a fetch went as far as the site's load goes.
type Outcome uint8

// The outcomes.
const (
	NoSign  Outcome = iota // says nothing about the site's load
	Well                   // answered
	Trouble                // 429, 5xx, or no answer in time
)

// Added says what became of the items of one Add: the four sum up to their
// number.
type Added struct {
	New    int // queued
	Seen   int // known to the job already, or twice in the call
	Capped int // above a bound of Config or of Limit: neither queued nor remembered
	// Refused by the admit of AddIf: neither queued nor remembered.
	Refused int
}

// Counts are the exact numbers of a job's URLs.
// Known = Queued + InFlight + Awaiting + Done.
type Counts struct {
	Known    int // ever added
	Queued   int // on disk, to be handed out
	InFlight int // handed out by Next, not released
	Awaiting int // released, their Finish not yet committed
	Done     int // finished
}
