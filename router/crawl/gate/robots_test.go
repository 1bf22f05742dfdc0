package gate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/gate"
)

func TestRules(t *testing.T) {
	tests := []struct {
		name, robots, path string
		allowed            bool
		rule               string
		line               int
	}{
		{"empty file", "", "/a", true, "", 0},
		{"forbidden", "User-agent: *\nDisallow: /a", "/a/b", false, "Disallow: /a", 2},
		{"other path", "User-agent: *\nDisallow: /a", "/b", true, "", 0},
		{"longest wins", "User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", true, "Allow: /a/b", 3},
		{"longest wins, other order", "User-agent: *\nAllow: /a/b\nDisallow: /a", "/a/b/c", true, "Allow: /a/b", 2},
		{"equal length allows", "User-agent: *\nDisallow: /a\nAllow: /a", "/a", true, "Allow: /a", 3},
		{"empty disallow", "User-agent: *\nDisallow:", "/a", true, "", 0},
		{"own group replaces *", "User-agent: *\nDisallow: /\nUser-agent: FallowBot\nDisallow: /x", "/a", true, "", 0},
		{"own group, any case and version", "User-agent: *\nAllow: /\nUser-agent: fallowBOT/2.0\nDisallow: /", "/a", false, "Disallow: /", 4},
		{"own empty group frees", "User-agent: *\nDisallow: /\n\nUser-agent: FallowBot\n", "/a", true, "", 0},
		{"own groups combine", "User-agent: FallowBot\nDisallow: /a\n\nUser-agent: x\nDisallow: /\n\nUser-agent: FallowBot\nDisallow: /b", "/b", false, "Disallow: /b", 8},
		{"longer token is another", "User-agent: FallowBotImages\nDisallow: /", "/a", true, "", 0},
		{"shared group", "User-agent: x\nUser-agent: FallowBot\nDisallow: /", "/a", false, "Disallow: /", 3},
		{"other lines do not part a group", "User-agent: FallowBot\nCrawl-delay: 1\nUser-agent: x\nDisallow: /", "/a", false, "Disallow: /", 4},
		{"rules before any group", "Disallow: /\nUser-agent: *\nDisallow: /b", "/a", true, "", 0},
		{"wildcard", "User-agent: *\nDisallow: /*.php", "/x/y.php?z", false, "Disallow: /*.php", 2},
		{"anchored", "User-agent: *\nDisallow: /*.php$", "/x/y.php?z", true, "", 0},
		{"anchored, at the end", "User-agent: *\nDisallow: /*.php$", "/a.php/b.php", false, "Disallow: /*.php$", 2},
		{"query", "User-agent: *\nDisallow: /*?print=", "/a?print=1", false, "Disallow: /*?print=", 2},
		{"index.html is the folder", "User-agent: *\nDisallow: /\nAllow: /docs/index.html", "/docs/", true, "Allow: /docs/$", 3},
		{"comment", "User-agent: * # all\nDisallow: /a # no", "/a", false, "Disallow: /a", 2},
		{"typo", "useragent: *\ndisalow: /a", "/a", false, "Disallow: /a", 2},

		{"lower-case escapes in the rule", "User-agent: *\nDisallow: /%c3%a9%7e3", "/%C3%A9~3", false, "Disallow: /%C3%A9~3", 2},
		{"raw UTF-8 and escapes mixed", "User-agent: *\nDisallow: /é/%e3%83%84", "/%C3%A9/%E3%83%84", false, "Disallow: /%C3%A9/%E3%83%84", 2},
		{"escaped unreserved in the rule", "User-agent: *\nDisallow: /%62%61%7A", "/baz", false, "Disallow: /baz", 2},
		{"escaped unreserved in the path", "User-agent: *\nDisallow: /baz", "/%62%61%7A", false, "Disallow: /baz", 2},
		{"escaped slash is not a slash", "User-agent: *\nDisallow: /a/b", "/a%2Fb", true, "", 0},
		{"escaped star is a star", "User-agent: *\nDisallow: /a-%2A.html", "/a-*.html", false, "Disallow: /a-%2A.html", 2},
		{"star in a path is no wildcard", "User-agent: *\nDisallow: /a-%2A.html", "/a-b.html", true, "", 0},
		{"dollar inside means itself", "User-agent: *\nDisallow: /a$b", "/a$b", false, "Disallow: /a%24b", 2},

		{"BOM", "\ufeffUser-agent: *\nDisallow: /a", "/a", false, "Disallow: /a", 2},
		{"CR alone", "User-agent: *\rDisallow: /a\r", "/a", false, "Disallow: /a", 2},
		{"CRLF", "User-agent: *\r\n\r\nDisallow: /a\r\n", "/a", false, "Disallow: /a", 3},
		{"NUL", "User-agent: *\nDisallow: /b\x00\nDisallow: /a", "/a", false, "Disallow: /a", 3},
		{"invalid UTF-8", "User-agent: *\nDisallow: /\xff\xfe\nDisallow: /a", "/a", false, "Disallow: /a", 3},
		{"gigantic line", "User-agent: *\n# " + strings.Repeat("x", 100_000) + "\nDisallow: /a", "/a", false, "Disallow: /a", 3},
		{"a web page", "<!doctype html><html><body>Not found</body></html>", "/a", true, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, robots(tt.robots), tt.path)
			if d.Allowed != tt.allowed || d.Rule != tt.rule || d.RuleLine != tt.line {
				t.Errorf("got allowed=%v rule=%q line=%d, want %v %q %d",
					d.Allowed, d.Rule, d.RuleLine, tt.allowed, tt.rule, tt.line)
			}
			if d.Temporary || d.Source != "https://site.test/robots.txt" {
				t.Errorf("temporary=%v source=%q", d.Temporary, d.Source)
			}
		})
	}
}

