package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

func schedule(t *testing.T, windows ...string) rules.Schedule {
	t.Helper()
	var s rules.Schedule
	for _, text := range windows {
		w, err := rules.ParseWindow(text)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, w)
	}
	return s
}

func TestParseWindow(t *testing.T) {
	for text, want := range map[string]string{
		"mon-fri 22:00-07:00":            "mon-fri 22:00-07:00",
		"Saturday,SUN 0:00-24:00":        "sat,sun 00:00-24:00",
		"daily 01:00-06:00":              "daily 01:00-06:00",
		"fri-mon 08:30-09:00":            "mon,fri-sun 08:30-09:00",
		"mon,tue,wed,thu 01:00-02:00":    "mon-thu 01:00-02:00",
		"sun-sat 00:00-00:01":            "daily 00:00-00:01",
		"  tue   23:59-00:00 ":           "tue 23:59-00:00",
		"mon 25:00-26:00":                "",
		"mon 24:00-01:00":                "",
		"mon 07:00-07:00":                "",
		"mon 07:00":                      "",
		"mon 7-8":                        "",
		"mon 07:60-08:00":                "",
		"mon 07:00-08:00 tue":            "",
		"07:00-08:00":                    "",
		"moon 07:00-08:00":               "",
		"mon- 07:00-08:00":               "",
		"mon,, 07:00-08:00":              "",
		"":                               "",
		"mon -1:00-02:00":                "",
		"mon 24:01-02:00":                "",
		"daily 00:00-24:00":              "daily 00:00-24:00",
		"mon " + strings.Repeat("9", 99): "",
	} {
		w, err := rules.ParseWindow(text)
		if (err == nil) != (want != "") || err == nil && w.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, w, err, want)
		}
	}
}

func TestSchedule(t *testing.T) {
	berlin, lordHowe := "Europe/Berlin", "Australia/Lord_Howe"
	for name, c := range map[string]struct {
		windows   []string
		zone, now string
		open      bool
		next      string // "" for none
	}{
		"always":              {nil, berlin, "2026-11-23T12:00:00Z", true, ""},
		"evening to come":     {[]string{"mon-fri 22:00-07:00"}, berlin, "2026-11-23T12:00:00Z", false, "2026-11-23T21:00:00Z"},
		"in the evening":      {[]string{"mon-fri 22:00-07:00"}, berlin, "2026-11-23T21:00:00Z", true, "2026-11-24T06:00:00Z"},
		"into Saturday":       {[]string{"mon-fri 22:00-07:00"}, berlin, "2026-11-28T05:59:59Z", true, "2026-11-28T06:00:00Z"},
		"over the weekend":    {[]string{"mon-fri 22:00-07:00"}, berlin, "2026-11-28T06:00:00Z", false, "2026-11-30T21:00:00Z"},
		"two that touch":      {[]string{"mon 08:00-12:00", "mon 12:00-16:00"}, berlin, "2026-11-23T09:00:00Z", true, "2026-11-23T15:00:00Z"},
		"every minute":        {[]string{"daily 00:00-24:00"}, berlin, "2026-11-23T09:00:00Z", true, ""},
		"a week away":         {[]string{"mon 08:00-09:00"}, berlin, "2026-11-23T08:00:00Z", false, "2026-11-30T07:00:00Z"},
		"spring, hour is cut": {[]string{"sun 01:00-04:00"}, berlin, "2026-03-29T00:00:00Z", true, "2026-03-29T02:00:00Z"},
		"spring, opens late":  {[]string{"sun 02:30-04:00"}, berlin, "2026-03-29T00:00:00Z", false, "2026-03-29T01:00:00Z"},
		"spring, not at all":  {[]string{"sun 02:15-02:45"}, berlin, "2026-03-29T00:00:00Z", false, "2026-04-05T00:15:00Z"},
		"autumn, twice":       {[]string{"sun 02:15-02:45"}, berlin, "2026-10-25T00:00:00Z", false, "2026-10-25T00:15:00Z"},
		"autumn, again":       {[]string{"sun 02:15-02:45"}, berlin, "2026-10-25T00:45:00Z", false, "2026-10-25T01:15:00Z"},
		"autumn, closes":      {[]string{"sat 22:00-02:30"}, berlin, "2026-10-24T22:00:00Z", true, "2026-10-25T00:30:00Z"},
		"autumn, opens anew":  {[]string{"sat 22:00-02:30"}, berlin, "2026-10-25T00:40:00Z", false, "2026-10-25T01:00:00Z"},
		"half an hour":        {[]string{"sun 01:45-02:15"}, lordHowe, "2026-10-03T15:00:00Z", false, "2026-10-03T15:15:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			s, now := schedule(t, c.windows...), instant(t, c.now).In(zone)
			next := s.Next(now)
			if s.Open(now) != c.open || next.IsZero() != (c.next == "") || c.next != "" && !next.Equal(instant(t, c.next)) {
				t.Errorf("open %t, next %s; want %t, %s", s.Open(now), next.UTC(), c.open, c.next)
			}
		})
	}
}

