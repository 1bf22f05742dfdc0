package gate

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jimsmart/grobotstxt"
)

// lexer collects what grobotstxt finds in a file.
type lexer struct {
	token     string
	robots    *robots
	group     *group
	groups    []*group
	crawlers  map[string][]*group // by lower-case token
	ruled     bool                // the group has rules: the next User-agent begins another
	usages    int
	lineBytes int64
}

var _ grobotstxt.ParseHandler = (*lexer)(nil)

// HandleRobotsStart does nothing.
func (l *lexer) HandleRobotsStart() {}

// HandleRobotsEnd does nothing.
func (l *lexer) HandleRobotsEnd() {}

// HandleUserAgent opens a group or adds an agent to the open one.
func (l *lexer) HandleUserAgent(_ int, value string) {
	if l.ruled || l.group == &l.robots.global {
		l.group, l.ruled = &group{}, false
		l.groups = append(l.groups, l.group)
	}
	agent := agentToken(value)
	if agent != "*" && agent != l.token && aiCrawlerNames[agent] == "" {
		return
	}
	if !slices.Contains(l.group.agents, agent) {
		l.group.agents = append(l.group.agents, strings.Clone(agent))
	}
}

// agentToken is the product token at the start of a User-agent value, in lower
// case; "*" alone or with words behind it is everybody.
func agentToken(value string) string {
	if value == "*" || strings.HasPrefix(value, "* ") || strings.HasPrefix(value, "*\t") {
		return "*"
	}
	end := strings.IndexFunc(value, func(r rune) bool {
		return r >= 0x80 || !isUnreserved(byte(r)) && !strings.ContainsRune("#$%'+^`|", r)
	})
	if end >= 0 {
		value = value[:end]
	}
	return strings.ToLower(value)
}

// HandleAllow keeps an Allow line. "/dir/index.html" also allows "/dir/", as in
// Google's parser.
func (l *lexer) HandleAllow(line int, value string) {
	l.addRule(line, value, true)
	slash := strings.LastIndexByte(value, '/')
	if slash >= 0 && strings.HasPrefix(value[slash:], "/index.htm") {
		l.addRule(line, value[:slash+1]+"$", true)
	}
}

// HandleDisallow keeps a Disallow line.
func (l *lexer) HandleDisallow(line int, value string) { l.addRule(line, value, false) }

func (l *lexer) addRule(line int, value string, allow bool) {
	if l.group == &l.robots.global {
		return // a rule for nobody
	}
	l.ruled = true
	if value == "" || len(l.group.agents) == 0 {
		return
	}
	r := rule{pattern: newPattern(value), line: line, allow: allow}
	l.group.rules = append(l.group.rules, r)
	const overhead = 48
	l.lineBytes += overhead + int64(len(r.pattern.text))
}

// HandleSitemap keeps a Sitemap line that is an absolute URL.
func (l *lexer) HandleSitemap(_ int, value string) {
	if len(value) > maxSitemapBytes || len(l.robots.sitemaps) == maxSitemaps {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return
	}
	if s := u.String(); !slices.Contains(l.robots.sitemaps, s) {
		l.robots.sitemaps = append(l.robots.sitemaps, s)
	}
}

// HandleUnknownAction keeps the lines that grobotstxt has no name for.
func (l *lexer) HandleUnknownAction(_ int, key, value string) {
	switch strings.ToLower(key) {
	case "crawl-delay":
		if d, ok := parseDelay(value); ok {
			l.group.delay = max(l.group.delay, d)
		}
	case "content-usage":
		l.addUsage(SourceRobotsUsage, value)
	case "content-signal":
		l.addUsage(SourceRobotsSignal, value)
	case "license":
		if len(l.robots.licenses) < maxLicenses && value != "" {
			l.robots.licenses = append(l.robots.licenses, bounded(value))
		}
	}
}

func (l *lexer) addUsage(source Source, value string) {
	if l.usages == maxUsageRules {
		return
	}
	l.usages++
	u := usage{source: source, text: strings.Clone(bounded(value))}
	if path, list, ok := strings.Cut(value, " "); ok && (strings.HasPrefix(path, "/") || strings.HasPrefix(path, "*")) {
		u.pattern, value = newPattern(path), list
	}
	u.training = training(value)
	l.group.usages = append(l.group.usages, u)
	l.lineBytes += int64(len(u.text) + len(u.pattern.text))
}

// parseDelay reads the seconds of a Crawl-delay line, perhaps with a fraction.
func parseDelay(value string) (time.Duration, bool) {
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 {
		return 0, false
	}
	const most = 365 * 24 * time.Hour
	return time.Duration(min(seconds, most.Seconds()) * float64(time.Second)), true
}

// finish sorts the groups out: whose they are, and the rules by rank.
func (l *lexer) finish() *robots {
	r := l.robots
	var stars []*group
	for _, g := range l.groups {
		slices.SortStableFunc(g.rules, byRank)
		if slices.Contains(g.agents, l.token) {
			r.ours = append(r.ours, g)
		}
		if slices.Contains(g.agents, "*") {
			stars = append(stars, g)
		}
		for _, agent := range g.agents {
			if aiCrawlerNames[agent] != "" {
				l.crawlers[agent] = append(l.crawlers[agent], g)
			}
		}
	}
	if len(r.ours) == 0 {
		r.ours = stars
	}
	for _, name := range aiCrawlers {
		if groups := l.crawlers[strings.ToLower(name)]; groups != nil {
			r.crawlers = append(r.crawlers, crawler{name: name, groups: groups})
		}
	}
	const groupOverhead = 256
	r.bytes = l.lineBytes + int64(len(l.groups))*groupOverhead
	for _, s := range r.sitemaps {
		r.bytes += int64(len(s))
	}
	return r
}

func byRank(a, b rule) int {
	switch {
	case outranks(&a, &b):
		return -1
	case outranks(&b, &a):
		return 1
	}
	return 0
}
