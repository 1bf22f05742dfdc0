package rules

import (
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Verdict answers whether something may run now.
type Verdict struct {
	OK       bool        `json:"ok"`
	Reason   wire.Reason `json:"reason"`         // wire.OK if it may
	Sentence string      `json:"sentence"`       // for the user, one sentence
	Until    time.Time   `json:"until,omitzero"` // when it may again; zero if that is up to the user
}

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
		return no(wire.SiteDenied, time.Time{}, "Not visiting %s because %s is on your deny list.", host, site)
	}
	if _, ok := covers(s.Allow, host); s.Strict && !ok {
		return no(wire.SiteDenied, time.Time{}, "Not visiting %s because only sites on your allow list are visited.", host)
	}
	return yes
}

var yes = Verdict{OK: true, Reason: wire.OK, Sentence: "Sharing."}

func no(reason wire.Reason, until time.Time, format string, args ...any) Verdict {
	return Verdict{Reason: reason, Until: until, Sentence: fmt.Sprintf(format, args...)}
}

func (r *Rules) sharing(now time.Time) Verdict {
	s := r.state
	switch {
	case !s.Consent.Given() && s.Consent.Version != "":
		return no(wire.NoConsent, time.Time{}, "Not sharing because the consent text has changed since you agreed; please read it again.")
	case !s.Consent.Given():
		return no(wire.NoConsent, time.Time{}, "Not sharing because you have not agreed to it yet.")
	case s.Pause.Active(now) && s.Pause.Until.IsZero():
		return no(wire.Paused, time.Time{}, "Not sharing because you paused it, until you resume.")
	case s.Pause.Active(now):
		return no(wire.Paused, s.Pause.Until, "Not sharing because you paused it, until %s.", clock(s.Pause.Until, now))
	}
	if used, most := s.Usage.in(now, s.Settings.Caps), s.Settings.Caps.MonthlyBytes; most > 0 && used >= most {
		again := nextMonth(now, s.Settings.Caps.ResetDay)
		return no(wire.CapReached, again, "Not sharing because this month's cap of %s is used up, until %s.", size(most), clock(again, now))
	}
	return yes
}

// clock is a time as people say it, in the zone of now.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04")
	}
	return t.Format("15:04 on 2 January 2006")
}

func size(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