// Next is compared with asking Open for every minute.
func TestNextIsTheFirstMinuteThatDiffers(t *testing.T) {
	for _, zoneName := range []string{"Europe/Berlin", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(zoneName)
		if err != nil {
			t.Fatal(err)
		}
		s := schedule(t, "sat 22:00-02:20", "sun 00:10-00:50", "sun-tue 01:40-03:05", "daily 23:30-00:15")
		for _, month := range []time.Month{time.March, time.April, time.October, time.November} {
			end := time.Date(2026, month+1, 8, 0, 0, 0, 0, zone)
			for at := time.Date(2026, month, 1, 0, 0, 0, 0, zone); at.Before(end); {
				next := at.Add(time.Minute)
				for s.Open(next) == s.Open(at) {
					next = next.Add(time.Minute)
				}
				if got := s.Next(at); !got.Equal(next) {
					t.Fatalf("%s: after %s comes %s, not %s", zoneName, at, next, got)
				}
				at = next
			}
		}
	}
}

func TestScheduleVerdict(t *testing.T) {
	now := noon // a Monday
	r := agreed(t, t.TempDir(), &now)
	set(t, r, func(s *rules.Settings) { s.Schedule = schedule(t, "mon-fri 22:00-07:00") })
	v := r.Allow("example.com", now)
	want(t, v, wire.Paused, "Not sharing because your schedule says so, until 22:00.")
	if v.Rule != rules.RuleSchedule || !r.NextTurn(now).Equal(v.Until) {
		t.Errorf("%+v, next turn %s", v, r.NextTurn(now))
	}
	want(t, r.Sharing(v.Until.Add(-time.Nanosecond)), wire.Paused, "schedule")
	want(t, r.Sharing(v.Until), wire.OK, "Sharing")
	if turn := r.NextTurn(v.Until); !turn.Equal(noon.Add(19 * time.Hour)) {
		t.Errorf("it closes at %s", turn)
	}
	want(t, r.Sharing(noon.Add(19*time.Hour)), wire.Paused, "until 22:00.")
	want(t, r.Sharing(now), wire.Paused, "schedule") // the clock was set back
	set(t, r, func(s *rules.Settings) { s.Schedule = nil })
	want(t, r.Sharing(now), wire.OK, "Sharing")
	if turn := r.NextTurn(now); !turn.IsZero() {
		t.Errorf("next turn %s", turn)
	}
}

func FuzzParseWindow(f *testing.F) {
	f.Add("mon-fri 22:00-07:00")
	f.Add("sat,sunday 0:00-24:00")
	f.Add("daily 01:00-06:00")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := rules.ParseWindow(text)
		if err != nil {
			return
		}
		again, err := rules.ParseWindow(w.String())
		if err != nil || again != w {
			t.Errorf("%q became %q, which became %q, %v", text, w, again, err)
		}
		s := rules.Schedule{w}
		if next := s.Next(noon); !next.IsZero() && s.Open(next) == s.Open(noon) {
			t.Errorf("%q: nothing changes at %s", w, next)
		}
	})
}
