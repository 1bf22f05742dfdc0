package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/wire"
)

// Observe takes what the machine is doing now. It closes Changed if that makes a
// difference. The first network met after consent becomes one to share on, which
// is stored; the error is that of storing, and then the network stays unknown.
func (r *Rules) Observe(s presence.Snapshot) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	before := r.sharing(now)
	r.seen = s
	var err error
	if next := r.state; next.meet(s, now) {
		err = r.changeLocked(func(st *state) { *st = next })
	}
	if after := r.sharing(now); after.Rule != before.Rule {
		r.wake()
	}
	return err
}

// Seen is the last Observe.
func (r *Rules) Seen() presence.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// meet puts the first network into the settings: a user who has just agreed to
// share means the network the machine is in, unless that may be somebody else's
// to agree for.
func (s *state) meet(seen presence.Snapshot, now time.Time) bool {
	if s.Met || !s.Consent.Given() || seen.Network.ID == "" || seen.Managed.Answer == presence.Yes {
		return false
	}
	s.Met = true
	if len(s.Settings.Networks) > 0 {
		return true
	}
	s.Settings = s.Settings.clone()
	s.Settings.Networks = []Network{{ID: seen.Network.ID, Name: seen.Network.Name, Since: now.UTC()}}
	s.Revision++
	return true
}

func (s Settings) knows(network string) bool {
	return slices.ContainsFunc(s.Networks, func(n Network) bool { return n.ID == network })
}

// held is the verdict of the automatic pauses; the caller holds mu. Each applies
// only to what is known for certain.
func (r *Rules) held(now time.Time) (Verdict, bool) {
	seen, auto := r.seen, r.state.Settings.AutoPause
	hold := func(rule Rule, format string, args ...any) (Verdict, bool) {
		return no(wire.Paused, rule, time.Time{}, "Not sharing because "+format+".", args...), true
	}
	if auto.Network {
		if why, stops := r.strange(); stops {
			return hold(RuleNetwork, "%s", why)
		}
	}
	switch {
	case auto.VPN && seen.VPN.Answer == presence.Yes:
		return hold(RuleVPN, "%s, until it no longer does", seen.VPN.Why)
	case auto.Metered && seen.Metered.Answer == presence.Yes:
		return hold(RuleMetered, "the connection is metered (%s), until you use another one", seen.Metered.Why)
	case auto.Battery && seen.Battery.Answer == presence.Yes:
		return hold(RuleBattery, "this machine runs on battery (%s), until it is plugged in", seen.Battery.Why)
	}
	last := seen.InUse.Last
	if idle := now.Sub(last); auto.InUse && !last.IsZero() && idle >= 0 && idle < auto.idle() {
		until := last.Add(auto.idle())
		return no(wire.Paused, RuleInUse, until, "Not sharing because this machine is in use (%s), until it has not been for %d min, %s at the earliest.",
			seen.InUse.Sign, auto.IdleMinutes, clock(until, now)), true
	}
	return Verdict{}, false
}

// strange says what is the matter with the network, if anything is.
func (r *Rules) strange() (why string, stops bool) {
	n, managed := r.seen.Network, r.seen.Managed
	const allow = "until you allow it: fallow-node rules network allow"
	switch {
	case r.state.Settings.knows(n.ID):
		return "", false
	case n.Pending:
		return "the network is not recognised yet, until this machine has spoken with its gateway", true
	case managed.Answer == presence.Yes && n.ID != "":
		return fmt.Sprintf("this machine seems to belong to an organisation (%s), %s", managed.Why, allow), true
	case managed.Answer == presence.Yes:
		return fmt.Sprintf("this machine seems to belong to an organisation (%s), until you switch that rule off: fallow-node rules set --pause-network=false", managed.Why), true
	case n.ID != "":
		return fmt.Sprintf("this network (%s) is new to this node, %s", n.Name, allow), true
	}
	return "", false
}
