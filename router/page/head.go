package page

import (
	"net/url"
	"strings"

	"golang.org/x/net/html/atom"
)

// attrs are the attributes this package reads, of one element.
type attrs struct {
	href, rel, name, property, httpEquiv, content, lang, kind string
	hasHref                                                   bool
}

// field is where the attribute of a lower-case key is kept, nil if it does not
// matter, and a number of its own.
func (a *attrs) field(key string) (field *string, number uint) {
	switch key {
	case "href":
		return &a.href, 0
	case "rel":
		return &a.rel, 1
	case "name":
		return &a.name, 2
	case "property":
		return &a.property, 3
	case "http-equiv":
		return &a.httpEquiv, 4
	case "content":
		return &a.content, 5
	case "lang":
		return &a.lang, 6
	case "xml:lang":
		return &a.lang, 7
	case "type":
		return &a.kind, 8
	}
	return nil, 0
}

// set stores one attribute of a DOM.
func (a *attrs) set(key, value string) {
	field, _ := a.field(key)
	if field == nil {
		return
	}
	a.hasHref = a.hasHref || field == &a.href
	if *field == "" {
		*field = value
	}
}

// longestKey is that of http-equiv.
const longestKey = 10

// read takes over those of a scanner's start tag; the first of a name counts.
func (a *attrs) read(s *scanner) {
	*a = attrs{}
	var seen uint
	s.attributes(func(key, value []byte) {
		if len(key) > longestKey {
			return
		}
		var buf [longestKey]byte
		for i, c := range key {
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			}
			buf[i] = c
		}
		field, number := a.field(string(buf[:len(key)]))
		if field == nil || seen&(1<<number) != 0 {
			return
		}
		seen |= 1 << number
		a.hasHref = a.hasHref || field == &a.href
		if *field == "" {
			*field = unescapeValue(value)
		}
	})
}

// headReader gathers what both modes take from elements: links, metas, title,
// language. They feed it the elements in document order.
type headReader struct {
	bounds   Bounds
	links    linkSet
	metas    []Meta
	title    string
	hasTitle bool
	lang     string
	licences licences
	// licenceRefs are the targets of rel=license as written: <base> may come
	// after them.
	licenceRefs []string
	linked      linkedBlocks
	// inLinked: the script that was opened holds linked data.
	inLinked bool
}

func newHeadReader(bounds Bounds) *headReader {
	return &headReader{bounds: bounds, links: linkSet{bounds: bounds}}
}

// element takes one start tag that has the trait withAttrs.
func (h *headReader) element(tag atom.Atom, a *attrs) {
	switch tag {
	case atom.Html:
		if h.lang == "" {
			h.lang = oneLine([]byte(a.lang), 64)
		}
	case atom.Base:
		if h.links.base == "" && len(a.href) <= h.bounds.LinkBytes {
			h.links.base = strings.TrimSpace(a.href)
		}
	case atom.A, atom.Area:
		if a.hasHref {
			h.links.add(a.href, relOf(a.rel, false))
			h.licence(a)
		}
	case atom.Script:
		h.inLinked = linkedData(a.kind)
	case atom.Link:
		if a.hasHref {
			h.licence(a)
		}
		if rel := relOf(a.rel, true); a.hasHref && rel&(RelCanonical|RelAlternate|RelNext) != 0 {
			h.links.add(a.href, rel)
		}
	case atom.Meta:
		h.meta(a)
	}
}

// maxLicences is how many links to licences are looked at.
const maxLicences = 16

// licence takes a link's word on the licence.
func (h *headReader) licence(a *attrs) {
	switch {
	case a.rel != "" && isLicence(a.rel):
		if len(h.licenceRefs) < maxLicences {
			h.licenceRefs = append(h.licenceRefs, strings.TrimSpace(a.href))
		}
	case creativeCommons(a.href):
		h.licences.add(licenceMention, a.href)
	}
}

// linkedData reports whether a script of a type holds JSON-LD.
func linkedData(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/ld+json")
}

// script takes the text of a script.
func (h *headReader) script(text []byte) {
	if h.inLinked {
		h.linked.add(text)
	}
}

func (h *headReader) meta(a *attrs) {
	name := a.name
	if name == "" {
		name = a.property
	}
	if name == "" {
		name = a.httpEquiv
	}
	name = strings.ToLower(oneLine([]byte(name), 128))
	if name == "" || len(h.metas) >= h.bounds.Metas {
		return
	}
	m := Meta{name, oneLine([]byte(a.content), h.bounds.MetaBytes)}
	h.metas = append(h.metas, m)
	if namesLicence(name) {
		h.licences.add(licenceMeta, m.Content)
	}
}

// setTitle takes the text of a <title>; the first counts.
func (h *headReader) setTitle(text []byte) {
	if !h.hasTitle {
		h.title, h.hasTitle = oneLine(text, h.bounds.TitleBytes), true
	}
}

// fill writes what was gathered into a page.
func (h *headReader) fill(page *Page, in Input, document *url.URL) {
	page.Links, page.Canonical = h.links.resolve(document)
	if len(h.licenceRefs) > 0 {
		resolve := h.links.resolver(document)
		for _, ref := range h.licenceRefs {
			h.licences.add(licenceLink, resolve.absolute(ref))
		}
	}
	page.JSONLD = h.linked.list
	h.licences.add(licenceJSON, h.linked.licence())
	licenceHeaders(&h.licences, in.LinkHeaders, document)
	page.Licence = h.licences.best()
	page.Metas, page.Lang, page.Title = h.metas, h.lang, h.title
	for _, m := range h.metas {
		if page.Title == "" && m.Name == "og:title" {
			page.Title = string(cut([]byte(m.Content), h.bounds.TitleBytes))
		}
	}
}
