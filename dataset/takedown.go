package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Scope is what a takedown's target names.
type Scope string

// The scopes of a takedown.
const (
	ScopeURL     Scope = "url"     // one address
	ScopeSite    Scope = "site"    // a host name and all below it
	ScopePattern Scope = "pattern" // addresses in which * stands for any run of characters
)

// Takedown is an order to leave pages out of a dataset: those it has, and those
// a later crawl would bring. Orders are never taken back; a dataset's list of
// them only grows.
type Takedown struct {
	Scope  Scope
	Target string    // a canonical address, a host name or a pattern; the scheme of an address plays no part
	Reason string    // published with every version; at most maxReason bytes
	At     time.Time // when it was ordered, to the second, UTC
}

// ErrTakedown says that an order cannot be carried out as it stands.
var ErrTakedown = errors.New("not a takedown")

// Bounds of an order.
const (
	maxReason = 500
	maxTarget = 2048
	maxStars  = 16
)

// Check says what is wrong with an order, or nil.
func (t *Takedown) Check() error {
	switch {
	case t.Reason == "" || len(t.Reason) > maxReason || !plain(t.Reason):
		return fmt.Errorf("%w: it needs a reason of at most %d bytes on one line, for everybody to read", ErrTakedown, maxReason)
	case t.Target == "" || len(t.Target) > maxTarget || !plain(t.Target):
		return fmt.Errorf("%w: its target must have 1 to %d bytes and no control characters", ErrTakedown, maxTarget)
	case t.At.IsZero():
		return fmt.Errorf("%w: it has no date", ErrTakedown)
	}
	return t.checkTarget()
}

func (t *Takedown) checkTarget() error {
	switch t.Scope {
	case ScopeURL:
		u, err := url.Parse(t.Target)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%w: %.200q is not an absolute http(s) address", ErrTakedown, t.Target)
		}
	case ScopeSite:
		if strings.ContainsAny(t.Target, "/:*@ ") || t.Target != strings.ToLower(t.Target) || !strings.Contains(t.Target, ".") || strings.Contains(t.Target, "..") ||
			strings.HasPrefix(t.Target, ".") || strings.HasSuffix(t.Target, ".") {
			return fmt.Errorf("%w: %.200q is not a host name in lower case, such as example.org", ErrTakedown, t.Target)
		}
	case ScopePattern:
		bare := strings.Trim(withoutScheme(t.Target), "*/.")
		if stars := strings.Count(t.Target, "*"); stars < 1 || stars > maxStars || len(bare) < 4 {
			return fmt.Errorf("%w: %.200q is not a pattern of an address with 1 to %d asterisks, such as example.org/people/*", ErrTakedown, t.Target, maxStars)
		}
	default:
		return fmt.Errorf("%w: scope %q, expected url, site or pattern", ErrTakedown, t.Scope)
	}
	return nil
}

func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Covers says whether the order is about the page at a canonical address on a
// host.
func (t *Takedown) Covers(address, host string) bool {
	switch t.Scope {
	case ScopeURL:
		return withoutScheme(address) == withoutScheme(t.Target)
	case ScopeSite:
		return host == t.Target || strings.HasSuffix(host, "."+t.Target)
	case ScopePattern:
		return matches(withoutScheme(t.Target), withoutScheme(address))
	default:
		return false
	}
}

// withoutScheme is an address without https:// or http://: a page is the same
// page over either.
func withoutScheme(address string) string {
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		return rest
	}
	return strings.TrimPrefix(address, "http://")
}

// matches says whether text is pattern, in which * stands for any run of
// characters. It takes time linear in the text for each asterisk.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || len(text) < len(first)+len(last) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// Takedowns are the orders for a dataset, made ready to be asked about many
// pages. A nil *Takedowns covers nothing.
type Takedowns struct {
	list     []Takedown
	urls     map[string]int // number of the first order
	sites    map[string]int
	patterns []int
}

// NewTakedowns makes orders ready. The list must not change afterwards.
func NewTakedowns(list []Takedown) *Takedowns {
	t := &Takedowns{list: list, urls: map[string]int{}, sites: map[string]int{}}
	first := func(in map[string]int, key string, i int) {
		if _, ok := in[key]; !ok {
			in[key] = i
		}
	}
	for i := range list {
		switch list[i].Scope {
		case ScopeURL:
			first(t.urls, withoutScheme(list[i].Target), i)
		case ScopeSite:
			first(t.sites, list[i].Target, i)
		case ScopePattern:
			t.patterns = append(t.patterns, i)
		}
	}
	return t
}

// Cover says whether any order is about the page at a canonical address on a
// host. It may be called concurrently.
func (t *Takedowns) Cover(address, host string) bool { return t.find(address, host) >= 0 }

// find is the number of the oldest order about a page, or -1.
func (t *Takedowns) find(address, host string) int {
	if t == nil || len(t.list) == 0 {
		return -1
	}
	found := len(t.list)
	if i, ok := t.urls[withoutScheme(address)]; ok {
		found = i
	}
	for name, more := host, true; more && len(t.sites) > 0; _, name, more = strings.Cut(name, ".") {
		if i, ok := t.sites[name]; ok {
			found = min(found, i)
		}
	}
	for _, i := range t.patterns {
		if i >= found {
			break
		}
		if t.list[i].Covers(address, host) {
			found = i
		}
	}
	if found == len(t.list) {
		return -1
	}
	return found
}

// hostOf is the host name of an address, without its port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// addressDigest is how a tombstone names an address without telling it: SHA-256
// of the canonical address.
func addressDigest(address string) [32]byte { return sha256.Sum256([]byte(address)) }
