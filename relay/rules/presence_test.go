package rules_test

import (
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

var (
	sure = presence.Finding{Answer: presence.Yes, Why: "it was seen"}
	home = presence.Network{ID: "0a1b", Name: "gateway 192.168.1.1 on wlan0"}
	cafe = presence.Network{ID: "ffff", Name: "gateway 10.0.0.1 on wlan0"}
)

func observe(t *testing.T, r *rules.Rules, s presence.Snapshot) {
	t.Helper()
	s.At = noon
	if err := r.Observe(s); err != nil {
		t.Fatal(err)
	}
}

func TestAutoPause(t *testing.T) {
	for name, c := range map[string]struct {
		seen     presence.Snapshot
		off      func(*rules.AutoPause)
		rule     rules.Rule
		sentence string
	}{
		"battery":   {presence.Snapshot{Battery: sure}, func(a *rules.AutoPause) { a.Battery = false }, rules.RuleBattery, "runs on battery (it was seen), until it is plugged in."},
		"metered":   {presence.Snapshot{Metered: sure}, func(a *rules.AutoPause) { a.Metered = false }, rules.RuleMetered, "is metered (it was seen), until you use another one."},
		"vpn":       {presence.Snapshot{VPN: sure}, func(a *rules.AutoPause) { a.VPN = false }, rules.RuleVPN, "it was seen, until it no longer does."},
		"corporate": {presence.Snapshot{Managed: sure}, func(a *rules.AutoPause) { a.Network = false }, rules.RuleNetwork, "belong to an organisation"},
		"its net":   {presence.Snapshot{Managed: sure, Network: cafe}, func(a *rules.AutoPause) { a.Network = false }, rules.RuleNetwork, "rules network allow"},
		"pending":   {presence.Snapshot{Network: presence.Network{Pending: true}}, func(a *rules.AutoPause) { a.Network = false }, rules.RuleNetwork, "not recognised yet"},
		"in use": {
			presence.Snapshot{InUse: presence.Use{Last: noon.Add(-time.Minute), Sign: "keyboard or mouse"}},
			func(a *rules.AutoPause) { a.InUse = false },
			rules.RuleInUse, "in use (keyboard or mouse), until it has not been for 5 min, 12:04 at the earliest.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon
			r := agreed(t, t.TempDir(), &now)
			changed := r.Changed()
			observe(t, r, c.seen)
			v := r.Allow("example.com", now)
			want(t, v, wire.Paused, c.sentence)
			if v.Rule != c.rule || !closed(changed) {
				t.Errorf("rule %s, told %t", v.Rule, closed(changed))
			}
			set(t, r, func(s *rules.Settings) { c.off(&s.AutoPause) })
			want(t, r.Sharing(now), wire.OK, "Sharing")
			set(t, r, func(s *rules.Settings) { s.AutoPause = rules.DefaultSettings().AutoPause })
			changed = r.Changed()
			observe(t, r, presence.Snapshot{})
			want(t, r.Sharing(now), wire.OK, "Sharing")
			if !closed(changed) {
				t.Error("not told that it is over")
			}
		})
	}
}

func TestWhatCannotBeToldHoldsNothingBack(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	unknown := presence.Finding{Answer: presence.Unknown, Why: "cannot tell here: no reason"}
	observe(t, r, presence.Snapshot{
		InUse: presence.Use{Finding: unknown}, Battery: unknown, Metered: unknown, VPN: unknown, Managed: unknown,
		Network: presence.Network{Why: "cannot tell here: no reason"},
	})
	want(t, r.Sharing(now), wire.OK, "Sharing")
}

func TestUseEndsByItself(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	set(t, r, func(s *rules.Settings) { s.AutoPause.IdleMinutes = 2 })
	observe(t, r, presence.Snapshot{InUse: presence.Use{Last: noon, Sign: "its own traffic"}})
	if turn := r.NextTurn(now); !turn.Equal(noon.Add(2 * time.Minute)) {
		t.Errorf("next turn %s", turn)
	}
	want(t, r.Sharing(noon.Add(2*time.Minute-1)), wire.Paused, "its own traffic")
	want(t, r.Sharing(noon.Add(2*time.Minute)), wire.OK, "Sharing")
	want(t, r.Sharing(noon.Add(-time.Hour)), wire.OK, "Sharing") // the clock was set back
}

func TestNetworks(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := open(t, dir, &now)
	observe(t, r, presence.Snapshot{Network: home})
	if got := r.Settings().Networks; len(got) != 0 {
		t.Fatalf("without consent %+v", got)
	}
	if err := r.Accept(rules.ConsentVersion()); err != nil {
		t.Fatal(err)
	}
	want(t, r.Sharing(now), wire.OK, "Sharing")
	observe(t, r, presence.Snapshot{Network: cafe})
	want(t, r.Sharing(now), wire.Paused, "this network (gateway 10.0.0.1 on wlan0) is new to this node, until you allow it")
	r = open(t, dir, &now)
	observe(t, r, presence.Snapshot{Network: cafe})
	want(t, r.Sharing(now), wire.Paused, "is new to this node")
	set(t, r, func(s *rules.Settings) { s.Networks = nil })
	observe(t, r, presence.Snapshot{Network: cafe})
	want(t, r.Sharing(now), wire.Paused, "is new to this node") // the first was met long ago
	set(t, r, func(s *rules.Settings) { s.Networks = []rules.Network{{ID: cafe.ID}} })
	want(t, r.Sharing(now), wire.OK, "Sharing")
	observe(t, r, presence.Snapshot{Network: cafe, Managed: sure})
	want(t, r.Sharing(now), wire.OK, "Sharing") // the user was asked
	observe(t, r, presence.Snapshot{Network: home})
	want(t, r.Sharing(now), wire.Paused, "is new to this node")
}

// The user's own word comes before what the machine does.
func TestOrderOfRules(t *testing.T) {
	now := noon
	r := open(t, t.TempDir(), &now)
	observe(t, r, presence.Snapshot{Battery: sure})
	set(t, r, func(s *rules.Settings) { s.Schedule, s.Caps.DailyBytes = schedule(t, "tue 01:00-02:00"), 5 })
	steps := []struct {
		rule rules.Rule
		do   func() error
	}{
		{rules.RuleConsent, func() error { return r.Accept(rules.ConsentVersion()) }},
		{rules.RuleSchedule, func() error { r.Carried(5); return nil }},
		{rules.RuleDay, func() error { return r.Pause(time.Time{}) }},
		{rules.RulePause, r.Resume},
	}
	for _, s := range steps {
		if got := r.Sharing(now).Rule; got != s.rule {
			t.Errorf("rule %s, want %s", got, s.rule)
		}
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
	}
	set(t, r, func(s *rules.Settings) { s.Schedule, s.Caps.DailyBytes = nil, 0 })
	if got := r.Sharing(now).Rule; got != rules.RuleBattery {
		t.Errorf("rule %s, want battery", got)
	}
}
