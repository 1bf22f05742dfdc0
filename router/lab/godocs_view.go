package lab

import (
	"html/template"
	"path"
	"strings"
)

// view is what the page template shows.
type view struct {
	Title, Lead, Charset string
	NoIndex              bool
	Canonical            string        // path, or empty
	Crumbs               []link        // from the root to the parent
	Overview             template.HTML // already safe: made by go/doc/comment
	Sections             []section
	Lists                []linkList
}

type section struct {
	Title string
	Items []item
}

// item is one declaration with its documentation.
type item struct {
	ID, Heading string
	Code        string
	Doc         template.HTML
	Examples    []example
}

type example struct{ Name, Doc, Code, Output string }

type linkList struct {
	Title string
	Links []link
}

type link struct{ Href, Text string }

// redirectLinks are addresses with a final slash that the home page links to.
var redirectLinks = [...]string{"/pkg/fmt/", "/pkg/net/"}

// homeMirrors is how many mirrored pages the home page links to, so that a
// short crawl meets duplicates too.
const homeMirrors = 12

// href is the path of a package's or group's page, empty when it has none.
func (g *GoDocs) href(importPath string) string {
	if _, ok := g.dirs[importPath]; ok && isInternal(importPath) {
		return "/internal/" + importPath
	}
	if g.known[importPath] {
		return "/pkg/" + importPath
	}
	return ""
}

func (g *GoDocs) links(importPaths []string) []link {
	var out []link
	for _, p := range importPaths {
		if h := g.href(p); h != "" {
			out = append(out, link{h, p})
		}
	}
	return out
}

func (g *GoDocs) homePage() view {
	v := view{
		Title: "Documentation of the Go source tree",
		Lead: "This site is rendered from the Go source tree on this machine. It exists so that a crawler " +
			"can be tried on real prose without touching anybody's server: every package has a page, " +
			"and the access log tells whether the robots rules and the pace were kept.",
		Lists: []linkList{
			{"Start here", []link{{"/pkg", "All packages"}, {"/mirror", "Mirrored packages"}, {"/internal/", "Internal packages"}, {"/docs", "The old address of the list"}}},
			{"Well-known packages", g.links([]string{"fmt", "io", "net/http", "os", "strconv", "strings", "time", "testing/iotest", "encoding/ascii85"})},
			{"Groups", g.links(g.groups)},
		},
	}
	old := linkList{Title: "Old addresses"}
	for _, h := range redirectLinks {
		old.Links = append(old.Links, link{h, h})
	}
	for i := range missingLinks {
		h := "/missing/" + strings.Repeat("gone-", i+1) + "page"
		old.Links = append(old.Links, link{h, h})
	}
	v.Lists = append(v.Lists, old, linkList{"Printable versions", g.mirrorLinks(g.mirror[:min(len(g.mirror), homeMirrors)])})
	return v
}

func (g *GoDocs) listPage(title, self string, importPaths []string) view {
	v := view{
		Title:     title,
		Lead:      "Each package below has a page with its overview, declarations and examples, sorted by import path.",
		Crumbs:    []link{{"/", "Home"}},
		Canonical: self,
	}
	// One list a first letter keeps the page readable.
	for _, p := range importPaths {
		letter := strings.ToUpper(p[:1])
		if n := len(v.Lists); n == 0 || v.Lists[n-1].Title != letter {
			v.Lists = append(v.Lists, linkList{Title: letter})
		}
		last := &v.Lists[len(v.Lists)-1]
		last.Links = append(last.Links, link{g.href(p), p})
	}
	return v
}

func (g *GoDocs) mirrorPage() view {
	v := view{
		Title:  "Mirrored packages",
		Lead:   "These pages repeat the text of the package pages under another address, as mirrors and printable versions do.",
		Crumbs: []link{{"/", "Home"}},
	}
	v.Lists = append(v.Lists, linkList{"Mirrors", g.mirrorLinks(g.mirror)})
	return v
}

func (g *GoDocs) mirrorLinks(importPaths []string) []link {
	var out []link
	for _, p := range importPaths {
		out = append(out, link{"/mirror/" + p, p})
	}
	return out
}

// groupPage is the page of a folder that holds packages and is none itself.
func (g *GoDocs) groupPage(name string) view {
	return view{
		Title:  "Packages under " + name,
		Lead:   "The folder " + name + " holds no package of its own; these packages are below it.",
		Crumbs: g.crumbs(name),
		Lists:  []linkList{{"Packages", g.links(g.below(name))}},
	}
}

// below are the public pages, internal ones included, under a path.
func (g *GoDocs) below(name string) []string {
	var out []string
	for _, list := range [][]string{g.groups, g.public, g.hidden} {
		for _, p := range list {
			if strings.HasPrefix(p, name+"/") {
				out = append(out, p)
			}
		}
	}
	return out
}

// crumbs link to the pages above one.
func (g *GoDocs) crumbs(name string) []link {
	var up []string
	for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
		up = append([]string{parent}, up...)
	}
	return append([]link{{"/", "Home"}, {"/pkg", "Packages"}}, g.links(up)...)
}

func (g *GoDocs) searchPage(query string) *rendered {
	v := view{Title: "Search", Lead: "No crawler should read this page: robots.txt forbids it. You searched for “" + query + "”."}
	var hits []string
	for _, p := range g.public {
		if query != "" && strings.Contains(p, query) {
			hits = append(hits, p)
		}
	}
	v.Lists = []linkList{{"Results", g.links(hits)}}
	page, err := g.finish(v, 0)
	if err != nil {
		return plain("text/plain; charset=utf-8", err.Error())
	}
	return page
}
