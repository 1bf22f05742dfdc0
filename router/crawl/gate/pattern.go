package gate

import (
	"net/url"
	"strings"
)

// pattern is a path pattern of robots.txt, tdmrep.json or ai.txt: a prefix in
// which * stands for any bytes and a final $ for the end. It is kept in the
// normal form of normalPattern.
type pattern struct {
	text     string // without the final $
	anchored bool
	wild     bool
}

func newPattern(raw string) pattern {
	text := normalPattern(raw)
	bare, anchored := strings.CutSuffix(text, "$")
	return pattern{text: strings.Clone(bare), anchored: anchored, wild: strings.Contains(bare, "*")}
}

// String is the pattern in its normal form.
func (p pattern) String() string {
	if p.anchored {
		return p.text + "$"
	}
	return p.text
}

// priority is the length by which the most specific of several matching
// patterns is found (RFC 9309, 2.2.2). An empty pattern never decides.
func (p pattern) priority() int {
	if p.anchored {
		return len(p.text) + 1
	}
	return len(p.text)
}

// match reports whether p matches the whole of path or, not anchored, its
// beginning. Time is linear in the two lengths: finding each literal part as
// early as possible never spoils a later one, except for the last of an
// anchored pattern, which must be found at the end. grobotstxt.Matches gives
// the same answers (the fuzz test compares) but takes the product of the
// lengths, which a hostile robots.txt turns into seconds per URL.
func (p pattern) match(path string) bool {
	if !p.wild {
		return strings.HasPrefix(path, p.text) && (!p.anchored || len(path) == len(p.text))
	}
	head, rest, _ := strings.Cut(p.text, "*")
	if !strings.HasPrefix(path, head) {
		return false
	}
	path = path[len(head):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			if p.anchored {
				return strings.HasSuffix(path, part)
			}
			return strings.Contains(path, part)
		}
		at := strings.Index(path, part)
		if at < 0 {
			return false
		}
		path, rest = path[at+len(part):], after
	}
}

// normalPath is what of u is matched against patterns: path and query.
func normalPath(u *url.URL) string {
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + u.RawQuery
	}
	return normal(path, func(c byte, _ bool) bool { return c == '*' || c == '$' })
}

// normalPattern is the normal form of a pattern. A $ before the end means itself.
func normalPattern(raw string) string {
	return normal(raw, func(c byte, last bool) bool { return c == '$' && !last })
}

// normal brings paths and patterns to one form (RFC 9309, 2.2.2): escapes of
// unreserved characters are undone, other escapes are upper case, and bytes
// outside ASCII and those that special names are escaped.
func normal(s string, special func(c byte, last bool) bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			if c = unhex(s[i+1])<<4 | unhex(s[i+2]); isUnreserved(c) {
				b.WriteByte(c)
			} else {
				escape(&b, c)
			}
			i += 2
			continue
		}
		if c >= 0x80 || special(c, i == len(s)-1) {
			escape(&b, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func escape(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&0x0f])
}

func isUnreserved(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
