package job

import "strings"

// Place is one address in canonical form, as router/dedupe makes it; this
// package compares the strings and never parses them further than to find
// where the path begins.
type Place struct {
	URL  string // scheme://host[:port]/path[?query], no fragment
	Host string // host name without port
	Site string // registrable domain
}

// Area is the part of the web one job may enter: its scope drawn around its
// seeds. It is built once and then safe for concurrent use.
type Area struct {
	scope Scope
	known map[string]struct{} // URLs, folders, hosts or sites, as scope says
}

// NewArea draws scope around seeds.
func NewArea(scope Scope, seeds []Place) *Area {
	a := &Area{scope: scope, known: make(map[string]struct{}, len(seeds))}
	for _, seed := range seeds {
		switch scope {
		case ScopeList:
			a.known[seed.URL] = struct{}{}
		case ScopePrefix:
			a.known[folder(seed.URL)] = struct{}{}
		case ScopeHost:
			a.known[seed.Host] = struct{}{}
		case ScopeSite:
			a.known[seed.Site] = struct{}{}
		}
	}
	return a
}

// InScope says whether p belongs to the job. With ScopePrefix a seed /a/b
// stands for itself and what is below /a/b/, while /a/ and /a/b.html stand for
// all of /a/; a folder without its last slash is the folder. http and https are
// the same place, since http is tried as https first.
func (a *Area) InScope(p Place) bool {
	switch a.scope {
	case ScopeList:
		return a.has(p.URL)
	case ScopePrefix:
		return a.hasFolderOf(p.URL)
	case ScopeHost:
		return a.has(p.Host)
	case ScopeSite:
		return a.has(p.Site)
	}
	return false
}

func (a *Area) has(key string) bool {
	_, ok := a.known[key]
	return ok && key != ""
}

// hasFolderOf looks up the address and then each folder above it, so that its
// cost grows with the depth of the path and not with the number of seeds.
func (a *Area) hasFolderOf(url string) bool {
	path := withoutScheme(url)
	if a.has(path + "/") { // the seed /a/b itself
		return true
	}
	for {
		end := strings.LastIndexByte(path, '/')
		if end < 0 {
			return false
		}
		if a.has(path[:end+1]) {
			return true
		}
		path = path[:end]
	}
}

// folder is host/path/ that a seed stands for.
func folder(url string) string {
	path := withoutScheme(url)
	end := strings.LastIndexByte(path, '/')
	if end < 0 {
		return path + "/"
	}
	if last := path[end+1:]; last == "" || strings.ContainsRune(last, '.') {
		return path[:end+1]
	}
	return path + "/"
}

func withoutScheme(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	path, _, _ := strings.Cut(url, "?")
	return path
}
