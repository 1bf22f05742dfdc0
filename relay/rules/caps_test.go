package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

func set(t *testing.T, r *rules.Rules, change func(*rules.Settings)) {
	t.Helper()
	s := r.Settings()
	change(&s)
	if err := r.Set(s); err != nil {
		t.Fatal(err)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestMonthlyCap(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	set(t, r, func(s *rules.Settings) { s.Caps.MonthlyBytes, s.Caps.ResetDay = 3e9, 5 })
	changed := r.Changed()
	for _, n := range []uint64{1e9, 1e9, 1e9 - 1} {
		r.Carried(n)
	}
	want(t, r.Sharing(now), wire.OK, "Sharing")
	if closed(changed) {
		t.Error("an alarm before the cap")
	}
	r.Carried(1)
	if !closed(changed) {
		t.Error("no alarm at the cap")
	}
	changed = r.Changed()
	v := r.Allow("example.com", now)
	want(t, v, wire.CapReached, "3.0 GB is used up, until 00:00 on 5 December 2026.")
	if r.NextTurn(now) != v.Until || v.Rule != rules.RuleMonth {
		t.Errorf("next turn %s, rule %s", r.NextTurn(now), v.Rule)
	}
	r.Carried(1)
	if closed(changed) {
		t.Error("a second alarm")
	}
	if err := r.Flush(); err != nil { // a reached cap is stored at once, whatever else
		t.Fatal(err)
	}
	r = open(t, dir, &now)
	want(t, r.Sharing(now), wire.CapReached, "used up")
	want(t, r.Sharing(v.Until.Add(-time.Second)), wire.CapReached, "used up")
	want(t, r.Sharing(v.Until), wire.OK, "Sharing")
	now = v.Until
	r.Carried(7)
	if got := r.Used(now); got != (rules.Usage{Day: 7, Month: 7}) {
		t.Errorf("in the new month %+v are used", got)
	}
}

// Whoever asks about a tunnel just when the cap is reached must not swallow the
// alarm that cuts the others.
func TestAlarmIsRaisedByWhoeverSeesTheCapFirst(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	r.Carried(10)
	changed := r.Changed()
	s := r.Settings()
	s.Caps.DailyBytes = 10
	if err := r.Set(s); err != nil || !closed(changed) {
		t.Fatalf("no word of a cap that is reached already, %v", err)
	}
	want(t, r.Sharing(now), wire.CapReached, "today's cap of 0 MB is used up, until 00:00 on 24 November 2026.")
}

func TestAlarmIsNotLostAmongMany(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	for round := uint64(1); round <= 20; round++ {
		set(t, r, func(s *rules.Settings) { s.Caps.MonthlyBytes = round * 8000 })
		changed := r.Changed()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 1000 {
					r.Carried(1)
				}
			})
			all.Go(func() { _ = r.Allow("example.com", now) })
		}
		all.Wait()
		if !closed(changed) || r.Used(now).Month != round*8000 {
			t.Fatalf("round %d: alarm %t, %d used", round, closed(changed), r.Used(now).Month)
		}
	}
}

func TestDailyCapTurnsWithTheLocalDay(t *testing.T) {
	for name, c := range map[string]struct{ zone, now, until string }{
		"plain":                   {"Europe/Berlin", "2026-06-10T12:00:00Z", "2026-06-10T22:00:00Z"},
		"25 hours":                {"Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T23:00:00Z"},
		"23 hours":                {"Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T22:00:00Z"},
		"midnight is missing":     {"Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z"},
		"midnight comes twice":    {"America/Havana", "2026-10-31T12:00:00Z", "2026-11-01T04:00:00Z"},
		"and east of Greenwich":   {"Asia/Amman", "2021-10-28T12:00:00Z", "2021-10-28T21:00:00Z"},
		"a day that is left away": {"Pacific/Apia", "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			now := instant(t, c.now).In(zone)
			r := agreed(t, t.TempDir(), &now)
			set(t, r, func(s *rules.Settings) { s.Caps.DailyBytes = 1e9 })
			r.Carried(1e9)
			v := r.Sharing(now)
			if v.Rule != rules.RuleDay || !v.Until.Equal(instant(t, c.until)) {
				t.Fatalf("%+v, want until %s", v, c.until)
			}
			want(t, r.Sharing(v.Until.Add(-time.Nanosecond)), wire.CapReached, "today's")
			want(t, r.Sharing(v.Until), wire.OK, "Sharing")
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestClockSetBackGivesNothingBack(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	set(t, r, func(s *rules.Settings) { s.Caps.DailyBytes, s.Caps.MonthlyBytes = 1e9, 5e9 })
	r.Carried(1e9)
	now = noon.AddDate(0, -2, 0)
	want(t, r.Sharing(now), wire.CapReached, "today's")
	if got := r.Used(now); got.Month != 1e9 {
		t.Errorf("%+v used", got)
	}
}

func TestSmallCountsAreStoredInTime(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	r.Carried(5)
	for _, step := range []struct {
		after time.Duration
		want  uint64
	}{{0, 0}, {59 * time.Second, 0}, {time.Second, 5}} {
		now = now.Add(step.after)
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := open(t, dir, &now).Used(now).Day; got != step.want {
			t.Errorf("after %s %d are on disk, want %d", step.after, got, step.want)
		}
	}
	r.Carried(2)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir, &now).Used(now).Day; got != 7 {
		t.Errorf("after close %d are on disk", got)
	}
}

func TestReachedCapIsStoredAtOnce(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	set(t, r, func(s *rules.Settings) { s.Caps.DailyBytes = 10 })
	r.Carried(10)
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, dir, &now).Sharing(now), wire.CapReached, "today's")
}

func TestMigrationFromVersion1(t *testing.T) {
	text, err := os.ReadFile("testdata/rules-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	dir, now := t.TempDir(), noon
	text = []byte(strings.ReplaceAll(string(text), "CONSENT", rules.ConsentVersion()))
	if err := os.WriteFile(filepath.Join(dir, rules.FileName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, &now)
	s := r.Settings()
	if s.Caps.MaxTunnels != 12 || s.Caps.MonthlyBytes != 3e9 || s.Caps.ResetDay != 5 || !s.AutoPause.Battery || s.AutoPause.IdleMinutes != 5 {
		t.Errorf("settings %+v", s)
	}
	want(t, r.Allow("www.bad.example", now), wire.SiteDenied, "deny list")
	want(t, r.Allow("bet365.com", now), wire.SiteDenied, "gambling")
	want(t, r.Allow("good.example", now), wire.OK, "Sharing")
	r.Carried(1)
	want(t, r.Sharing(now), wire.CapReached, "this month's cap of 3.0 GB is used up, until 00:00 on 5 December 2026.")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, dir, &now).Sharing(now), wire.CapReached, "3.0 GB")
}

func TestChangesNameTheirRevision(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	revision, s := r.Current()
	s.Deny = []string{"a.example"}
	if err := r.Replace(revision, s); err != nil {
		t.Fatal(err)
	}
	s.Deny = nil
	if err := r.Replace(revision, s); err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
		t.Errorf("over a change unseen: %v", err)
	}
	want(t, r.Allow("a.example", now), wire.SiteDenied, "deny list")
}