func TestRobotsItselfIsAllowed(t *testing.T) {
	s := robots("User-agent: *\nDisallow: /")
	if d := decide(t, s, "/robots.txt"); !d.Allowed || d.Reason != gate.RobotsItself {
		t.Errorf("got %+v", d)
	}
	if d := decide(t, s, "/robots.txt?x"); d.Allowed {
		t.Errorf("another resource is not robots.txt: %+v", d)
	}
}

// RFC 9309 asks for at least 500 KiB; what the bound cuts in two is dropped.
func TestParseBound(t *testing.T) {
	const line = "Disallow: /never/matches/anything/here\n"
	fill := strings.Repeat(line, (500<<10)/len(line))
	if d := decide(t, robots("User-agent: *\n"+fill+"Disallow: /a\n"), "/a"); d.Allowed {
		t.Error("a rule after 500 KiB was not read")
	}

	head := "User-agent: *\nAllow: /a\n"
	pad := "#" + strings.Repeat("x", gate.MaxRobotsBytes-len(head)-len("\nDisallow: /a")-2) + "\n"
	body := head + pad + "Disallow: /a/private/and/long\n"
	if d := decide(t, robots(body), "/a/b"); !d.Allowed {
		t.Errorf("half a line became a rule: %+v", d)
	}
}

func TestCrawlDelayAndSitemaps(t *testing.T) {
	body := "User-agent: *\nCrawl-delay: %s\nDisallow: /x\n" +
		"Sitemap: https://site.test/map.xml\nSitemap: /relative.xml\nsitemap: https://other.test/é.xml\nSitemap: ftp://x/y\n"
	tests := []struct {
		written      string
		delay, asked time.Duration
	}{
		{"2.5", 2500 * time.Millisecond, 2500 * time.Millisecond},
		{"30", 30 * time.Second, 30 * time.Second},
		{"120", 30 * time.Second, 2 * time.Minute},
		{"1e300", 30 * time.Second, 365 * 24 * time.Hour},
		{"-1", 0, 0},
		{"NaN", 0, 0},
		{"soon", 0, 0},
		{"", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.written, func(t *testing.T) {
			d := decide(t, robots(fmt.Sprintf(body, tt.written)), "/a")
			if d.CrawlDelay != tt.delay || d.CrawlDelayAsked != tt.asked {
				t.Errorf("delay %v asked %v, want %v and %v", d.CrawlDelay, d.CrawlDelayAsked, tt.delay, tt.asked)
			}
			want := []string{"https://site.test/map.xml", "https://other.test/%C3%A9.xml"}
			if fmt.Sprint(d.Sitemaps) != fmt.Sprint(want) {
				t.Errorf("sitemaps %q, want %q", d.Sitemaps, want)
			}
		})
	}
}

// The evidence is bounded and printable whatever a site writes.
func TestEvidenceIsBounded(t *testing.T) {
	long := "User-agent: *\nDisallow: /a" + strings.Repeat("*b", 8000)
	d := decide(t, robots(long), "/a"+strings.Repeat("b", 8000))
	if d.Allowed || len(d.Rule) > gate.MaxSignalText {
		t.Errorf("allowed=%v, rule of %d bytes", d.Allowed, len(d.Rule))
	}
	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "License: https://site.test/%d\x01\n", i)
		fmt.Fprintf(&many, "User-agent: *\nContent-Signal: ai-train=yes, n%d=x\nDisallow: /x\n", i)
	}
	d = decide(t, robots(many.String()+"User-agent: GPTBot\nDisallow: /\n"), "/a")
	if len(d.Signals) > gate.MaxSignals || d.AITrain != gate.TrainingRefused {
		t.Errorf("%d signals, training %q", len(d.Signals), d.AITrain)
	}
	for _, s := range d.Signals {
		if strings.ContainsRune(s.Text, 1) {
			t.Fatalf("control character kept in %q", s.Text)
		}
	}
}

// A robots.txt made of wildcards must not cost seconds for each URL.
func TestHostilePatternsAreCheap(t *testing.T) {
	line := "Disallow: /" + strings.Repeat("*a", 1000) + "b\n"
	s := robots("User-agent: *\n" + strings.Repeat(line, 250))
	g := gate.New(s, newClock().Now, gate.Config{})
	path := "https://site.test/" + strings.Repeat("a", 4000)
	check(t, g, path)
	start := time.Now()
	if d := check(t, g, path); !d.Allowed {
		t.Error("matched")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("one check took %v", took)
	}
}
