package page

import "golang.org/x/net/html/atom"

// traits are what this package cares about in an element.
type traits uint16

const (
	// withAttrs: its attributes matter, so that those of all others are never
	// read.
	withAttrs traits = 1 << iota
	// leftOut: its text is not part of the document's own.
	leftOut
	// ownLine: it stands on lines of its own.
	ownLine
	// mainPart is never inside a menu.
	mainPart
	// cell stands beside others.
	cell
	// rawText: what is inside is text up to the end tag; escapable: with
	// character references.
	rawText
	escapable
)

// element is a kind of element that matters.
type element struct {
	atom   atom.Atom
	traits traits
}

func (e *element) has(t traits) bool { return e.traits&t != 0 }

// withTraits lists the elements that have each trait.
var withTraits = map[traits][]atom.Atom{
	withAttrs: {atom.A, atom.Area, atom.Link, atom.Base, atom.Meta, atom.Html, atom.Script},
	leftOut: {
		atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Math, atom.Iframe, atom.Object,
		atom.Select, atom.Textarea, atom.Button, atom.Nav, atom.Header, atom.Footer, atom.Aside, atom.Noframes, atom.Noembed,
	},
	ownLine: {
		atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Body, atom.Head, atom.Br, atom.Hr,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Table, atom.Caption, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Pre, atom.Blockquote,
		atom.Figure, atom.Figcaption, atom.Form, atom.Fieldset, atom.Address, atom.Details, atom.Summary, atom.Center,
	},
	mainPart:  {atom.Main, atom.Article},
	cell:      {atom.Td, atom.Th},
	rawText:   {atom.Iframe, atom.Noembed, atom.Noframes, atom.Noscript, atom.Plaintext, atom.Script, atom.Style, atom.Textarea, atom.Title, atom.Xmp},
	escapable: {atom.Textarea, atom.Title},
}

// elements are those with any trait, by atom.
var elements = func() map[atom.Atom]*element {
	all := make(map[atom.Atom]*element)
	for t, list := range withTraits {
		for _, a := range list {
			if all[a] == nil {
				all[a] = &element{atom: a}
			}
			all[a].traits |= t
		}
	}
	return all
}()

// traitsOf are the traits of an element of a DOM.
func traitsOf(a atom.Atom) traits {
	if e := elements[a]; e != nil {
		return e.traits
	}
	return 0
}

// byName finds elements by their packed name: an open hash table, a quarter full.
var byName = func() (table [nameSlots]struct {
	name    nameKey
	element *element
}) {
	for a, e := range elements {
		name, ok := packName([]byte(a.String()))
		if !ok {
			panic("page: " + a.String() + " is no name of an element that can be packed")
		}
		at := name.slot()
		for table[at].element != nil {
			at = (at + 1) % nameSlots
		}
		table[at].name, table[at].element = name, e
	}
	return table
}()

const (
	nameSlots = 256
	// longestName is that of blockquote and figcaption.
	longestName = 10
)

// nameKey is a lower-case name: its first eight bytes, and the others.
type nameKey struct {
	head uint64
	tail uint16
}

func (k nameKey) slot() uint64 {
	return ((k.head ^ uint64(k.tail)<<17) * 0x9e3779b97f4a7c15) >> 56 % nameSlots
}

// packName packs a name of ASCII letters and digits in any case; other names are
// none of ours.
func packName(name []byte) (k nameKey, ok bool) {
	if len(name) > longestName {
		return k, false
	}
	for i, c := range name {
		if letter(c) {
			c |= 0x20
		} else if c < '0' || c > '9' {
			return k, false
		}
		if i < 8 {
			k.head = k.head<<8 | uint64(c)
		} else {
			k.tail = k.tail<<8 | uint16(c)
		}
	}
	return k, true
}

// elementOf is the element of a name as it stands in a tag, nil if it does not
// matter.
func elementOf(name []byte) *element {
	k, ok := packName(name)
	if !ok {
		return nil
	}
	for at := k.slot(); ; at = (at + 1) % nameSlots {
		if e := &byName[at]; e.element == nil || e.name == k {
			return e.element
		}
	}
}
