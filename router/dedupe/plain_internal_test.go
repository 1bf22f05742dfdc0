package dedupe

import (
	"testing"

	"github.com/nlnwa/whatwg-url/url"
)

// The parser is the judge of what plain lets through unparsed.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		"https://www.example.com/a-b/c_d.html?x=1&y=a+b", "http://a.b/", "https://example.com/a?b?c/d;e", "https://a-b.c1.de/x:y@z,w=1",
		"https://xn--a.de/", "https://a.0x1/", "https://a/..", "https://a/?", "https://ab--c.de/'", "http://-a.de/", "https://a.b/?utm_=",
		"https://a.b:8443/x", "https://a.b:443/", "http://a.b:0080/", "http://a.b:+81/", "http://a.b:/", "http://a.b:65536/", "https://a.b:80/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > MaxURL {
			return
		}
		scheme, host, port, rest, ok := plain(raw)
		if !ok {
			return
		}
		got, err := address(raw, scheme, host, port, rest)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q: the parser says %v", raw, err)
		}
		if want, err := canonical(u); err != nil || got != want {
			t.Fatalf("%q: got %+v, the parser says %+v, %v", raw, got, want, err)
		}
	})
}
