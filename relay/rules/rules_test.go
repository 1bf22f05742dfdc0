package rules_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, now *time.Time) *rules.Rules {
	t.Helper()
	r, err := rules.Open(dir, func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func agreed(t *testing.T, dir string, now *time.Time) *rules.Rules {
	t.Helper()
	r := open(t, dir, now)
	if err := r.Accept(rules.ConsentVersion()); err != nil {
		t.Fatal(err)
	}
	return r
}

func want(t *testing.T, v rules.Verdict, reason wire.Reason, sentence string) {
	t.Helper()
	if v.OK != (reason == wire.OK) || v.Reason != reason || !strings.Contains(v.Sentence, sentence) ||
		!strings.HasSuffix(v.Sentence, ".") {
		t.Errorf("verdict %+v, want %s saying %q", v, reason, sentence)
	}
}

func TestNothingRunsWithoutConsent(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := open(t, dir, &now)
	want(t, r.Allow("example.com", now), wire.NoConsent, "not agreed")
	if err := r.Accept("another text"); !errors.Is(err, rules.ErrConsentVersion) {
		t.Errorf("accepting another text: %v", err)
	}
	want(t, r.Sharing(now), wire.NoConsent, "not agreed")
	if err := r.Accept(rules.ConsentVersion()); err != nil {
		t.Fatal(err)
	}
	want(t, r.Allow("example.com", now), wire.OK, "Sharing")
	r = open(t, dir, &now)
	want(t, r.Allow("example.com", now), wire.OK, "Sharing")
	if c := r.Consent(); !c.Given() || !c.AcceptedAt.Equal(noon) {
		t.Errorf("record %+v", c)
	}
	if err := r.Withdraw(); err != nil {
		t.Fatal(err)
	}
	want(t, r.Allow("example.com", now), wire.NoConsent, "not agreed")
	want(t, open(t, dir, &now).Sharing(now), wire.NoConsent, "not agreed")
}

func TestConsentIsAskedAgainWhenTheTextChanges(t *testing.T) {
	dir, now := t.TempDir(), noon
	agreed(t, dir, &now)
	replace(t, dir, rules.ConsentVersion(), "0123456789ab")
	want(t, open(t, dir, &now).Sharing(now), wire.NoConsent, "has changed")
}

func replace(t *testing.T, dir, from, to string) {
	t.Helper()
	path := filepath.Join(dir, rules.FileName)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%q not in the file, %v", from, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPause(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	changed := r.Changed()
	if err := r.Pause(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("nobody was told of the pause")
	}
	for _, r := range []*rules.Rules{r, open(t, dir, &now)} {
		v := r.Allow("example.com", noon.Add(59*time.Minute))
		want(t, v, wire.Paused, "until 13:00.")
		if !v.Until.Equal(noon.Add(time.Hour)) {
			t.Errorf("until %s", v.Until)
		}
		want(t, r.Sharing(noon.Add(time.Hour)), wire.OK, "Sharing")
	}
	if err := r.Pause(time.Time{}); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, dir, &now).Sharing(noon.AddDate(9, 0, 0)), wire.Paused, "until you resume")
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, dir, &now).Sharing(now), wire.OK, "Sharing")
}

// Stop means stop, even when the disk does not want to know.
func TestPauseAndWithdrawHoldWithoutADisk(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "gone"), noon
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := agreed(t, dir, &now)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := r.Pause(time.Time{}); err == nil {
		t.Error("the failure is not told")
	}
	want(t, r.Sharing(now), wire.Paused, "paused")
	if err := r.Resume(); err == nil {
		t.Error("resumed without a record of it")
	}
	want(t, r.Sharing(now), wire.Paused, "paused")
	if err := r.Withdraw(); err == nil {
		t.Error("the failure is not told")
	}
	want(t, r.Sharing(now), wire.NoConsent, "not agreed")
}

func TestSites(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	s := rules.DefaultSettings()
	s.Deny = []string{"*.Bank.example", "shop.example.", ".bad.co.uk", "shop.example"}
	s.Allow = []string{"good.example", "shop.example"}
	if err := r.Set(s); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, &now)
	for host, denied := range map[string]string{
		"bank.example": "bank.example", "www.bank.example": "bank.example", "a.b.bank.example": "bank.example",
		"mybank.example": "", "bank.example.org": "", "shop.example": "shop.example",
		"bad.co.uk": "bad.co.uk", "x.bad.co.uk": "bad.co.uk", "co.uk": "", "good.example": "",
	} {
		if denied == "" {
			want(t, r.Allow(host, now), wire.OK, "Sharing")
		} else {
			want(t, r.Allow(host, now), wire.SiteDenied, denied+" is on your deny list")
		}
	}
	s.Strict = true
	if err := r.Set(s); err != nil {
		t.Fatal(err)
	}
	want(t, r.Allow("www.good.example", now), wire.OK, "Sharing")
	want(t, r.Allow("other.example", now), wire.SiteDenied, "allow list")
	want(t, r.Allow("shop.example", now), wire.SiteDenied, "deny list")
}

