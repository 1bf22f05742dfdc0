package gate

import (
	"fmt"
	"strings"
	"time"
)

// origin is what the gate knows about one scheme, host and port. It is never
// changed once it is in the cache.
type origin struct {
	robots *robots // nil where there is no robots.txt or it cannot be had
	source string  // where robots came from, after redirects
	readAt time.Time
	reason Reason // why there is no robots; empty with one
	tdm    []tdmRule
	aitxt  *robots

	expires  time.Time
	failures int       // attempts in a row that could not get robots.txt
	since    time.Time // the first of them
	known    *origin   // the last good state, while failing
}

// blocked reports whether nothing may be fetched for now.
func (o *origin) blocked() bool {
	return o.reason == Limited || o.reason == ServerError || o.reason == Unreachable
}

// bytes is the memory o takes, estimated.
func (o *origin) bytes() int64 {
	const overhead = 512
	size := int64(overhead + len(o.source))
	for _, r := range []*robots{o.robots, o.aitxt} {
		if r != nil {
			size += r.bytes
		}
	}
	for i := range o.tdm {
		size += int64(len(o.tdm[i].pattern.text)) + overhead/8
	}
	if o.known != nil {
		size += o.known.bytes()
	}
	return size
}

// decide answers for one path (normalPath).
func (o *origin) decide(path string, now time.Time, cfg Config) Decision {
	d := Decision{Allowed: true, Reason: o.reason, Source: o.source, ReadAt: o.readAt}
	if o.blocked() {
		d.Allowed, d.Temporary = false, true
		d.RetryAfter = max(o.expires.Sub(now), time.Second)
		return d
	}
	var e evidence
	if o.robots != nil {
		o.robots.decide(path, &d)
		d.CrawlDelayAsked = o.robots.delay()
		d.CrawlDelay = min(d.CrawlDelayAsked, cfg.MaxCrawlDelay)
		d.Sitemaps = o.robots.sitemaps
		o.robots.signals(path, &e)
	}
	if r := bestTDM(o.tdm, path); r != nil {
		e.add(SourceTDMRepFile, r.String(), r.training)
	}
	if o.aitxt != nil {
		if r := o.aitxt.best(path); r != nil {
			e.add(SourceAITxt, r.String(), permission(r.allow))
		}
	}
	d.Signals, d.AITrain = e.signals, e.training
	return d
}

func permission(allow bool) Training {
	if allow {
		return TrainingAllowed
	}
	return TrainingRefused
}

func (r *robots) decide(path string, d *Decision) {
	d.Reason = NoRule
	best := r.best(path)
	if best == nil {
		return
	}
	d.Rule, d.RuleLine = best.String(), best.line
	d.Allowed, d.Reason = best.allow, AllowedByRule
	if !best.allow {
		d.Reason = DisallowedByRule
	}
}

// signals gathers what robots.txt says about the use of path.
func (r *robots) signals(path string, e *evidence) {
	groups := append([]*group{&r.global}, r.ours...)
	for _, source := range []Source{SourceRobotsUsage, SourceRobotsSignal} {
		for _, u := range bestUsages(groups, source, path) {
			e.add(source, u.text, u.training)
		}
	}
	for _, license := range r.licenses {
		// The terms are not read here, and unread terms permit nothing.
		e.add(SourceRobotsLicense, "License: "+license, TrainingRefused)
	}
	r.crawlerSignals(path, e)
}

// bestUsages are the most specific lines of one source that match path.
func bestUsages(groups []*group, source Source, path string) []*usage {
	var found []*usage
	longest := 0
	for _, g := range groups {
		for i := range g.usages {
			u := &g.usages[i]
			if u.source != source || !u.pattern.match(path) {
				continue
			}
			if p := u.pattern.priority(); p > longest {
				longest, found = p, found[:0]
			} else if p < longest {
				continue
			}
			found = append(found, u)
		}
	}
	return found
}

// crawlerSignals takes each rule that shuts known AI crawlers out of path for
// one refusal, naming all whom it shuts out.
func (r *robots) crawlerSignals(path string, e *evidence) {
	best := make(map[*group]*rule) // groups are often shared between crawlers
	shut := make(map[*rule][]string)
	var order []*rule
	for _, c := range r.crawlers {
		var found *rule
		for _, g := range c.groups {
			b, known := best[g]
			if !known {
				b = g.best(path)
				best[g] = b
			}
			if outranks(b, found) {
				found = b
			}
		}
		if found == nil || found.allow {
			continue
		}
		if shut[found] == nil {
			order = append(order, found)
		}
		shut[found] = append(shut[found], c.name)
	}
	for _, rule := range order {
		text := fmt.Sprintf("%s (line %d) for %s", rule, rule.line, strings.Join(shut[rule], ", "))
		e.add(SourceRobotsAIAgent, text, TrainingRefused)
	}
}
