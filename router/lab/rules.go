package lab

import (
	"fmt"
	"strings"
	"time"
)

// Rules are what a lab site's robots.txt says to everybody. They are plain
// path prefixes, so that Allowed needs no matcher and can judge a crawler that
// has one.
type Rules struct {
	// Disallow and Allow are path prefixes; the longest that matches decides,
	// Allow wins a tie (RFC 9309).
	Disallow, Allow []string
	// Others maps another robot's name to prefixes forbidden to it alone.
	Others map[string][]string
	// CrawlDelay is written in whole seconds when not zero.
	CrawlDelay time.Duration
	// Sitemap is a path, written as an absolute address.
	Sitemap string
}

// Text is the robots.txt of a site at origin, for example
// "https://docs.fallow.test:8443".
func (r Rules) Text(origin string) string {
	var b strings.Builder
	b.WriteString("# A lab site: the crawler's manners are judged by the access log.\nUser-agent: *\n")
	for _, p := range r.Allow {
		fmt.Fprintf(&b, "Allow: %s\n", p)
	}
	for _, p := range r.Disallow {
		fmt.Fprintf(&b, "Disallow: %s\n", p)
	}
	if len(r.Allow)+len(r.Disallow) == 0 {
		b.WriteString("Disallow:\n")
	}
	if r.CrawlDelay > 0 {
		fmt.Fprintf(&b, "Crawl-delay: %d\n", int(r.CrawlDelay/time.Second))
	}
	for _, name := range sortedKeys(r.Others) {
		fmt.Fprintf(&b, "\nUser-agent: %s\n", name)
		for _, p := range r.Others[name] {
			fmt.Fprintf(&b, "Disallow: %s\n", p)
		}
	}
	if r.Sitemap != "" {
		fmt.Fprintf(&b, "\nSitemap: %s%s\n", origin, r.Sitemap)
	}
	return b.String()
}

// Allowed reports whether a request for path (with its query) is allowed.
// /robots.txt always is.
func (r Rules) Allowed(path string) bool {
	if path == "/robots.txt" {
		return true
	}
	return longestPrefix(r.Allow, path) >= longestPrefix(r.Disallow, path)
}

func longestPrefix(prefixes []string, path string) int {
	longest := 0
	for _, p := range prefixes {
		if len(p) > longest && strings.HasPrefix(path, p) {
			longest = len(p)
		}
	}
	return longest
}
