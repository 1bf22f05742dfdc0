package rules_test

import (
	"errors"
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
	} {
		s := rules.DefaultSettings()
		change(&s)
		if err := r.Set(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if r.Settings().Caps != rules.DefaultSettings().Caps {
		t.Errorf("settings are %+v", r.Settings())
	}
}

func TestMonthlyCap(t *testing.T) {
	dir, now := t.TempDir(), noon
	r := agreed(t, dir, &now)
	s := rules.DefaultSettings()
	s.Caps.MonthlyBytes, s.Caps.ResetDay = 3e9, 5
	if err := r.Set(s); err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint64{1e9, 1e9, 1e9 - 1} {
		if err := r.Carried(n); err != nil {
			t.Fatal(err)
		}
	}
	want(t, r.Sharing(now), wire.OK, "Sharing")
	if err := r.Carried(1); err != nil {
		t.Fatal(err)
	}
	v := r.Allow("example.com", now)
	want(t, v, wire.CapReached, "3.0 GB is used up, until 00:00 on 5 December 2026.")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, &now)
	want(t, r.Sharing(now), wire.CapReached, "used up")
	want(t, r.Sharing(v.Until.Add(-time.Second)), wire.CapReached, "used up")
	want(t, r.Sharing(v.Until), wire.OK, "Sharing")
	now = v.Until
	if err := r.Carried(7); err != nil || r.Used(now) != 7 {
		t.Errorf("in the new month %d are used, %v", r.Used(now), err)
	}
}

func TestFilesThatCannotBeUnderstoodAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"newer":     {`{"version": 2, "anything": 1}`, rules.ErrNewer},
		"no json":   {`{"version": 1`, rules.ErrCorrupt},
		"empty":     {``, rules.ErrCorrupt},
		"version 0": {`{}`, rules.ErrCorrupt},
		"misspelt":  {`{"version": 1, "settings": {"denny": ["bank.example"]}}`, rules.ErrCorrupt},
		"bad site":  {`{"version": 1, "settings": {"deny": ["b ank"]}}`, rules.ErrCorrupt},
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
				_ = r.Carried(1)
				_ = r.Settings()
			}
		})
	}
	all.Go(func() { _ = r.Pause(time.Time{}); _ = r.Resume() })
	all.Wait()
	if got := r.Used(now); got != 400 {
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
	})
}