func TestSettingsAreChecked(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	for name, change := range map[string]func(*rules.Settings){
		"no tunnels":   func(s *rules.Settings) { s.Caps.MaxTunnels = 0 },
		"many tunnels": func(s *rules.Settings) { s.Caps.MaxTunnels = 1025 },
		"reset day 29": func(s *rules.Settings) { s.Caps.ResetDay = 29 },
		"an address":   func(s *rules.Settings) { s.Deny = []string{"10.0.0.1"} },
		"a url":        func(s *rules.Settings) { s.Deny = []string{"https://example.com/"} },
		"nothing":      func(s *rules.Settings) { s.Allow = []string{""} },
		"too many":     func(s *rules.Settings) { s.Deny = make([]string, 10_001) },
		"half a Mbit":  func(s *rules.Settings) { s.Caps.MbitPerSecond = 0.5 },
		"no speed":     func(s *rules.Settings) { s.Caps.MbitPerSecond = math.NaN() },
		"below zero":   func(s *rules.Settings) { s.Caps.MbitPerSecond = -1 },
		"no category":  func(s *rules.Settings) { s.Categories = []string{"adlut"} },
		"no idle time": func(s *rules.Settings) { s.AutoPause.IdleMinutes = 0 },
		"no window":    func(s *rules.Settings) { s.Schedule = make(rules.Schedule, 1) },
		"windows":      func(s *rules.Settings) { s.Schedule = make(rules.Schedule, 65) },
		"no network":   func(s *rules.Settings) { s.Networks = make([]rules.Network, 1) },
	} {
		s := rules.DefaultSettings()
		change(&s)
		if err := r.Set(s); !errors.Is(err, rules.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.Settings().Caps != rules.DefaultSettings().Caps {
		t.Errorf("settings are %+v", r.Settings())
	}
}

func TestFilesThatCannotBeUnderstoodAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"newer":       {`{"version": 3, "anything": 1}`, rules.ErrNewer},
		"no json":     {`{"version": 1`, rules.ErrCorrupt},
		"empty":       {``, rules.ErrCorrupt},
		"version 0":   {`{}`, rules.ErrCorrupt},
		"misspelt":    {`{"version": 1, "settings": {"denny": ["bank.example"]}}`, rules.ErrCorrupt},
		"2, misspelt": {`{"version": 2, "settings": {"stirct": true}}`, rules.ErrCorrupt},
		"bad window":  {`{"version": 2, "settings": {"schedule": ["mon 25:00-26:00"]}}`, rules.ErrCorrupt},
		"no window":   {`{"version": 2, "settings": {"schedule": [null]}}`, rules.ErrCorrupt},
		"bad kind":    {`{"version": 2, "settings": {"categories": ["cats"]}}`, rules.ErrCorrupt},
		"bad site":    {`{"version": 1, "settings": {"deny": ["b ank"]}}`, rules.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), rules.FileName)
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := rules.Open(filepath.Dir(path), time.Now); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != c.text {
				t.Errorf("the file is now %q, %v", got, err)
			}
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				_ = r.Allow("example.com", now)
				r.Carried(1)
				_ = r.NextTurn(now)
				_ = r.Settings()
			}
		})
	}
	all.Go(func() { _ = r.Pause(time.Time{}); _ = r.Resume() })
	all.Wait()
	if got := r.Used(now).Month; got != 400 {
		t.Errorf("%d used, want 400", got)
	}
}

func TestConsentTextSaysWhatMatters(t *testing.T) {
	for _, part := range []string{"What goes through", "never happens", "How to stop", "consent withdraw", "IP address", "90 days"} {
		if !strings.Contains(rules.ConsentText(), part) {
			t.Errorf("it does not say %q", part)
		}
	}
}

func FuzzRulesFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"settings":{"deny":["a.example"],"caps":{"max_tunnels":3,"reset_day":1}}}`))
	f.Add([]byte(`{"version":1,"pause":{"since":"2026-11-23T12:00:00Z"}}`))
	f.Add([]byte(`{"version":2,"revision":7,"met":true,"settings":{"schedule":["mon-fri 22:00-07:00"],"categories":["ads"],` +
		`"caps":{"max_tunnels":3,"mbit_per_second":2.5,"daily_bytes":5,"reset_day":9},"auto_pause":{"vpn":false,"idle_minutes":3},` +
		`"networks":[{"id":"ab"}]},"usage":{"month":"2026-11-01","month_bytes":7,"day":"2026-11-23","day_bytes":7}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, rules.FileName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := rules.Open(dir, time.Now)
		if err != nil {
			return
		}
		if v := r.Sharing(noon); v.OK && !r.Consent().Given() {
			t.Error("shares without consent")
		}
		_ = r.NextTurn(noon)
		if err := r.Set(r.Settings()); err != nil {
			t.Errorf("what was read is not taken back: %v", err)
		}
		if _, err := rules.Open(dir, time.Now); err != nil {
			t.Errorf("what was written is not read back: %v", err)
		}
	})
}
