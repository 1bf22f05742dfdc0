package gate

import "time"

// Reason says in one stable word why a Decision came out as it did. The words
// are stored with records and shown to buyers; they are never renamed.
type Reason string

// The reasons a Decision carries.
const (
	// RobotsItself: /robots.txt may always be fetched (RFC 9309, 2.2.2).
	RobotsItself Reason = "robots_itself"
	// NoRule: robots.txt was read and no rule of our group matches the path.
	NoRule Reason = "no_rule"
	// AllowedByRule: an Allow line is the most specific match.
	AllowedByRule Reason = "allowed_by_rule"
	// NoRobots: the site answered that there is no robots.txt (4xx, or more
	// than five redirects), which permits everything.
	NoRobots Reason = "no_robots"
	// LongUnreachable: robots.txt could not be had for thirty days and no
	// older copy is known, so the file counts as absent (RFC 9309, 2.3.1.4).
	LongUnreachable Reason = "robots_long_unreachable"
	// DisallowedByRule: a Disallow line is the most specific match.
	DisallowedByRule Reason = "disallowed_by_rule"
	// OptedOut: the site's owner proved that he is and wants no fetches.
	OptedOut Reason = "opted_out"
	// Limited: the site answered 429 to the request for robots.txt.
	Limited Reason = "robots_limited"
	// ServerError: the site answered 5xx to the request for robots.txt.
	ServerError Reason = "robots_server_error"
	// Unreachable: no answer at all came for robots.txt.
	Unreachable Reason = "robots_unreachable"
)

// Decision is the gate's answer for one URL, with the evidence for it. Every
// text in it is bounded (MaxSignalText) and valid UTF-8.
type Decision struct {
	// Allowed reports whether the URL may be fetched now.
	Allowed bool
	// Temporary is set on a refusal that comes from not knowing the rules
	// rather than from the rules: ask again after RetryAfter.
	Temporary bool
	// RetryAfter is how long to wait before the gate will look again; zero
	// unless Temporary.
	RetryAfter time.Duration

	// Reason is why.
	Reason Reason
	// Source is the address of the robots.txt that was applied, after
	// redirects; empty when none was read.
	Source string
	// Rule is the matched line as the gate understood it ("Disallow: /a"),
	// empty when no line matched.
	Rule string
	// RuleLine is the number of that line in robots.txt, from 1; 0 without one.
	RuleLine int
	// ReadAt is when the applied robots.txt was read.
	ReadAt time.Time

	// CrawlDelay is the pause the site asks for between two fetches, at most
	// Config.MaxCrawlDelay; zero when it asks for none.
	CrawlDelay time.Duration
	// CrawlDelayAsked is the pause as the site wrote it. Where it is greater
	// than CrawlDelay the gate clamped it, and an operator should know.
	CrawlDelayAsked time.Duration
	// Sitemaps are the absolute http and https addresses of the robots.txt's
	// Sitemap lines. The slice is shared: do not modify it.
	Sitemaps []string

	// Signals are the opt-out statements found for this URL in robots.txt,
	// tdmrep.json and ai.txt.
	Signals []Signal
	// AITrain is Training(Signals).
	AITrain Training
}
