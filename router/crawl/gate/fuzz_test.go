package gate_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jimsmart/grobotstxt"

	"github.com/fallow-network/fallow/router/crawl/gate"
)

func checkEvidence(t *testing.T, signals []gate.Signal) {
	t.Helper()
	if len(signals) > gate.MaxSignals {
		t.Fatalf("%d signals", len(signals))
	}
	for _, s := range signals {
		if !utf8.ValidString(s.Text) || len(s.Text) > gate.MaxSignalText || s.Source == "" {
			t.Fatalf("bad evidence %+v", s)
		}
	}
}

// FuzzRobots feeds any bytes as robots.txt, tdmrep.json and ai.txt.
func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /a*b$\nAllow: /%c3\nCrawl-delay: 3\nSitemap: https://x/y\n"), "/a?b")
	f.Add([]byte("\ufeffuser agent *\r\rdisallow /\x00\xff\nContent-Usage: /a train-ai=n\nLicense: x\nContent-Signal: ai-train=no"), "/")
	f.Add([]byte(`[{"location":"/*","tdm-reservation":1}]`), "/%zz")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		s := &sites{}
		for _, name := range []string{"robots.txt", ".well-known/tdmrep.json", "ai.txt"} {
			s.set("https://site.test/"+name, gate.Response{Status: 200, Body: body})
		}
		u := &url.URL{Scheme: "https", Host: "site.test", Path: path}
		d, err := gate.New(s, time.Now, gate.Config{}).Check(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		checkEvidence(t, d.Signals)
		if !utf8.ValidString(d.Rule) || len(d.Rule) > gate.MaxSignalText || d.CrawlDelay < 0 || d.CrawlDelay > 30*time.Second {
			t.Fatalf("bad decision %+v", d)
		}
	})
}

// FuzzMatch compares our decision with grobotstxt's own matcher wherever the
// two must agree: plain ASCII without escapes.
func FuzzMatch(f *testing.F) {
	f.Add("/a*b$", "/*", "/axb", "*")
	f.Add("/index.html", "/a", "/", "FallowBot")
	f.Add("*a**b*", "/x$y", "/a/b?c", "FallowBot/1")
	f.Fuzz(func(t *testing.T, disallow, allow, path, agent string) {
		plain := func(s, but string) bool {
			return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABFGZ0129-_./?;=&"+but) == ""
		}
		if !plain(disallow, "*$") || !plain(allow, "*$") || !plain(path, "") || !plain(agent, "* ") || !strings.HasPrefix(path, "/") || path == "/robots.txt" {
			t.Skip("outside the common language")
		}
		body := "User-agent: x\nDisallow: /\n\nUser-agent: " + agent + "\nDisallow: " + disallow + "\nAllow: " + allow +
			"\n\nUser-agent: *\nDisallow: /b\n"
		address := "https://site.test" + path
		u, err := url.Parse(address)
		if err != nil || u.Host != "site.test" {
			t.Skip("not a URL")
		}
		d, err := gate.New(robots(body), time.Now, gate.Config{RobotsOnly: true}).Check(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		if want := grobotstxt.AgentAllowed(body, "FallowBot", address); d.Allowed != want {
			t.Fatalf("allowed=%v by %q, grobotstxt says %v for %s under\n%s", d.Allowed, d.Rule, want, path, body)
		}
	})
}

// FuzzPageSignals feeds any bytes as every header and meta element we read.
func FuzzPageSignals(f *testing.F) {
	f.Add("noindex, fallowbot: noai, unavailable_after: Wed, 1 Jan 2025 00:00:00 GMT", "robots")
	f.Add("train-ai=n;x=\"y\", search=y", "tdm-reservation")
	f.Add("1", "GPTBot")
	f.Fuzz(func(t *testing.T, value, name string) {
		h := http.Header{}
		for _, field := range []string{"X-Robots-Tag", "Content-Usage", "Content-Signal", "Tdm-Reservation", "Link"} {
			h.Add(field, value)
		}
		signals, _ := gate.PageSignals("FallowBot", h, []gate.Meta{{Name: name, Content: value}, {Name: "robots", Content: value}})
		checkEvidence(t, signals)
	})
}
