package gate

import (
	"bytes"
	"strings"
	"time"

	"github.com/jimsmart/grobotstxt"
)

const (
	maxSitemaps     = 256  // Sitemap lines kept of one robots.txt
	maxSitemapBytes = 2048 // the longest of them
	maxUsageRules   = 1024 // Content-Usage and Content-Signal lines kept of one robots.txt
	maxLicenses     = 8    // License lines kept of one robots.txt
)

// rule is one Allow or Disallow line.
type rule struct {
	pattern pattern
	line    int
	allow   bool
}

func (r *rule) String() string {
	verb := "Disallow: "
	if r.allow {
		verb = "Allow: "
	}
	return bounded(verb + r.pattern.String())
}

// usage is one Content-Usage or Content-Signal line.
type usage struct {
	pattern  pattern // empty: every path
	source   Source
	text     string
	training Training
}

// group is one robots.txt group of an agent we look at.
type group struct {
	agents []string // lower case; "*" among them
	rules  []rule   // most specific first, Allow before Disallow of the same length
	usages []usage
	delay  time.Duration
}

// best is the most specific rule that matches path, nil without one.
func (g *group) best(path string) *rule {
	for i := range g.rules {
		if g.rules[i].pattern.match(path) {
			return &g.rules[i]
		}
	}
	return nil
}

// outranks reports whether rule a decides against rule b (RFC 9309, 2.2.2: the
// longer one, and Allow among equals). Either may be nil.
func outranks(a, b *rule) bool {
	if a == nil || b == nil {
		return b == nil && a != nil
	}
	if pa, pb := a.pattern.priority(), b.pattern.priority(); pa != pb {
		return pa > pb
	}
	return a.allow && !b.allow
}

// crawler is a known AI crawler that robots.txt names.
type crawler struct {
	name   string
	groups []*group
}

// robots is one parsed robots.txt, reduced to what we need of it.
type robots struct {
	ours     []*group // for our token or, where no group names it, for *
	crawlers []crawler
	global   group // usage lines before any group
	licenses []string
	sitemaps []string
	bytes    int64 // memory, estimated
}

// best is the most specific rule for us that matches path.
func (r *robots) best(path string) *rule {
	var found *rule
	for _, g := range r.ours {
		if b := g.best(path); outranks(b, found) {
			found = b
		}
	}
	return found
}

func (r *robots) allows(path string) bool {
	b := r.best(path)
	return b == nil || b.allow
}

func (r *robots) delay() time.Duration {
	var delay time.Duration
	for _, g := range r.ours {
		delay = max(delay, g.delay)
	}
	return delay
}

// parseRobots reads at most MaxRobotsBytes of body; a line cut by that bound is
// dropped, for half a rule is another rule.
func parseRobots(body []byte, token string) *robots {
	if len(body) >= MaxRobotsBytes {
		body = body[:MaxRobotsBytes]
		body = body[:bytes.LastIndexAny(body, "\r\n")+1]
	}
	l := &lexer{token: strings.ToLower(token), robots: &robots{}, crawlers: map[string][]*group{}}
	l.group = &l.robots.global
	grobotstxt.Parse(escapeBody(body), l)
	return l.finish()
}

// escapeBody writes every percent escape of a robots.txt in upper case and
// every byte outside ASCII as an escape, so that grobotstxt leaves all values
// alone: its own escaping spoils the digits of an escape.
func escapeBody(body []byte) string {
	bom := []byte("\ufeff")
	var b strings.Builder
	b.Grow(len(body))
	if bytes.HasPrefix(body, bom) {
		b.Write(bom)
		body = body[len(bom):]
	}
	for i, c := range body {
		afterPercent := i > 0 && body[i-1] == '%' || i > 1 && body[i-2] == '%' && isHex(body[i-1])
		switch {
		case c >= 0x80:
			escape(&b, c)
		case afterPercent && isHex(c) && c >= 'a':
			b.WriteByte(c - 'a' + 'A')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
