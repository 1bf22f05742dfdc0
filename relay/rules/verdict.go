package rules

import (
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Verdict answers whether something may run now.
type Verdict struct {
	OK bool `json:"ok"`
	// Reason is what the router is told: wire.OK if it may run. It says less than
	// Rule, since it is not the router's business whether somebody is at home.
	Reason   wire.Reason `json:"reason"`
	Rule     Rule        `json:"rule,omitempty"` // which rule says no
	Sentence string      `json:"sentence"`       // for the user, one sentence
	// Until is when it may again, at the earliest; zero if that is up to the user
	// or cannot be known.
	Until time.Time `json:"until,omitzero"`
}

// Rule names one of the user's rules.
type Rule string

// The rules, in the order in which they are asked.
const (
	RuleConsent  Rule = "consent"
	RulePause    Rule = "pause"
	RuleMonth    Rule = "monthly_cap"
	RuleDay      Rule = "daily_cap"
	RuleSchedule Rule = "schedule"
	RuleNetwork  Rule = "network"
	RuleVPN      Rule = "vpn"
	RuleMetered  Rule = "metered"
	RuleBattery  Rule = "battery"
	RuleInUse    Rule = "in_use"
	RuleHalt     Rule = "halt" // a router's, asked after the user's own; see package halts

	RuleDeny     Rule = "deny_list"
	RuleStrict   Rule = "strict"
	RuleCategory Rule = "category"
)

// Sharing is the verdict for the node as a whole, whatever the site.
func (r *Rules) Sharing(now time.Time) Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sharing(now)
}

// Allow is the verdict for one tunnel to host, in a lease's spelling.
func (r *Rules) Allow(host string, now time.Time) Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.sharing(now); !v.OK {
		return v
	}
	s := r.state.Settings
	if site, ok := covers(s.Deny, host); ok {
		return no(wire.SiteDenied, RuleDeny, time.Time{}, "Not visiting %s because %s is on your deny list.", host, site)
	}
	if _, ok := covers(s.Allow, host); ok {
		return yes
	}
	if s.Strict {
		return no(wire.SiteDenied, RuleStrict, time.Time{}, "Not visiting %s because only sites on your allow list are visited.", host)
	}
	if c, ok := s.deniedCategory(host); ok {
		return no(wire.SiteDenied, RuleCategory, time.Time{}, "Not visiting %s because it is of the category %s (%s), which you have not allowed.", host, c.Name, c.Title)
	}
	return yes
}

var yes = Verdict{OK: true, Reason: wire.OK, Sentence: "Sharing."}

func no(reason wire.Reason, rule Rule, until time.Time, format string, args ...any) Verdict {
	return Verdict{Reason: reason, Rule: rule, Until: until, Sentence: fmt.Sprintf(format, args...)}
}

// sharing is called with mu held.
func (r *Rules) sharing(now time.Time) Verdict {
	s := r.state
	switch {
	case !s.Consent.Given() && s.Consent.Version != "":
		return no(wire.NoConsent, RuleConsent, time.Time{}, "Not sharing because the consent text has changed since you agreed; please read it again.")
	case !s.Consent.Given():
		return no(wire.NoConsent, RuleConsent, time.Time{}, "Not sharing because you have not agreed to it yet.")
	case s.Pause.Active(now) && s.Pause.Until.IsZero():
		return no(wire.Paused, RulePause, time.Time{}, "Not sharing because you paused it, until you resume.")
	case s.Pause.Active(now):
		return no(wire.Paused, RulePause, s.Pause.Until, "Not sharing because you paused it, until %s.", clock(s.Pause.Until, now))
	}
	r.fold(now)
	for _, ask := range []func(time.Time) (Verdict, bool){r.capped, r.scheduled, r.held} {
		if v, stops := ask(now); stops {
			return v
		}
	}
	return yes
}

func capVerdict(rule Rule, whose string, most uint64, again, now time.Time) (Verdict, bool) {
	return no(wire.CapReached, rule, again, "Not sharing because %s cap of %s is used up, until %s.", whose, size(most), clock(again, now)), true
}

// span is a time in which the schedule says one thing.
type span struct {
	from, to time.Time // to is zero if it has no end within sight
	open     bool
}

func (s span) holds(now time.Time) bool {
	return !s.from.IsZero() && !now.Before(s.from) && (s.to.IsZero() && now.Sub(s.from) < time.Hour || now.Before(s.to))
}

// scheduled is the verdict of the schedule; the caller holds mu.
func (r *Rules) scheduled(now time.Time) (Verdict, bool) {
	schedule := r.state.Settings.Schedule
	if len(schedule) == 0 {
		return Verdict{}, false
	}
	if !r.span.holds(now) {
		r.span = span{from: now, to: schedule.Next(now), open: schedule.Open(now)}
	}
	if r.span.open {
		return Verdict{}, false
	}
	if r.span.to.IsZero() {
		return no(wire.Paused, RuleSchedule, time.Time{}, "Not sharing because your schedule has no time for it in the days to come."), true
	}
	return no(wire.Paused, RuleSchedule, r.span.to, "Not sharing because your schedule says so, until %s.", clock(r.span.to, now)), true
}

// NextTurn is when the clock alone may next change a verdict: a pause runs out, a
// cap is lifted, the schedule opens or closes. It is zero if nothing is foreseen.
func (r *Rules) NextTurn(now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.sharing(now); !v.OK {
		return v.Until
	}
	return r.span.to
}

// clock is a time as people say it, in the zone of now.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if dayOf(t) == dayOf(now) {
		return t.Format("15:04")
	}
	return t.Format("15:04 on 2 January 2006")
}
