package lab_test

import (
	"testing"
	"time"

	"github.com/jimsmart/grobotstxt"

	"github.com/fallow-network/fallow/router/lab"
)

// The rules judge a crawler that has a real matcher, so both must agree.
func TestRulesAgreeWithARealMatcher(t *testing.T) {
	t.Parallel()
	rules := lab.Rules{
		Disallow: []string{"/internal/", "/search", "/a/b"}, Allow: []string{"/a/b/open"},
		Others: map[string][]string{"GreedyBot": {"/"}}, CrawlDelay: 2 * time.Second, Sitemap: "/sitemap.xml",
	}
	text := rules.Text("https://x.test:8443")
	for _, path := range []string{"/", "/internal", "/internal/", "/internal/x", "/search?q=1", "/searching", "/a/b", "/a/b/open", "/a/b/open/x", "/a/bc", "/other"} {
		want := grobotstxt.AgentAllowed(text, "FallowBot", "https://x.test:8443"+path)
		if got := rules.Allowed(path); got != want {
			t.Errorf("Allowed(%q) = %v, a matcher says %v", path, got, want)
		}
		if grobotstxt.AgentAllowed(text, "GreedyBot", "https://x.test:8443"+path) {
			t.Errorf("GreedyBot may fetch %s", path)
		}
	}
	if got := grobotstxt.Sitemaps(text); len(got) != 1 || got[0] != "https://x.test:8443/sitemap.xml" {
		t.Errorf("sitemaps are %v", got)
	}
	if !grobotstxt.AgentAllowed(lab.Rules{}.Text(""), "FallowBot", "https://x.test/a") {
		t.Error("empty rules forbid")
	}
}
