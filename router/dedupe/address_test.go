package dedupe_test

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/dedupe"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"plain", "https://example.com/a/b?c=d", "https://example.com/a/b?c=d"},
		{"case, port, fragment", "HTTPS://WWW.Example.COM:443/A#top", "https://www.example.com/A"},
		{"no path", "http://example.com", "http://example.com/"},
		{"other port", "http://example.com:8080/", "http://example.com:8080/"},
		{"443 on http", "http://example.com:443/", "http://example.com:443/"},
		{"dot segments", "https://example.com/a/./b/../c", "https://example.com/a/c"},
		{"backslashes, spaces", `  https:\\example.com\a b `, "https://example.com/a%20b"},
		{"final dot", "https://example.com./", "https://example.com/"},
		{"unicode host", "https://Bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"},
		{"empty query", "https://example.com/?", "https://example.com/"},
		{"escapes", "https://example.com/%7euser/%c3%bc%2fx?q=%41%26", "https://example.com/~user/%C3%BC%2Fx?q=A%26"},
		{"bare percent", "https://example.com/%%34%31/100%", "https://example.com/%%341/100%"},
		{"escaped percent", "https://example.com/%2541", "https://example.com/%2541"},
		{"index kept", "https://example.com/index.html", "https://example.com/index.html"},
		{"slash kept", "https://example.com/a/", "https://example.com/a/"},
		{"doubled slash kept", "https://example.com//a", "https://example.com//a"},
		{"order kept", "https://example.com/?b=1&a=2&b=3", "https://example.com/?b=1&a=2&b=3"},
		{"tracking", "https://example.com/?utm_source=x&id=7&fbclid=y&UTM_Medium=z", "https://example.com/?id=7"},
		{"tracking only", "https://example.com/?gclid=1", "https://example.com/"},
		{"tracking, escaped", "https://example.com/?utm%5Fsource=x&a=1", "https://example.com/?a=1"},
		{"not tracking", "https://example.com/?sid=1&ref=2&utm=3&autm_x=4", "https://example.com/?sid=1&ref=2&utm=3&autm_x=4"},
		{"session in path", "https://example.com/a;JSESSIONID=1F.n1/b;v=2?x", "https://example.com/a/b;v=2?x"},
		{"session hides dots", "https://example.com/a/..;jsessionid=1/b", "https://example.com/b"},
		{"session in query", "https://example.com/?PHPSESSID=1&p=2", "https://example.com/?p=2"},
		{"ipv4 in disguise", "http://0x7f.1/", "http://127.0.0.1/"},
		{"ipv6", "http://[::FFFF:1]:8080/", "http://[::ffff:1]:8080/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := dedupe.Canonical(c.raw)
			if err != nil || got.URL != c.want {
				t.Fatalf("got %q, %v, want %q", got.URL, err, c.want)
			}
			again, err := dedupe.Canonical(got.URL)
			if err != nil || again != got {
				t.Fatalf("again: got %+v, %v, want %+v", again, err, got)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for raw, want := range map[string]dedupe.Address{
		"https://www.example.co.uk/p?q": {SURT: "uk,co,example,www)/p?q", Host: "www.example.co.uk", Site: "example.co.uk", Port: 443},
		"http://a.github.io/":           {SURT: "io,github,a)/", Host: "a.github.io", Site: "a.github.io", Port: 80},
		"https://github.io/":            {SURT: "io,github)/", Host: "github.io", Site: "github.io", Port: 443},
		"https://docs.lab.test:8443/x":  {SURT: "test,lab,docs:8443)/x", Host: "docs.lab.test", Site: "lab.test", Port: 8443},
		"http://localhost/":             {SURT: "localhost)/", Host: "localhost", Site: "localhost", Port: 80},
		"http://127.0.0.1:81/x":         {SURT: "127.0.0.1:81)/x", Host: "127.0.0.1", Site: "127.0.0.1", Port: 81, IPLiteral: true},
		"https://[2001:db8::1]/":        {SURT: "[2001:db8::1])/", Host: "2001:db8::1", Site: "2001:db8::1", Port: 443, IPLiteral: true},
	} {
		want.URL = raw
		if got, err := dedupe.Canonical(raw); err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", raw, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for raw, want := range map[string]error{
		"ftp://example.com/":         dedupe.ErrScheme,
		"mailto:a@example.com":       dedupe.ErrScheme,
		"javascript:void(0)":         dedupe.ErrScheme,
		"https://u:p@example.com/":   dedupe.ErrUserinfo,
		"https://u@example.com/":     dedupe.ErrUserinfo,
		"":                           dedupe.ErrSyntax,
		"/relative":                  dedupe.ErrSyntax,
		"https://":                   dedupe.ErrSyntax,
		"https://a..b/":              dedupe.ErrSyntax,
		"https://exa mple.com/":      dedupe.ErrSyntax,
		"https://example.com:0/":     dedupe.ErrSyntax,
		"https://example.com:99999/": dedupe.ErrSyntax,
		"https://" + strings.Repeat("a", 64) + ".de":                dedupe.ErrSyntax,
		"https://example.com/" + strings.Repeat("a", dedupe.MaxURL): dedupe.ErrTooLong,
		"https://example.com/" + strings.Repeat("ü", 500):           dedupe.ErrTooLong, // once escaped
	} {
		if got, err := dedupe.Canonical(raw); !errors.Is(err, want) {
			t.Errorf("%.40q: got %+v, %v, want %v", raw, got, err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	const base = "https://example.com/a/b?c"
	for ref, want := range map[string]string{
		"d":                "https://example.com/a/d",
		"../d?utm_id=1#x":  "https://example.com/d",
		"//b.test/":        "https://b.test/",
		"?e":               "https://example.com/a/b?e",
		"":                 "https://example.com/a/b?c",
		"#top":             "https://example.com/a/b?c",
		"http://b.test:80": "http://b.test/",
	} {
		if got, err := dedupe.Resolve(base, ref); err != nil || got.URL != want {
			t.Errorf("%q: got %q, %v, want %q", ref, got.URL, err, want)
		}
	}
	if _, err := dedupe.Resolve(base, "mailto:x@y"); !errors.Is(err, dedupe.ErrScheme) {
		t.Errorf("mailto: %v", err)
	}
	if _, err := dedupe.Resolve(base, strings.Repeat("a", dedupe.MaxURL+1)); !errors.Is(err, dedupe.ErrTooLong) {
		t.Errorf("long: %v", err)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/a/..;jsessionid=1/b?utm_source=1&x=%7e#f", "http://[::1]:80/%%34%31", "https://Bücher.example./?",
		"http://0x7f.1/\\..\\%2e%2E/", "//", "https://a/?&&utm_=", "http://a:0/", "https://xn--/", "http://1.2.3.4./;jsessionid=;jsessionid=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := dedupe.Canonical(raw)
		if err != nil {
			return
		}
		again, err := dedupe.Canonical(a.URL)
		if err != nil || again != a {
			t.Fatalf("%q: got %+v, then %+v, %v", raw, a, again, err)
		}
		if len(a.URL) > dedupe.MaxURL || a.Host == "" || a.Site == "" || a.Port < 1 || a.Port > 65535 {
			t.Fatalf("%q: beyond bounds: %+v", raw, a)
		}
		if !strings.HasSuffix(a.Host, a.Site) || !strings.HasSuffix(a.SURT, a.URL[strings.Index(a.URL[8:], "/")+8:]) {
			t.Fatalf("%q: parts do not agree: %+v", raw, a)
		}
		if _, err := netip.ParseAddr(a.Host); (err == nil) != a.IPLiteral {
			t.Fatalf("%q: literal %t: %+v", raw, a.IPLiteral, a)
		}
		if strings.ContainsAny(a.URL, "#@ \t\n") && strings.ContainsAny(a.URL[:strings.Index(a.URL[8:], "/")+8], "#@ \t\n") {
			t.Fatalf("%q: %q", raw, a.URL)
		}
	})
}

// What fetches the URL must see the host that the address names.
func FuzzCanonicalMeansOneHost(f *testing.F) {
	f.Add("https://example.com:8443/a")
	f.Add("http://a.test\\@b.test/")
	f.Add("http://[::1]/")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := dedupe.Canonical(raw)
		if err != nil {
			return
		}
		u, err := url.Parse(a.URL)
		if err != nil {
			return // net/http will not fetch it either
		}
		if u.Hostname() != a.Host || u.User != nil {
			t.Fatalf("%q: net/url sees host %q in %q, want %q", raw, u.Hostname(), a.URL, a.Host)
		}
	})
}
