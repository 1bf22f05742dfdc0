package dedupe

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nlnwa/whatwg-url/url"
	"golang.org/x/net/publicsuffix"
)

// MaxURL is the length in bytes beyond which a URL is refused, before and after
// canonicalisation.
const MaxURL = 2048

// Reasons for which an address is refused. Errors of Canonical and Resolve wrap
// exactly one of them.
var (
	ErrTooLong  = errors.New("URL is too long")
	ErrScheme   = errors.New("URL is neither http nor https")
	ErrUserinfo = errors.New("URL carries credentials")
	ErrSyntax   = errors.New("URL cannot be parsed")
)

// Address is a canonical URL and what is derived from it.
type Address struct {
	URL       string // canonical spelling: https://www.example.com/a?b=1
	SURT      string // sort key: com,example,www)/a?b=1, with ":port" before ")" if not default
	Host      string // lower-case ASCII host name or IP address, no port, no brackets
	Site      string // registrable domain: example.com; the host itself where there is none
	Port      int    // the port to dial, defaults filled in
	IPLiteral bool   // Host is an IP address rather than a name
}

// Canonical parses raw as a browser would and returns its canonical address: two
// spellings of one resource give one URL, as far as the spelling alone tells.
//
//   - http and https only; without fragment, default port, the dot that ends a
//     fully qualified host name, and the "?" of an empty query
//   - percent escapes in upper case; those of letters, digits and -._~ resolved
//   - parameters that track a visitor or name a session removed (see params.go)
//
// Everything else that may tell resources apart stays: the order of parameters,
// "/" at the end, index.html, doubled slashes, "www.", the case of the path.
//
// Canonical of a canonical URL is that URL. It may be called concurrently.
func Canonical(raw string) (Address, error) {
	if len(raw) > MaxURL {
		return Address{}, fmt.Errorf("canonical URL of %d bytes: %w", len(raw), ErrTooLong)
	}
	if scheme, host, port, rest, ok := plain(raw); ok {
		return address(raw, scheme, host, port, rest)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Address{}, fmt.Errorf("canonical URL: %w", ErrSyntax)
	}
	return canonical(u)
}

// Resolve is Canonical of ref as it stands in a page at base.
func Resolve(base, ref string) (Address, error) {
	if len(base) > MaxURL || len(ref) > MaxURL {
		return Address{}, fmt.Errorf("resolve %d bytes against %d: %w", len(ref), len(base), ErrTooLong)
	}
	u, err := url.ParseRef(base, ref)
	if err != nil {
		return Address{}, fmt.Errorf("resolve URL: %w", ErrSyntax)
	}
	return canonical(u)
}

// maxTurns bounds how often a cleaned URL is parsed again. Removing a part can
// bring forth another to be normalised ("/..;jsessionid=1/" becomes "/../"); three
// turns do for all but made-up URLs, which are refused.
const maxTurns = 4

func canonical(u *url.Url) (Address, error) {
	for range maxTurns {
		text, err := clean(u)
		if err != nil {
			return Address{}, err
		}
		if len(text) > MaxURL {
			return Address{}, fmt.Errorf("canonical URL of %d bytes: %w", len(text), ErrTooLong)
		}
		if text == u.Href(false) {
			return address(text, u.Scheme(), u.Hostname(), u.Port(), u.Pathname()+u.Search())
		}
		if u, err = url.Parse(text); err != nil {
			return Address{}, fmt.Errorf("canonical URL: %w", ErrSyntax)
		}
	}
	return Address{}, fmt.Errorf("canonical URL does not settle: %w", ErrSyntax)
}

// clean writes u without what does not belong into a canonical URL.
func clean(u *url.Url) (string, error) {
	scheme := u.Scheme()
	if scheme != "http" && scheme != "https" {
		return "", fmt.Errorf("canonical URL: %w", ErrScheme)
	}
	if u.Username() != "" || u.Password() != "" {
		return "", fmt.Errorf("canonical URL: %w", ErrUserinfo)
	}
	host := u.Host() // with port, unless it is the default
	name, port, hasPort := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") {
		name, port, hasPort = host, "", false
	}
	if name = strings.TrimSuffix(name, "."); !validName(name) {
		return "", fmt.Errorf("canonical URL: host name: %w", ErrSyntax)
	}
	var b strings.Builder
	b.Grow(len(scheme) + len(host) + len(u.Pathname()) + len(u.Query()) + 4)
	b.WriteString(scheme)
	b.WriteString("://")
	b.WriteString(name)
	if hasPort {
		b.WriteString(":" + port)
	}
	b.WriteString(escapes(dropSession(u.Pathname())))
	if query := dropParams(u.Query()); query != "" {
		b.WriteString("?" + escapes(query))
	}
	return b.String(), nil
}

// validName refuses names that no DNS server would be asked for. A literal in
// brackets was checked by the parser.
func validName(name string) bool {
	if strings.HasPrefix(name, "[") {
		return true
	}
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

// address derives the rest of an Address from a canonical URL and its parts: name
// is the host, in brackets if IPv6, and port is "" for the default.
func address(text, scheme, name, port, rest string) (Address, error) {
	a := Address{URL: text, Host: strings.Trim(name, "[]"), Port: 443}
	if scheme == "http" {
		a.Port = 80
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Address{}, fmt.Errorf("canonical URL: port: %w", ErrSyntax)
		}
		a.Port, port = int(n), ":"+port
	}
	_, err := netip.ParseAddr(a.Host)
	a.IPLiteral = err == nil
	a.Site = siteOf(a.Host, a.IPLiteral)
	if !a.IPLiteral {
		name = reverse(a.Host)
	}
	a.SURT = name + port + ")" + rest
	return a, nil
}

// SiteOf is the site of a host name.
func SiteOf(host string) string { return siteOf(host, false) }

// siteOf is the registrable domain by the public suffix list, its private part
// included: two tenants of github.io are two sites.
func siteOf(host string, ip bool) string {
	if ip {
		return host
	}
	site, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil { // the host is a suffix itself, or one label
		return host
	}
	return site
}

// reverse turns www.example.com into com,example,www.
func reverse(host string) string {
	b := make([]byte, 0, len(host))
	for rest, more := host, true; more; {
		i := strings.LastIndexByte(rest, '.')
		b = append(b, rest[i+1:]...)
		if more = i >= 0; more {
			b = append(b, ',')
			rest = rest[:i]
		}
	}
	return string(b)
}
