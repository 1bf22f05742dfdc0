package page

import (
	"net/url"
	"strings"
)

// rawPerLink bounds the references remembered before they are resolved, as a
// multiple of Bounds.Links: pages link to one address many times.
const rawPerLink = 4

// reference is an address as the document writes it.
type reference struct {
	raw string
	rel Rel
}

// linkSet gathers references and resolves them at the end, when <base> is
// known wherever it stood.
type linkSet struct {
	bounds Bounds
	base   string // href of the first <base>
	refs   []reference
}

func (s *linkSet) add(raw string, rel Rel) {
	raw = strings.Trim(raw, " \t\r\n\f")
	if raw == "" || raw[0] == '#' && rel&^RelNoFollow == 0 || len(raw) > s.bounds.LinkBytes || len(s.refs) >= rawPerLink*s.bounds.Links {
		return
	}
	s.refs = append(s.refs, reference{raw, rel})
}

// resolve returns distinct absolute addresses in document order, and the
// canonical one.
func (s *linkSet) resolve(document *url.URL) (links []Link, canonical string) {
	r := s.resolver(document)
	seen := make(map[string]int, min(len(s.refs), s.bounds.Links))
	for _, ref := range s.refs {
		address := r.absolute(ref.raw)
		if address == "" || len(address) > s.bounds.LinkBytes {
			continue
		}
		if ref.rel.Has(RelCanonical) && canonical == "" {
			canonical = address
		}
		if i, known := seen[address]; known {
			links[i].Rel = merge(links[i].Rel, ref.rel)
			continue
		}
		if len(links) < s.bounds.Links {
			seen[address] = len(links)
			links = append(links, Link{address, ref.rel})
		}
	}
	return links, canonical
}

// resolver resolves against <base>, else the document's own address.
func (s *linkSet) resolver(document *url.URL) resolver {
	base := document
	if s.base != "" {
		if u, err := document.Parse(repair(s.base)); err == nil && u.Host != "" {
			base = u
		}
	}
	return resolver{base: base, origin: base.Scheme + "://" + base.Host}
}

// merge joins two mentions of one address: it is nofollow only if both are.
func merge(a, b Rel) Rel {
	return (a|b)&^RelNoFollow | a&b&RelNoFollow
}

type resolver struct {
	base   *url.URL
	origin string
}

// absolute is a reference against the base without fragment; empty when it is
// no web address.
func (r resolver) absolute(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	if rooted(raw) {
		return r.origin + raw // what the general way below would answer
	}
	u, err := r.base.Parse(repair(raw))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// rooted reports whether a reference is an absolute path of harmless
// characters, the commonest kind, which needs no parsing.
func rooted(raw string) bool {
	if len(raw) == 0 || raw[0] != '/' {
		return false
	}
	inQuery := false
	for i := 1; i < len(raw); i++ {
		switch c := raw[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '=', c == '&':
		case c == '?':
			inQuery = true
		case c == '.', c == '/':
			// "//" and dot segments have a meaning in a path.
			if !inQuery && raw[i-1] == '/' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// repair undoes what browsers forgive and net/url does not: tabs and line ends
// inside, backslashes, percent signs that encode nothing, spaces.
func repair(raw string) string {
	if !strings.ContainsAny(raw, "\t\n\r\\% ") {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw) + 8)
	inQuery := false
	for i := range len(raw) {
		switch c := raw[i]; {
		case c == '\t' || c == '\n' || c == '\r':
		case c == '\\' && !inQuery:
			b.WriteByte('/')
		case c == ' ':
			b.WriteString("%20")
		case c == '%' && (i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2])):
			b.WriteString("%25")
		default:
			inQuery = inQuery || c == '?'
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// relOf reads a rel attribute. Alternate, canonical and next count on <link>;
// on <a> only next does.
func relOf(value string, onLink bool) Rel {
	var rel Rel
	for word := range strings.FieldsSeq(value) {
		switch strings.ToLower(word) {
		case "nofollow", "ugc", "sponsored":
			rel |= RelNoFollow
		case "next":
			rel |= RelNext
		case "canonical":
			if onLink {
				rel |= RelCanonical
			}
		case "alternate":
			if onLink {
				rel |= RelAlternate
			}
		}
	}
	return rel
}
