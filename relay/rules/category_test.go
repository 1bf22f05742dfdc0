package rules_test

import (
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

func TestCategoriesAreDeniedUntilAllowed(t *testing.T) {
	now := noon
	r := agreed(t, t.TempDir(), &now)
	for host, category := range map[string]string{
		"www.pornhub.com": "adult", "anything.xxx": "adult", "bet365.com": "gambling", "www.paypal.com": "banking",
		"mail.google.com": "webmail", "www.google.com": "", "secure.login.gov": "government", "www.data.gov": "",
		"accounts.google.com": "social", "stats.g.doubleclick.net": "ads", "api.binance.com": "crypto",
		"abcdef.onion": "onion", "notpaypal.com": "", "paypal.com.example.org": "", "xpaypal.com": "", "go.dev": "",
	} {
		v := r.Allow(host, now)
		if category == "" {
			want(t, v, wire.OK, "Sharing")
			continue
		}
		want(t, v, wire.SiteDenied, "category "+category)
		if v.Rule != rules.RuleCategory {
			t.Errorf("%s: rule %s", host, v.Rule)
		}
	}
	set(t, r, func(s *rules.Settings) {
		s.Categories, s.Allow, s.Deny = []string{"ads", "ads"}, []string{"paypal.com"}, []string{"criteo.com"}
	})
	want(t, r.Allow("doubleclick.net", now), wire.OK, "Sharing")
	want(t, r.Allow("www.paypal.com", now), wire.OK, "Sharing")
	want(t, r.Allow("www.chase.com", now), wire.SiteDenied, "banking")
	want(t, r.Allow("criteo.com", now), wire.SiteDenied, "deny list")
	set(t, r, func(s *rules.Settings) { s.Strict = true })
	want(t, r.Allow("doubleclick.net", now), wire.SiteDenied, "allow list")
	want(t, r.Allow("paypal.com", now), wire.OK, "Sharing")
}

func TestCategoryFile(t *testing.T) {
	all := rules.Categories()
	seen := make(map[string]string)
	for _, c := range all {
		if len(c.Sites) < 24 && c.Name != "onion" {
			t.Errorf("%s has %d sites only", c.Name, len(c.Sites))
		}
		for _, site := range c.Sites {
			if seen[site] != "" {
				t.Errorf("%s is in %s and in %s", site, seen[site], c.Name)
			}
			seen[site] = c.Name
		}
	}
	if len(all) != 9 {
		t.Errorf("%d categories", len(all))
	}
}

func TestParseCategories(t *testing.T) {
	for text, says := range map[string]string{
		"[a] A\n b.example # why\n\n[c] C\nd.example": "",
		"b.example":              "before the first",
		"[a]\nb.example":         "[name] Title",
		"[a A\nb.example":        "[name] Title",
		"[a] A\n[a] A":           "second",
		"[a] A\nhttps://b.test/": "line 2",
	} {
		_, err := rules.ParseCategories(text)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func FuzzParseCategories(f *testing.F) {
	f.Add("[a] A\nb.example\n# c")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := rules.ParseCategories(text)
		for _, c := range all {
			if err == nil && (c.Name == "" || c.Title == "") {
				t.Errorf("%+v", c)
			}
		}
	})
}
