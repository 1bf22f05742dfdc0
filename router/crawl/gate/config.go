package gate

import "time"

// MaxRobotsBytes is how much of a robots.txt, tdmrep.json or ai.txt is read
// and parsed. RFC 9309 asks for at least 500 KiB.
const MaxRobotsBytes = 512 << 10

// maxRedirects is how many redirects of a robots.txt are followed (RFC 9309,
// 2.3.1.2: at least five).
const maxRedirects = 5

// Config holds every bound of a Gate. A zero field takes its default.
type Config struct {
	// ProductToken is the name robots.txt groups address us by. Default "FallowBot".
	ProductToken string
	// MaxAge is how long a robots.txt is applied before it is read again.
	// Default and maximum 24 h (RFC 9309, 2.4).
	MaxAge time.Duration
	// MaxEntries is the number of origins remembered. Default 8192.
	MaxEntries int
	// MaxBytes is the memory all remembered origins may take together, in
	// bytes, as estimated. Default 64 MiB.
	MaxBytes int64
	// ReadTime bounds the reading of one origin's files, all redirects and
	// retries of the Fetcher included. Default 3 min.
	ReadTime time.Duration
	// RetryMin and RetryMax bound the wait before a robots.txt that could not
	// be had is asked for again; it doubles from one to the other. A longer
	// Retry-After is honoured up to MaxAge. Defaults 1 min and 6 h.
	RetryMin, RetryMax time.Duration
	// LongUnreachable is the time after which a robots.txt that cannot be had
	// counts as absent or as its last known copy. Default 30 days.
	LongUnreachable time.Duration
	// MaxCrawlDelay is the longest Crawl-delay honoured; a longer one is
	// clamped to it and reported in Decision.CrawlDelayAsked. Default 30 s.
	MaxCrawlDelay time.Duration
	// RobotsOnly leaves out /.well-known/tdmrep.json and /ai.txt, which cost
	// two more requests for each origin. Default false.
	RobotsOnly bool
	// OptedOut says whether a host's owner has opted out, with the proof in a few
	// words. It is asked before robots.txt, for every URL: it must answer from
	// memory, and concurrently. Default nil: nobody has.
	OptedOut func(host string) (proof string, out bool)
}

// DefaultConfig is the configuration used on the real web.
func DefaultConfig() Config {
	return Config{}.withDefaults()
}

func (c Config) withDefaults() Config {
	if c.ProductToken == "" {
		c.ProductToken = "FallowBot"
	}
	const day = 24 * time.Hour
	if c.MaxAge <= 0 || c.MaxAge > day {
		c.MaxAge = day
	}
	setDefault(&c.MaxEntries, 8192)
	setDefault(&c.MaxBytes, 64<<20)
	setDefault(&c.ReadTime, 3*time.Minute)
	setDefault(&c.RetryMin, time.Minute)
	setDefault(&c.RetryMax, 6*time.Hour)
	setDefault(&c.LongUnreachable, 30*day)
	setDefault(&c.MaxCrawlDelay, 30*time.Second)
	return c
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
