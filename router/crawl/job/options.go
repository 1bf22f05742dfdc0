package job

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Options are the finer wishes of a job. The zero value wishes for nothing.
type Options struct {
	// Include, unless empty, and Exclude are patterns of found addresses to
	// follow and not to follow; see Pattern. Seeds are fetched whatever they say.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// MaxDepth is how many links from a seed are followed; 0 is the router's bound.
	MaxDepth int `json:"max_depth,omitempty"`
	// MaxPerSite is how many addresses of one site are fetched; 0 is the router's
	// bound.
	MaxPerSite int64 `json:"max_per_site,omitempty"`
	// Priority is the job's share of the starts beside other jobs'.
	Priority Priority `json:"priority,omitempty"`
	// Sitemaps says whether the sitemaps that robots.txt names are read.
	Sitemaps Sitemaps `json:"sitemaps,omitempty"`
	// Recrawl takes up the addresses that the dataset holds and that are due
	// again, besides the seeds, and asks sites only for what has changed.
	Recrawl bool `json:"recrawl,omitempty"`
	// Collector names the collector that reads fields out of pages, "" for none.
	Collector string `json:"collector,omitempty"`
	// Use is what the dataset is for.
	Use Use `json:"use,omitempty"`
}

// Use is what a dataset is for, as far as sites have a say in it.
type Use string

// The uses.
const (
	// UseTraining may be the training of models, so pages whose sites refuse that
	// are left out. The default.
	UseTraining Use = ""
	// UseOther is none: such pages are records, marked as what they are.
	UseOther Use = "other"
)

// Priority is a job's weight beside other jobs.
type Priority string

// The priorities: a high one gets four times the starts of a normal one, and that
// four times those of a low one, while all have something to fetch.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "" // the default
	PriorityHigh   Priority = "high"
)

// Sitemaps is the use of sitemaps.
type Sitemaps string

// The uses.
const (
	SitemapsFollow Sitemaps = ""    // the default: they are read except in scope list
	SitemapsIgnore Sitemaps = "off" // they are not
	SitemapsOnly   Sitemaps = "only"
)

const (
	maxPatterns    = 64  // include and exclude, each
	maxPatternSize = 512 // bytes
	maxDepthAsked  = 1_000
	maxSiteAsked   = 1_000_000_000
)

func (o Options) validate() error {
	for name, list := range map[string][]string{"include": o.Include, "exclude": o.Exclude} {
		if len(list) > maxPatterns {
			return invalid("%d %s patterns, may be %d", len(list), name, maxPatterns)
		}
		for _, p := range list {
			if err := validatePattern(name, p); err != nil {
				return err
			}
		}
	}
	switch {
	case o.MaxDepth < 0 || o.MaxDepth > maxDepthAsked:
		return invalid("max depth is %d, must be 0 (the router's bound) to %d", o.MaxDepth, maxDepthAsked)
	case o.MaxPerSite < 0 || o.MaxPerSite > maxSiteAsked:
		return invalid("max per site is %d, must be 0 (the router's bound) to %d", o.MaxPerSite, int64(maxSiteAsked))
	case !slices.Contains([]Priority{PriorityLow, PriorityNormal, PriorityHigh}, o.Priority):
		return invalid("priority %.20q is not one of low, normal, high", o.Priority)
	case !slices.Contains([]Use{UseTraining, UseOther}, o.Use):
		return invalid("use %.20q is not one of training, other", o.Use)
	case !slices.Contains([]Sitemaps{SitemapsFollow, SitemapsIgnore, SitemapsOnly}, o.Sitemaps):
		return invalid("sitemaps %.20q is not one of follow, off, only", o.Sitemaps)
	}
	return nil
}

func validatePattern(name, p string) error {
	switch {
	case p == "" || p == "*":
		return invalid("%s pattern %q says nothing: leave it out", name, p)
	case len(p) > maxPatternSize:
		return invalid("%s pattern has %d bytes, may have %d", name, len(p), maxPatternSize)
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl) || strings.Contains(p, " "):
		return invalid("%s pattern %.80q contains spaces or control characters", name, p)
	case strings.Contains(p, "://"):
		return invalid("%s pattern %.80q: leave out the scheme; write /path or host/path", name, p)
	}
	return nil
}

// Patterns decides by a job's include and exclude patterns. It is safe for
// concurrent use.
type Patterns struct{ include, exclude []Pattern }

// NewPatterns compiles the patterns of o.
func NewPatterns(o Options) *Patterns {
	p := &Patterns{}
	for _, s := range o.Include {
		p.include = append(p.include, newPattern(s))
	}
	for _, s := range o.Exclude {
		p.exclude = append(p.exclude, newPattern(s))
	}
	return p
}

// Follow reports whether an address in canonical form is to be followed.
func (p *Patterns) Follow(url string) bool {
	if len(p.include) == 0 && len(p.exclude) == 0 {
		return true
	}
	_, rest, _ := strings.Cut(url, "://")
	path := "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		path = rest[i:]
	}
	matches := func(q Pattern) bool { return q.match(rest, path) }
	return (len(p.include) == 0 || slices.ContainsFunc(p.include, matches)) && !slices.ContainsFunc(p.exclude, matches)
}

// Pattern is one pattern, in the spelling of robots.txt: it is matched from the
// start, * stands for any characters, $ at the end for the end. One that begins
// with / is matched against path and query, any other against host, path and
// query: "docs.example.com/api/*.html$".
type Pattern struct {
	parts  []string // between the stars
	path   bool     // without the host
	closed bool     // ends where the address ends
}

func newPattern(s string) Pattern {
	p := Pattern{path: strings.HasPrefix(s, "/")}
	s, p.closed = strings.CutSuffix(s, "$")
	p.parts = strings.Split(s, "*")
	return p
}

// match takes time in proportion to the lengths of address and pattern: each part
// takes its leftmost place, and the last one, if it must, the end.
func (p Pattern) match(whole, path string) bool {
	s := whole
	if p.path {
		s = path
	}
	rest, ok := strings.CutPrefix(s, p.parts[0])
	if !ok {
		return false
	}
	if len(p.parts) == 1 {
		return !p.closed || rest == ""
	}
	last := len(p.parts) - 1
	for _, part := range p.parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	if p.closed {
		return strings.HasSuffix(rest, p.parts[last])
	}
	return strings.Contains(rest, p.parts[last])
}
