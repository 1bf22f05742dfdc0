package page

import (
	"net/url"
	"strings"

	"golang.org/x/net/html/atom"
)

// attrs are the attributes this package reads, of one element.
type attrs struct {
	href, rel, name, property, httpEquiv, content, lang string
	hasHref                                             bool
}

// set stores one attribute; the first of a name counts.
func (a *attrs) set(key, value string) {
	var field *string
	switch key {
	case "href":
		a.hasHref, field = true, &a.href
	case "rel":
		field = &a.rel
	case "name":
		field = &a.name
	case "property":
		field = &a.property
	case "http-equiv":
		field = &a.httpEquiv
	case "content":
		field = &a.content
	case "lang", "xml:lang":
		field = &a.lang
	default:
		return
	}
	if *field == "" {
		*field = value
	}
}

// wanted reports whether an element's attributes matter, so that those of all
// others are never read.
func wanted(tag atom.Atom) bool {
	switch tag {
	case atom.A, atom.Area, atom.Link, atom.Base, atom.Meta, atom.Html:
		return true
	}
	return false
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
}

func newHeadReader(bounds Bounds) *headReader {
	return &headReader{bounds: bounds, links: linkSet{bounds: bounds}}
}

// element takes one start tag for which wanted is true.
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
		}
	case atom.Link:
		if rel := relOf(a.rel, true); a.hasHref && rel&(RelCanonical|RelAlternate|RelNext) != 0 {
			h.links.add(a.href, rel)
		}
	case atom.Meta:
		h.meta(a)
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
	h.metas = append(h.metas, Meta{name, oneLine([]byte(a.content), h.bounds.MetaBytes)})
}

// setTitle takes the text of a <title>; the first counts.
func (h *headReader) setTitle(text []byte) {
	if !h.hasTitle {
		h.title, h.hasTitle = oneLine(text, h.bounds.TitleBytes), true
	}
}

// fill writes what was gathered into a page.
func (h *headReader) fill(page *Page, document *url.URL) {
	page.Links, page.Canonical = h.links.resolve(document)
	page.Metas, page.Lang, page.Title = h.metas, h.lang, h.title
	for _, m := range h.metas {
		if page.Title == "" && m.Name == "og:title" {
			page.Title = string(cut([]byte(m.Content), h.bounds.TitleBytes))
		}
	}
}
